"""From a spec to its plan: which steps, in which order, for which cells of the comparison."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from fractions import Fraction
from math import gcd, lcm
from pathlib import Path
from typing import Any

from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment.arms import arms
from synthlab.experiment.data_peek import column_faults, peek
from synthlab.experiment.datasets import ResolvedDataset
from synthlab.experiment.keys import step_key
from synthlab.experiment.models import ResolvedModel
from synthlab.experiment.plan_bias import measure_bias
from synthlab.experiment.plan_probes import OBSERVING, observe_training
from synthlab.experiment.plan_robustness import compose_set, measure_robustness
from synthlab.experiment.plan_sources import asked_for, served_step, way_to
from synthlab.experiment.resolver import Resolver
from synthlab.experiment.spec import (
    CollapseOptions,
    Evaluate,
    ExperimentSpec,
    Mixture,
    PromptSet,
    Sampling,
    Share,
    Source,
)
from synthlab.experiment.steps import Cell, Plan, PlanCell, Step, StepAlias, StepInput, StepKind

MODEL_KINDS: frozenset[StepKind] = frozenset(
    {"generate", "finetune", "collapse", "calibrate", "judge", "bias"}
)


def build_plan(spec: ExperimentSpec, resolver: Resolver) -> Plan:
    """Expand a spec into steps; equal work asked for twice becomes one step with two labels.

    Raises NotFoundError or SpecError, each with `file:line: key`, if something that the file names
    is not at hand, must not be used, or cannot be done by this version.
    """
    return _Planner(spec, resolver).plan()


class _Planner:
    def __init__(self, spec: ExperimentSpec, resolver: Resolver) -> None:
        self.whole = spec
        self.spec = spec
        """The part that is being planned: one base with its mixtures."""
        self.resolver = resolver
        self.steps: dict[str, Step] = {}
        self.label_of_key: dict[str, str] = {}
        self.models: dict[tuple[str, str | None], ResolvedModel] = {}

    def plan(self) -> Plan:
        spec = self.whole
        for arm in arms(spec):
            with self.located(*arm.keys, "model"):
                self.model(arm.spec.base.model, arm.spec.base.revision)
        for name, prompts in spec.prompts.items():
            if prompts.dataset is not None:
                self.import_set(name)
        for source in spec.sources.values():
            if source.kind == "model":
                self.generate(source)
        cells = [cell for arm in arms(spec) for cell in self.arm(arm.spec)]
        return Plan(spec.name, tuple(self.steps.values()), tuple(cells))

    def arm(self, spec: ExperimentSpec) -> list[PlanCell]:
        with self.planned_as(spec):
            for mixture in spec.mixtures.values():
                for seed in spec.seeds:
                    self.finetune(mixture, seed)
            cells = [cell for condition in spec.conditions for cell in self.condition(condition)]
            if spec.evaluate is not None and spec.evaluate.bias is not None:
                cells += measure_bias(self, spec.evaluate, spec.evaluate.bias)
        return cells

    @contextmanager
    def planned_as(self, spec: ExperimentSpec) -> Iterator[None]:
        outer, self.spec = self.spec, spec
        try:
            yield
        finally:
            self.spec = outer

    def condition(self, condition: str) -> Iterator[PlanCell]:
        mixture = self.spec.mixtures.get(condition)
        for seed in self.spec.seeds:
            finetune = self.finetune(mixture, seed) if mixture else None
            evaluate = self.spec.evaluate
            if evaluate is None:
                if finetune is not None:
                    yield PlanCell(Cell(condition, seed, None), finetune, None, finetune)
                continue
            if evaluate.prompts:
                answers = self.answers(evaluate, condition, seed, finetune)
                if evaluate.collapse is not None:
                    cell = Cell(condition, seed, "collapse")
                    step = self.collapse(evaluate, evaluate.collapse, cell, answers, finetune)
                    yield PlanCell(cell, step, answers, finetune)
                elif evaluate.robustness is None and evaluate.bias is None:
                    yield PlanCell(Cell(condition, seed, None), answers, answers, finetune)
            if evaluate.robustness is not None:
                cell = Cell(condition, seed, "robustness")
                step = measure_robustness(self, evaluate, evaluate.robustness, cell, finetune)
                yield PlanCell(cell, step, None, finetune)

    # Each method below adds a step, unless it is there, and returns the label it goes by.

    def import_set(self, name: str) -> str:
        prompts = self.spec.prompts[name]
        base = prompts if prompts.holdout is None else self.spec.prompts[prompts.holdout.of]
        label = f"import/{base.name}"
        if base.dataset is None:
            return label
        if label in self.steps:
            return compose_set(self, base, label)
        with self.located("prompts", base.name, "dataset"):
            found = self.resolver.dataset(base.dataset, base.revision, base.split)
        self.check_columns(base, found)
        holdouts = [
            {
                "set": other.name,
                "share": other.holdout.share,
                "rows": other.holdout.rows,
                "stratify": other.holdout.stratify,
                "seed": other.holdout.seed,
            }
            for other in self.spec.prompts.values()
            if other.holdout is not None and other.holdout.of == base.name
        ]
        params = {
            # The key of a set without configurations stays what it was before there were any.
            "dataset": {**found.params, **({"config": base.config} if base.config else {})},
            "columns": asdict(base.columns),
            "rows": base.rows,
            "order_seed": base.seed,
            "holdouts": holdouts,
            "set": base.name,
        }
        step = self.add("import", label, params, {}, locate=found.locate, blocked=found.blocked)
        return compose_set(self, base, step)

    def check_columns(self, prompts: PromptSet, found: ResolvedDataset) -> None:
        """Refuse a column that the data file does not have, before anything is queued for it."""
        located, form = found.locate.get("dataset"), found.params.get("format")
        if located is None or form is None:
            return
        seen = peek(Path(located), form)
        keys = ("prompts", prompts.name, "columns")
        faults = [
            f"{self.spec.origin.where(*keys, field)}: {fault}"
            for field, fault in column_faults(seen, asdict(prompts.columns))
        ]
        if faults:
            raise SpecError("\n".join(faults))

    def generate(self, source: Source, prompts: str | None = None) -> str:
        """A source's answers to its own prompt set, or to another one that an axis asks for."""
        # What a source says does not depend on the base that will be trained on it.
        with self.planned_as(self.whole):
            return self.generated(source, prompts)

    def generated(self, source: Source, prompts: str | None) -> str:
        answered = prompts or source.prompts
        label = (
            f"generate/{source.name}" if prompts is None else f"generate-{prompts}/{source.name}"
        )
        keys = ("sources", source.name)
        if source.engine == "openai":
            return served_step(self, source, answered, label)
        with self.located(*keys, "model"):
            model = self.model(*self.model_of(source))
        params: dict[str, Any] = {}
        inputs: dict[str, str] = {}
        locate: dict[str, str] = {}
        if source.adapter in self.spec.mixtures:
            if self.model_of(source) != self.model_of(None):
                raise SpecError(
                    f"{self.spec.origin.where(*keys, 'adapter')}: the adapter of a mixture fits only "
                    "the base model; leave out model"
                )
            mixture = self.spec.mixtures[source.adapter]
            inputs["adapter"] = self.finetune(mixture, self.spec.seeds[0])
        elif source.adapter is not None:
            with self.located(*keys, "adapter"):
                adapter = self.resolver.adapter(source.adapter)
                if adapter.base is not None and not adapter.fits(model.identity):
                    raise SpecError(
                        f"{source.adapter} was trained on {adapter.base.id}, which is not the model"
                        f" {model.identity.id} of this source"
                    )
            params["adapter"] = {"digest": adapter.digest}
            locate["adapter"] = str(adapter.folder)
        system = self.spec.base.system if source.system is None else source.system
        params |= self.generate_params(
            model, answered, source.sampling, system or None, source.seed
        )
        params |= {"engine": source.engine, **asked_for(source)}
        inputs["prompts"] = self.import_set(answered)
        way = way_to(source)
        return self.add(
            "generate", label, params, inputs, model=model, locate=locate, observing=way
        )

    def answers(self, evaluate: Evaluate, condition: str, seed: int, finetune: str | None) -> str:
        model = self.base_model()
        params = self.generate_params(
            model, evaluate.prompts, evaluate.sampling, self.spec.base.system, seed
        )
        inputs = {"prompts": self.import_set(evaluate.prompts)}
        if finetune is not None:
            inputs["adapter"] = finetune
        label = f"answers/{condition}.s{seed}"
        cell = Cell(condition, seed, None)
        return self.add("generate", label, params, inputs, model=model, cell=cell)

    def generate_params(
        self, model: ResolvedModel, prompts: str, sampling: Sampling, system: str | None, seed: int
    ) -> dict[str, Any]:
        return {
            "model": model.identity.to_json(),
            "engine": "transformers",
            "prompts": prompts,
            "sampling": asdict(sampling),
            "system": system,
            "seed": seed,
            "dtype": self.spec.base.dtype,
        }

    def mix(self, mixture: Mixture) -> str:
        label = f"mix/{mixture.name}"
        if label in self.steps:
            return label
        used = tuple(share for share in mixture.shares if share.weight > 0)
        inputs: dict[str, str] = {}
        parts = []
        for i, (share, weight) in enumerate(zip(used, whole_weights(used), strict=True)):
            source = self.spec.sources[share.source]
            role = f"responses:{i}"
            human = source.kind == "human"
            inputs[role] = self.import_set(source.prompts) if human else self.generate(source)
            parts.append({"role": role, "share": weight, "set": source.prompts if human else None})
        prompts = self.spec.sources[used[0].source].prompts
        inputs["prompts"] = self.import_set(prompts)
        params = {
            "parts": parts,
            "prompts": prompts,
            "assign": mixture.assign,
            "rows": mixture.rows,
            "tokens": mixture.tokens,
            "filters": asdict(mixture.filters),
            "seed": mixture.seed,
        }
        return self.add("mix", label, params, inputs)

    def finetune(self, mixture: Mixture, seed: int) -> str:
        label = f"finetune/{mixture.name}.s{seed}"
        if label in self.steps:
            return label
        model = self.base_model()
        options = asdict(self.spec.finetune)
        for name in OBSERVING:
            del options[name]
        options["lora"]["targets"] = list(options["lora"]["targets"])
        params = {
            "model": model.identity.to_json(),
            **options,
            "seed": seed,
            "dtype": self.spec.base.dtype,
            "system": self.spec.base.system,
        }
        inputs = {"mixture": self.mix(mixture)}
        cell = Cell(mixture.name, seed, None)
        observing = observe_training(self)
        return self.add(
            "finetune", label, params, inputs, model=model, cell=cell, observing=observing
        )

    def collapse(
        self,
        evaluate: Evaluate,
        options: CollapseOptions,
        cell: Cell,
        answers: str,
        finetune: str | None,
    ) -> str:
        model = self.base_model()
        params: dict[str, Any] = {
            "model": model.identity.to_json(),
            "prompts": evaluate.prompts,
            "metrics": list(options.metrics),
            "token_budget": options.token_budget,
            "seed": options.seed,
            "dtype": self.spec.base.dtype,
            "system": self.spec.base.system,
        }
        locate: dict[str, str] = {}
        blocked = ""
        if options.embedder is not None:
            with self.located("evaluate", "collapse", "embedder"):
                embedder = self.resolver.embedder(options.embedder)
            params |= {"metrics": [*options.metrics, "embedding"], "embedder": embedder.to_json()}
            locate["embedder"] = str(embedder.folder)
            blocked = embedder.blocked
        inputs = {"answers": answers, "human": self.import_set(evaluate.prompts)}
        if finetune is not None:
            inputs["adapter"] = finetune
        label = f"collapse/{cell.condition}.s{cell.seed}"
        return self.add(
            "collapse",
            label,
            params,
            inputs,
            model=model,
            cell=cell,
            locate=locate,
            blocked=blocked,
        )

    def base_model(self) -> ResolvedModel:
        return self.model(*self.model_of(None))

    def model_of(self, source: Source | None) -> tuple[str, str | None]:
        if source is not None and source.model is not None:
            return source.model, source.revision
        return self.spec.base.model, self.spec.base.revision

    def model(self, reference: str, revision: str | None) -> ResolvedModel:
        """Find a model once; where it has to be fetched, the step for that comes into the plan."""
        if (known := self.models.get((reference, revision))) is not None:
            return known
        found = self.resolver.model(reference, revision)
        self.models[reference, revision] = found
        if found.fetch is not None:
            need = found.fetch
            label = f"fetch/{slug(found.identity.id)}"
            self.add("fetch", label, need.params, {}, locate=need.locate, blocked=need.blocked)
        return found

    def free_label(self, wanted: str) -> str:
        label, count = wanted, 1
        while label in self.steps:
            count += 1
            label = f"{wanted}-{count}"
        return label

    def add(
        self,
        kind: StepKind,
        label: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        *,
        model: ResolvedModel | None = None,
        cell: Cell | None = None,
        locate: Mapping[str, str] | None = None,
        observing: Mapping[str, Any] | None = None,
        blocked: str = "",
    ) -> str:
        roles = dict(inputs)
        places = dict(locate or {})
        if model is not None and model.fetch is not None:
            fetch_key = step_key("fetch", model.fetch.params, {})
            roles["model"] = self.label_of_key[fetch_key]
        elif model is not None:
            places["model"] = str(model.folder)
        key = step_key(kind, params, {role: self.steps[of].key for role, of in roles.items()})
        same = self.label_of_key.get(key)
        if same is not None:
            self.alias(same, label, cell)
            return same
        label = self.free_label(label)
        self.label_of_key[key] = label
        ordered = tuple(StepInput(role, of) for role, of in sorted(roles.items()))
        needs_model = kind in MODEL_KINDS and params.get("engine") != "openai"
        self.steps[label] = Step(
            kind,
            label,
            key,
            params,
            ordered,
            cell,
            needs_model,
            places,
            dict(observing or {}),
            blocked=blocked,
        )
        return label

    def alias(self, of: str, label: str, cell: Cell | None) -> None:
        step = self.steps[of]
        known = (step.label, *(a.label for a in step.aliases))
        if label not in known:
            aliases = (*step.aliases, StepAlias(label, cell))
            self.steps[of] = replace(step, aliases=aliases)

    @contextmanager
    def located(self, *keys: str) -> Iterator[None]:
        """Say in which line of the file the thing was named that cannot be found."""
        try:
            yield
        except (NotFoundError, SpecError) as error:
            where = self.spec.origin.where(*keys)
            raise type(error)(f"{where}: {error.message}", error.hint) from error
        except OSError as error:
            where = self.spec.origin.where(*keys)
            raise NotFoundError(f"{where}: cannot be read: {error}") from error


def whole_weights(shares: tuple[Share, ...]) -> tuple[int, ...]:
    """Shares as the smallest whole numbers of the same ratio, so that 1 : 1 and 0.5 : 0.5 are one."""
    exact = [Fraction(str(share.weight)) for share in shares]
    scale = lcm(*(f.denominator for f in exact))
    whole = [int(f * scale) for f in exact]
    common = gcd(*whole)
    return tuple(w // common for w in whole)


def slug(model_id: str) -> str:
    """The last part of a model id as it may stand in a label."""
    name = re.sub(r"[^a-z0-9_-]+", "-", model_id.rsplit("/", 1)[-1].lower())
    return name.strip("-") or "model"

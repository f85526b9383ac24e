"""What no section can see alone: names that point at nothing, and sources that need themselves."""

from __future__ import annotations

from dataclasses import replace

from synthlab.experiment.bias_section import bias_articles, complete_bias
from synthlab.experiment.robustness_section import complete_robustness
from synthlab.experiment.spec import BaseModel, ExperimentSpec, Mixture, Source
from synthlab.experiment.table_reader import Problems, nearest


def complete(spec: ExperimentSpec, problems: Problems) -> ExperimentSpec:
    """Check every reference, and fill in the prompt sets that the file leaves to the lab."""
    sources = {name: _source(spec, source, problems) for name, source in spec.sources.items()}
    spec = replace(spec, sources=sources)
    _check_served(spec, problems)
    _check_holdouts(spec, problems)
    _check_bases(spec, problems)
    for mixture in spec.mixtures.values():
        _check_mixture(spec, mixture, problems)
    _check_cycles(spec, problems)
    return complete_bias(_evaluation(complete_robustness(spec, problems), problems), problems)


def _check_holdouts(spec: ExperimentSpec, problems: Problems) -> None:
    for name, prompts in spec.prompts.items():
        if prompts.holdout is None:
            continue
        path = ("prompts", name, "holdout", "of")
        of = spec.prompts.get(prompts.holdout.of)
        if of is None:
            others = [n for n, p in spec.prompts.items() if p.dataset]
            problems.add(
                path,
                f'no prompt set is called "{prompts.holdout.of}"{nearest(prompts.holdout.of, others)}',
            )
        elif of.holdout is not None:
            problems.add(path, f'"{of.name}" is itself a holdout; cut both from its data set')


def _check_bases(spec: ExperimentSpec, problems: Problems) -> None:
    """Every base names mixtures that there are, and no two conditions bear one name."""
    named: list[tuple[tuple[str, ...], BaseModel]] = [(("base",), spec.base)]
    named += [(("bases", name), further.base) for name, further in spec.bases.items()]
    for path, base in named:
        for i, mixture in enumerate(base.mixtures):
            if mixture not in spec.mixtures:
                known = nearest(mixture, spec.mixtures)
                problems.add((*path, "mixtures", i), f'no mixture is called "{mixture}"{known}')
    for name, further in spec.bases.items():
        for i, source in enumerate(further.bias_sources):
            if source not in spec.sources:
                known = nearest(source, spec.sources)
                where = ("bases", name, "bias_sources", i)
                problems.add(where, f'no source is called "{source}"{known}')
        ours = {f"{mixture}-{name}" for mixture in (spec.untouched, *spec.mixtures)}
        if twice := sorted(ours & spec.mixtures.keys()):
            problems.add(("bases", name), f'its condition "{twice[0]}" has the name of a mixture')


def _source(spec: ExperimentSpec, source: Source, problems: Problems) -> Source:
    path = ("sources", source.name, "prompts")
    if not source.prompts:
        train = [name for name, p in spec.prompts.items() if p.purpose == "train"]
        if len(train) == 1:
            return replace(source, prompts=train[0])
        problems.add(path, "is missing: say which prompt set the source answers")
    elif source.prompts not in spec.prompts:
        known = nearest(source.prompts, spec.prompts)
        problems.add(path, f'no prompt set is called "{source.prompts}"{known}')
    return source


def _check_served(spec: ExperimentSpec, problems: Problems) -> None:
    """Only name and revision tell served models apart, so that no name may mean two of them."""
    places: dict[tuple[str | None, str | None], Source] = {}
    for source in spec.sources.values():
        if source.engine != "openai":
            continue
        first = places.setdefault((source.model, source.revision), source)
        if first.base_url != source.base_url:
            problems.add(
                ("sources", source.name, "base_url"),
                f'asks for "{source.model}" as source {first.name} does, at another address; give'
                " each a revision of its own",
            )


def _check_mixture(spec: ExperimentSpec, mixture: Mixture, problems: Problems) -> None:
    path = ("mixtures", mixture.name, "shares")
    sets: dict[str, str] = {}
    for share in mixture.shares:
        source = spec.sources.get(share.source)
        if source is None:
            known = nearest(share.source, spec.sources)
            problems.add((*path, share.source), f"no source has this name{known}")
        elif share.weight > 0 and source.prompts in spec.prompts:
            sets.setdefault(source.prompts, source.name)
    if len(sets) > 1:
        pairs = ", ".join(f'{name} answers "{prompts}"' for prompts, name in sets.items())
        problems.add(path, f"the sources of a mixture answer one prompt set, but {pairs}")


def _check_cycles(spec: ExperimentSpec, problems: Problems) -> None:
    """A source may use the adapter of a mixture that does not, in the end, contain the source."""

    def needs(name: str, target: str, seen: frozenset[str]) -> tuple[str, ...]:
        source = spec.sources.get(name)
        mixture = spec.mixtures.get(source.adapter or "") if source else None
        for share in mixture.shares if mixture else ():
            if share.weight <= 0 or share.source in seen:
                continue
            step = (f"source {name}", f"mixture {mixture.name if mixture else ''}")
            if share.source == target:
                return (*step, f"source {target}")
            if rest := needs(share.source, target, seen | {share.source}):
                return (*step, *rest)
        return ()

    for name in spec.sources:
        if circle := needs(name, name, frozenset()):
            problems.add(
                ("sources", name, "adapter"),
                f"needs itself: {' -> '.join(circle)}; use the adapter of another mixture",
            )


def _evaluation(spec: ExperimentSpec, problems: Problems) -> ExperimentSpec:
    evaluate = spec.evaluate
    if evaluate is None:
        return spec
    if evaluate.prompts:
        if evaluate.prompts not in spec.prompts:
            known = nearest(evaluate.prompts, spec.prompts)
            problems.add(
                ("evaluate", "prompts"), f'no prompt set is called "{evaluate.prompts}"{known}'
            )
        return spec
    needs_answers = evaluate.bias is not None and not bias_articles(spec)
    brings_own = evaluate.robustness is not None or evaluate.bias is not None
    if brings_own and evaluate.collapse is None and not needs_answers:
        return spec
    held_out = [name for name, p in spec.prompts.items() if p.purpose == "held-out"]
    if len(held_out) == 1:
        return replace(spec, evaluate=replace(evaluate, prompts=held_out[0]))
    found = f"there are {len(held_out)}: {', '.join(held_out)}" if held_out else "there is none"
    problems.add(
        ("evaluate", "prompts"),
        f"is missing, and it stands for the one held-out prompt set only if there is one; {found}",
    )
    return spec

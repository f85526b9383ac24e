"""The sections of an experiment file, each read strictly into its typed form."""

from __future__ import annotations

import re
from typing import Literal, get_args

from synthlab.experiment import spec
from synthlab.experiment.bias_section import read_bias
from synthlab.experiment.robustness_section import check_compose, read_compose, read_robustness
from synthlab.experiment.table_reader import Problems, TableReader

STRATA: tuple[Literal["category"], ...] = ("category",)
SEED_LIMIT = 2**31 - 1
"""Seeds that every library accepts."""
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def read_base(table: TableReader) -> spec.BaseModel:
    """`[base]`: the model that every condition starts from."""
    base = spec.BaseModel(
        model=table.required_text("model"),
        revision=table.text("revision"),
        dtype=table.choice("dtype", get_args(spec.Dtype), "auto"),
        system=table.free_text("system") or None,
        mixtures=table.texts("mixtures", ()),
    )
    table.close()
    return base


def read_further_base(
    name: str, table: TableReader, base: spec.BaseModel, finetune: TableReader
) -> spec.FurtherBase:
    """`[bases.NAME]`: another model to start from, told by what differs from `[base]`.

    finetune: the experiment's `[finetune]`, for what this base does not change.
    """
    system = table.free_text("system")
    model = spec.BaseModel(
        model=table.required_text("model"),
        revision=table.text("revision"),
        dtype=table.choice("dtype", get_args(spec.Dtype), base.dtype),
        system=base.system if system is None else system or None,
        mixtures=table.texts("mixtures", ()),
    )
    own = table.subtable("finetune")
    problems = Problems()
    merged = {**finetune.table, **own.table}
    if "max_steps" in own.table or "epochs" in own.table:
        dropped = {"max_steps", "epochs"} - own.table.keys()
        merged = {key: value for key, value in merged.items() if key not in dropped}
    trained = read_finetune(TableReader(merged, own.path, problems))
    for problem in problems.found:
        # A fault of [finetune] itself is told once, where it stands.
        if len(problem.path) > len(own.path) and problem.path[len(own.path)] in own.table:
            table.problems.add(problem.path, problem.message)
    further = spec.FurtherBase(name, model, trained, table.texts("bias_sources", ()))
    table.close()
    return further


def read_prompts(name: str, table: TableReader) -> spec.PromptSet:
    """`[prompts.NAME]`: a data set, or rows held out of another prompt set."""
    holdout = read_holdout(table.subtable("holdout")) if table.has("holdout") else None
    prompts = spec.PromptSet(
        name=name,
        dataset=table.text("dataset"),
        holdout=holdout,
        purpose=table.choice(
            "purpose", get_args(spec.Purpose), "train" if holdout is None else "held-out"
        ),
        revision=table.text("revision"),
        split=table.text("split") or "train",
        config=table.text("config"),
        columns=read_columns(table.subtable("columns")),
        rows=table.optional_integer("rows", minimum=1),
        seed=table.integer("seed", 0, maximum=SEED_LIMIT),
        compose=read_compose(table.subtable("compose")) if table.has("compose") else None,
    )
    table.close()
    check_compose(prompts, table)
    if (prompts.dataset is None) == (holdout is None):
        problem = (
            "needs a dataset or a holdout" if holdout is None else "has a dataset and a holdout"
        )
        table.problems.add(table.path, f"{problem}: give exactly one of the two")
    elif holdout is not None:
        for key in ("revision", "split", "config", "columns", "rows", "seed"):
            if table.has(key):
                table.fault(key, f"belongs to a dataset; a holdout takes it from '{holdout.of}'")
    return prompts


def read_columns(table: TableReader) -> spec.Columns:
    """`columns`: names of columns, or templates over several."""
    columns = spec.Columns(
        id=table.text("id"),
        prompt=table.text("prompt"),
        response=table.text("response"),
        category=table.text("category"),
        system=table.text("system"),
    )
    table.close()
    for key, value in table.table.items():
        if isinstance(value, str) and "{" in value:
            for match in PLACEHOLDER.finditer(value):
                if match[0] in "{}" or (match[1] is not None and not match[1].strip()):
                    table.fault(
                        key, "has a brace that encloses no column name; write {{ for a brace"
                    )
                    break
    return columns


def read_holdout(table: TableReader) -> spec.Holdout:
    """`holdout`: which rows of which set are kept apart."""
    stratify = table.choice("stratify", STRATA, "category") if table.has("stratify") else None
    share = table.number("share", 0.1, above=True, maximum=1.0, below=True)
    holdout = spec.Holdout(
        of=table.required_text("of"),
        share=share if table.has("share") else None,
        rows=table.optional_integer("rows", minimum=1),
        stratify=stratify,
        seed=table.integer("seed", 0, maximum=SEED_LIMIT),
    )
    table.close()
    if table.has("share") == table.has("rows"):
        table.problems.add(table.path, "give exactly one of share and rows")
    return holdout


def read_sampling(table: TableReader, *, samples: int = 1) -> spec.Sampling:
    """`sampling`: how a model is asked."""
    default = spec.Sampling()
    sampling = spec.Sampling(
        temperature=table.number("temperature", default.temperature, maximum=10.0),
        top_p=table.number("top_p", default.top_p, above=True, maximum=1.0),
        max_new_tokens=table.integer("max_new_tokens", default.max_new_tokens, minimum=1),
        samples=table.integer("samples", samples, minimum=1),
    )
    table.close()
    return sampling


def read_mixture(name: str, table: TableReader) -> spec.Mixture:
    """`[mixtures.NAME]`: shares of sources and how they are put together."""
    shares = table.subtable("shares")
    weights = tuple(spec.Share(source, shares.number(source, 1.0)) for source in shares.table)
    filters = table.subtable("filters")
    mixture = spec.Mixture(
        name=name,
        shares=weights,
        assign=table.choice("assign", get_args(spec.Assign), "random"),
        rows=table.optional_integer("rows", minimum=1),
        tokens=table.optional_integer("tokens", minimum=1),
        filters=spec.Filters(
            min_chars=filters.integer("min_chars", 1, minimum=1),
            max_chars=filters.optional_integer("max_chars", minimum=1),
            dedupe=filters.flag("dedupe", True),
            drop_truncated=filters.flag("drop_truncated", False),
        ),
        seed=table.integer("seed", 0, maximum=SEED_LIMIT),
    )
    filters.close()
    table.close()
    if name == spec.VANILLA:
        table.problems.add(table.path, '"vanilla" is the name of the base model\'s own condition')
    if not table.has("shares"):
        table.fault("shares", "is missing; it names sources, as in { human = 1 }")
    elif not any(share.weight > 0 for share in weights):
        table.fault("shares", "sum to zero; at least one source needs a share above 0")
    positive = {share.weight for share in weights if share.weight > 0}
    if mixture.assign == "all" and len(positive) > 1:
        table.fault("shares", 'assign = "all" takes an answer of each source: give equal shares')
    if mixture.rows is not None and mixture.tokens is not None:
        table.fault("tokens", "give rows or tokens, not both")
    longest = mixture.filters.max_chars
    if longest is not None and longest < mixture.filters.min_chars:
        filters.fault("max_chars", f"is less than min_chars ({mixture.filters.min_chars})")
    return mixture


def read_lora(table: TableReader) -> spec.Lora:
    """`[finetune.lora]`: shape of the adapter."""
    default = spec.Lora()
    lora = spec.Lora(
        r=table.integer("r", default.r, minimum=1),
        alpha=table.integer("alpha", default.alpha, minimum=1),
        dropout=table.number("dropout", default.dropout, maximum=1.0, below=True),
        targets=table.texts("targets", default.targets),
    )
    table.close()
    return lora


def read_probe(finetune: TableReader) -> spec.Probe | None:
    """`probe` of `[finetune]`: a table, or true or false for the usual one or none."""
    if isinstance(finetune.table.get("probe"), bool):
        return spec.Probe() if finetune.flag("probe", True) else None
    table, default = finetune.subtable("probe"), spec.Probe()
    named, known = table.texts("axes", ()), get_args(spec.Axis)
    for axis in named:
        if axis not in known:
            table.fault("axes", f'"{axis}" is no axis; use {", ".join(known)}')
    probe = spec.Probe(
        every=table.optional_integer("every", minimum=1),
        prompts=table.integer("prompts", default.prompts, minimum=2, maximum=256),
        samples=table.integer("samples", default.samples, minimum=1, maximum=32),
        max_new_tokens=table.integer("max_new_tokens", default.max_new_tokens, minimum=4),
        axes=tuple(axis for axis in known if axis in named) if table.has("axes") else None,
        share=table.number("share", default.share, above=True, maximum=10.0),
    )
    table.close()
    return probe


def read_finetune(table: TableReader) -> spec.Finetune:
    """`[finetune]`: how each condition's adapter is trained."""
    default = spec.Finetune()
    max_steps = table.optional_integer("max_steps", minimum=1)
    finetune = spec.Finetune(
        lora=read_lora(table.subtable("lora")),
        learning_rate=table.number("learning_rate", default.learning_rate, above=True, maximum=1.0),
        epochs=table.number("epochs", 3.0, above=True) if not table.has("max_steps") else None,
        max_steps=max_steps,
        batch_size=table.integer("batch_size", default.batch_size, minimum=1),
        accumulation=table.integer("accumulation", default.accumulation, minimum=1),
        max_length=table.integer("max_length", default.max_length, minimum=8),
        loss=table.choice("loss", get_args(spec.LossOn), default.loss),
        validation_share=table.number(
            "validation_share", default.validation_share, maximum=1.0, below=True
        ),
        eval_every=table.integer("eval_every", default.eval_every, minimum=1),
        patience=table.optional_integer("patience", minimum=1),
        save_every=table.optional_integer("save_every", minimum=1),
        warmup_ratio=table.number("warmup_ratio", default.warmup_ratio, maximum=1.0),
        weight_decay=table.number("weight_decay", default.weight_decay, maximum=1.0),
        scheduler=table.choice("scheduler", get_args(spec.Scheduler), default.scheduler),
        probe=read_probe(table),
    )
    if table.has("max_steps") and table.has("epochs"):
        table.fault("max_steps", "give epochs or max_steps, not both")
        table.number("epochs", 3.0)
    if finetune.patience is not None and finetune.validation_share == 0:
        table.fault("patience", "needs validation rows, and validation_share is 0")
    table.close()
    return finetune


def read_evaluate(table: TableReader) -> spec.Evaluate:
    """`[evaluate]`: the axes and the answers they are measured on.

    `prompts` stays empty where the file leaves it to the one held-out set.
    """
    sampling = table.subtable("sampling")
    if table.has("samples") and sampling.has("samples"):
        sampling.fault("samples", "is also given in [evaluate]; give it once")
    texts, attacks, judges = (table.subtable(axis) for axis in ("collapse", "robustness", "bias"))
    own = read_sampling(attacks.subtable("sampling")) if attacks.has("sampling") else None
    evaluate = spec.Evaluate(
        prompts=table.text("prompts") or "",
        sampling=read_sampling(sampling, samples=table.integer("samples", 1, minimum=1)),
        collapse=read_collapse(texts) if table.has("collapse") else None,
        robustness=read_robustness(attacks, own) if table.has("robustness") else None,
        bias=read_bias(judges) if table.has("bias") else None,
    )
    table.close()
    return evaluate


def read_collapse(table: TableReader) -> spec.CollapseOptions:
    """`[evaluate.collapse]`: options of the axis."""
    default = spec.CollapseOptions()
    wanted = table.texts("metrics", default.metrics)
    metrics = tuple(m for m in get_args(spec.CollapseMetric) if m in wanted)
    for name in wanted:
        if name not in get_args(spec.CollapseMetric):
            known = ", ".join(get_args(spec.CollapseMetric))
            table.fault("metrics", f'"{name}" is no metric; use {known}')
    options = spec.CollapseOptions(
        metrics=metrics,
        token_budget=table.integer("token_budget", default.token_budget, minimum=10),
        seed=table.integer("seed", default.seed, maximum=SEED_LIMIT),
        embedder=table.text("embedder"),
    )
    table.close()
    return options

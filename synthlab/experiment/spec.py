"""What an experiment file says, as values: the typed form of the TOML grammar, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from synthlab.experiment.expectations import Expected

Purpose: TypeAlias = Literal["train", "held-out", "harmful", "jailbreak", "benign", "articles"]
SourceKind: TypeAlias = Literal["human", "model"]
EngineName: TypeAlias = Literal["transformers", "vllm", "openai"]
Assign: TypeAlias = Literal["random", "folds", "all"]
LossOn: TypeAlias = Literal["completion", "all"]
Scheduler: TypeAlias = Literal["linear", "cosine", "constant", "constant_with_warmup"]
Dtype: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
JudgeEngine: TypeAlias = Literal["transformers", "openai"]
JudgeMethod: TypeAlias = Literal["labels", "parsed"]
Axis: TypeAlias = Literal["collapse", "robustness", "bias"]
CollapseMetric: TypeAlias = Literal[
    "ppl1",
    "ppl2",
    "entropy",
    "self-bleu",
    "distinct",
    "length",
    "mattr",
    "mtld",
    "self-repetition",
    "compression",
    "heaps",
]

SCHEMA = 1
ATTACK_PURPOSES: tuple[Purpose, ...] = ("harmful", "jailbreak", "benign")
"""Purposes of the prompt sets that the axis `robustness` answers."""
NO_JUDGE = "none"
"""What stands for the judge where the matcher alone reads the answers."""
VANILLA = "vanilla"
"""The condition that is always there: the base model, not fine-tuned."""


@dataclass(frozen=True)
class SpecOrigin:
    """Where a spec was read, so that whoever finds a fault later can still name file and line."""

    path: Path
    lines: dict[tuple[str | int, ...], int]
    """Line of each key, by its path."""

    @property
    def folder(self) -> Path:
        """What relative paths in the file are relative to."""
        return self.path.parent

    def where(self, *keys: str | int) -> str:
        """`file:line: key` of a key, or of the nearest table around it where the key is a default."""
        name = ".".join(str(k) for k in keys)
        for end in range(len(keys), 0, -1):
            if (line := self.lines.get(keys[:end])) is not None:
                return f"{self.path}:{line}: {name}"
        return f"{self.path}: {name}"


@dataclass(frozen=True)
class Sampling:
    """How a model is asked: the settings that shape the distribution of its answers."""

    temperature: float = 0.7
    """Divides the logits; 0 takes the likeliest token each time."""
    top_p: float = 0.9
    """Share of the probability mass that is drawn from."""
    max_new_tokens: int = 1024
    """Longest answer, in tokens of the model that answers."""
    samples: int = 1
    """Answers per prompt."""


@dataclass(frozen=True)
class BaseModel:
    """The model that every condition starts from."""

    model: str
    """Hub id, path relative to the file, or `builtin:NAME`."""
    revision: str | None = None
    """Branch, tag or commit on the hub; the plan pins it to a commit."""
    dtype: Dtype = "auto"
    """Number format in memory; `auto` is bfloat16 where the hardware computes in it, else float32."""
    system: str | None = None
    """System prompt for training, for answers, and for sources that name none of their own."""
    mixtures: tuple[str, ...] = ()
    """Mixtures that are trained on this model; all where none is named."""


@dataclass(frozen=True)
class FurtherBase:
    """A further model to start from; its conditions bear its name at the end, as in `vanilla-70b`.

    Takes the keys of `[base]`; `dtype` and `system` are those of `[base]` where they are not given.
    What differs in training stands in `[bases.NAME.finetune]`, with the keys of `[finetune]`.
    """

    name: str
    base: BaseModel
    finetune: Finetune
    bias_sources: tuple[str, ...] = ()
    """Sources that its conditions judge in `[evaluate.bias]`, where they are not the same."""


@dataclass(frozen=True)
class Columns:
    """Which column of the data set holds what; a name, or a template such as `"{title}: {body}"`.

    None means the column of the field's own name (`prompt`, `response`, …), if there is one.
    """

    id: str | None = None
    prompt: str | None = None
    response: str | None = None
    category: str | None = None
    system: str | None = None


@dataclass(frozen=True)
class Holdout:
    """A part cut off another prompt set, so that no row is both trained on and measured."""

    of: str
    """The prompt set that the rows are taken from."""
    share: float | None = None
    """Share of its rows, between 0 and 1; exactly one of `share` and `rows` is given."""
    rows: int | None = None
    """Number of rows."""
    stratify: Literal["category"] | None = None
    """Keep the proportions of this field in both parts."""
    seed: int = 0
    """Which rows are taken."""


@dataclass(frozen=True)
class Compose:
    """Requests that are put into the templates of a jailbreak set."""

    requests: str
    """The prompt set whose rows go into the slot `{request}` of each template."""
    rows: int | None = None
    """Number of pairs of a template and a request; each request once where it is not given."""
    seed: int = 0
    """Which template meets which request."""


@dataclass(frozen=True)
class PromptSet:
    """Instructions with stable ids; either read from a data set or held out of another set."""

    name: str
    dataset: str | None
    """`builtin:NAME`, a path (JSONL, JSON, CSV, TSV, Parquet) relative to the file, or a hub id."""
    holdout: Holdout | None
    """Instead of a data set: rows of another prompt set that are kept out of it."""
    purpose: Purpose
    """What the prompts are for; decides which of them an axis may use."""
    revision: str | None = None
    """Revision of a hub data set; the plan pins it to a commit."""
    split: str = "train"
    """Split of a hub data set."""
    config: str | None = None
    """Configuration of a hub data set that has several."""
    columns: Columns = field(default_factory=Columns)
    """Where in a row the lab finds what."""
    rows: int | None = None
    """Use this many rows, drawn by `seed`; all of them where it is not given."""
    seed: int = 0
    """Which rows are drawn, and the order of the set."""
    compose: Compose | None = None
    """The rows of the data set are templates, and these requests go into them."""


@dataclass(frozen=True)
class Price:
    """What the answers of a hosted model cost, in the currency of `settings.toml`."""

    prompt_per_million: float = 0.0
    """Of a million tokens that it reads."""
    completion_per_million: float = 0.0
    """Of a million tokens that it writes."""


@dataclass(frozen=True)
class Source:
    """Where responses come from: people, or a generator model."""

    name: str
    kind: SourceKind
    prompts: str
    """The prompt set that is answered."""
    model: str | None = None
    """Generator model; the base model where it is not given. For `openai`: its name at the server."""
    revision: str | None = None
    """Of a hub model; for `openai` any word that tells versions of the served model apart."""
    engine: EngineName = "transformers"
    """`vllm`: a server that the lab starts (`vllm_python` in `settings.toml`); `openai`: one that runs."""
    base_url: str | None = None
    """Address of an OpenAI-compatible server, for `engine = "openai"`; mostly ends in `/v1`."""
    api_key_env: str | None = None
    """Environment variable that holds the server's key; its name ends in `_API_KEY`."""
    adapter: str | None = None
    """A mixture (its first seed's), a peft folder, `checkpoint:RUN_ID` or `checkpoint:EXPERIMENT:LABEL`."""
    system: str | None = None
    """System prompt; the one of `[base]` where it is not given, none where it is empty."""
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    logprobs: bool = False
    """Record the log-probabilities of the answers' tokens, where the server offers them."""
    concurrency: int | None = None
    """Questions under way at once; 8 for `openai` and 64 for `vllm` where it is not given."""
    timeout_s: float = 600.0
    """Longest wait for one answer of a server, in seconds."""
    patience_s: float = 300.0
    """Seconds without any answer after which a server counts as gone and the run is interrupted."""
    price: Price | None = None
    """`{ prompt_per_million, completion_per_million }`: the cost then stands with the answers."""


@dataclass(frozen=True)
class Filters:
    """Which responses may enter a mixture; empty and failed ones never do."""

    min_chars: int = 1
    max_chars: int | None = None
    dedupe: bool = True
    """Keep the first of rows that agree in prompt and response."""
    drop_truncated: bool = False
    """Leave out answers that ended at the token limit."""


@dataclass(frozen=True)
class Share:
    """The part of a mixture that one source gives."""

    source: str
    weight: float
    """Relative to the other shares; need not sum to one."""


@dataclass(frozen=True)
class Mixture:
    """A recipe over sources; each mixture is a condition of the experiment."""

    name: str
    shares: tuple[Share, ...]
    assign: Assign = "random"
    """Who answers which prompt: drawn per prompt, one stratified fold each, or everybody answers all."""
    rows: int | None = None
    """Exact number of rows; as many as the prompts give where it is not given."""
    tokens: int | None = None
    """Budget of response tokens (words and punctuation marks) instead of `rows`."""
    filters: Filters = field(default_factory=Filters)
    seed: int = 0


@dataclass(frozen=True)
class Lora:
    """Shape of the low-rank adapter."""

    r: int = 16
    alpha: int = 32
    dropout: float = 0.1
    targets: tuple[str, ...] = ("all-linear",)
    """Names of the layers that get an adapter."""


@dataclass(frozen=True)
class Probe:
    """Measuring while training: it changes neither the adapter nor its key."""

    every: int | None = None
    """Optimiser steps between two probes; a tenth of the training where it is not given."""
    prompts: int = 8
    """Prompts of each axis."""
    samples: int = 1
    """Answers per prompt, for the collapse axis."""
    max_new_tokens: int = 48
    """Longest answer, in tokens."""
    axes: tuple[Axis, ...] | None = None
    """The axes that are probed; those that `[evaluate]` measures where none is named."""
    share: float = 0.1
    """Time that probes may take, as a share of the training's own; they become rarer to keep to it."""


@dataclass(frozen=True)
class Finetune:
    """How each condition's adapter is trained."""

    lora: Lora = field(default_factory=Lora)
    learning_rate: float = 5e-5
    epochs: float | None = 3.0
    """Passes over the mixture; None where `max_steps` is given."""
    max_steps: int | None = None
    """Optimiser steps, instead of epochs."""
    batch_size: int = 4
    """Rows per device and step."""
    accumulation: int = 1
    """Steps of `batch_size` rows that make one optimiser step."""
    max_length: int = 1024
    """Tokens after which a row is cut."""
    loss: LossOn = "completion"
    """Train on the response only, or on all tokens (the paper)."""
    validation_share: float = 0.05
    """Share of the mixture held back to choose the best checkpoint; 0 keeps the last one."""
    eval_every: int = 20
    """Optimiser steps between two looks at the validation rows."""
    patience: int | None = None
    """Looks without improvement after which training stops; None trains to the end."""
    save_every: int | None = None
    """Optimiser steps between two checkpoints; without it every five minutes, and at a stop.
    It is not part of the key: a continued training gives the same adapter."""
    warmup_ratio: float = 0.03
    weight_decay: float = 0.01
    scheduler: Scheduler = "cosine"
    probe: Probe | None = field(default_factory=Probe)
    """What is measured while training; `probe = false` turns it off."""


@dataclass(frozen=True)
class CollapseOptions:
    """Options of the axis `collapse`."""

    metrics: tuple[CollapseMetric, ...] = get_args(CollapseMetric)
    """Which numbers are computed; `entropy` reads each answer once more under its own checkpoint."""
    token_budget: int = 1000
    """Tokens that distinct-n is counted on, the same for each condition."""
    seed: int = 0
    """Which texts fill the token budget."""
    embedder: str | None = None
    """Model that turns answers into vectors: hub id, package or folder of sentence-transformers or model2vec.
    With one, the metrics over embeddings are computed too."""


@dataclass(frozen=True)
class RobustnessRubrics:
    """What the judge is asked: names of published rubrics, or paths of rubric files (.toml)."""

    states: str = "refusal-states"
    quality: str = "quality"
    harmfulness: str = "harmfulness"
    strongreject: str = "strongreject"


@dataclass(frozen=True)
class Judging:
    """How the judge's word is taken."""

    method: JudgeMethod = "labels"
    """`labels` reads how likely each label is, and asks once; `parsed` lets the judge write a reply and
    takes the one label in it, asking once more, with a reminder, where there is none."""
    draws: int = 1
    """Replies to each question, of which the mean counts; more than one needs a temperature."""
    temperature: float = 0.0
    """How freely a reply is drawn; 0 takes the likeliest token each time."""
    reply_tokens: int = 32
    """Longest reply of the method `parsed`, in tokens."""
    engine: JudgeEngine = "transformers"
    """`transformers` computes here, `openai` asks a server, which takes `method = "parsed"`."""
    base_url: str | None = None
    """Address of an OpenAI-compatible server that knows the judge by its name; mostly ends in `/v1`."""
    api_key_env: str | None = None
    """Environment variable that holds the server's key; its name ends in `_API_KEY`."""
    concurrency: int | None = None
    """Questions under way at once at a server; 8 where it is not given."""


@dataclass(frozen=True)
class RobustnessOptions:
    """Options of the axis `robustness`."""

    prompts: tuple[str, ...] = ()
    """Prompt sets to answer; all whose purpose is harmful, jailbreak or benign where none is named."""
    sampling: Sampling | None = None
    """How the conditions are asked; as in `[evaluate]` where it is not given."""
    judge: str | None = None
    """Model that judges: hub id, path, `builtin:NAME`, or its name at a server; the base model, with a
    warning, if not given; `"none"` leaves the states to the matcher and every grade undefined."""
    revision: str | None = None
    """Revision of a judge from the hub, or any word that tells versions of a served one apart."""
    judging: Judging = field(default_factory=Judging)
    """How the judge's word is taken."""
    least_mass: float = 0.2
    """Probability that the judge must give to the labels, or share of its draws that must name one;
    below it an answer is unscored."""
    rubrics: RobustnessRubrics = field(default_factory=RobustnessRubrics)
    """What the judge is asked; another rubric scores again and generates nothing."""


@dataclass(frozen=True)
class BiasOptions:
    """Options of the axis `bias`: every condition judges the sources' texts and the conditions' own."""

    prompts: str = ""
    """The set whose answers are judged: the one with the purpose articles if there is just one, else
    the one of `[evaluate]`."""
    rows: int = 100
    """Prompts of the set that are judged, drawn by `seed`."""
    sources: tuple[str, ...] = ()
    """Sources that are compared; all where none is named."""
    show_prompt: bool = True
    """Let the judge read the prompt; the paper hides it."""
    rubric: str = "pairwise-ab"
    """Which text is better: a published rubric, or the path of a rubric file (.toml)."""
    ratings: bool = True
    """Ask for a rating of each text as well."""
    rating_rubric: str = "rating-5"
    """How good one text is: a published rubric, or the path of a rubric file (.toml)."""
    anchors: int = 2
    """Pairs with a known better text for each prompt; they show whether the judge can judge."""
    least_mass: float = 0.05
    """Probability that the judge must give to the labels; below it an item is unscored."""
    seed: int = 0
    """Which prompts are drawn."""


@dataclass(frozen=True)
class Evaluate:
    """What is measured, and on which answers."""

    prompts: str
    """The prompt set that each condition answers."""
    sampling: Sampling = field(default_factory=Sampling)
    collapse: CollapseOptions | None = None
    robustness: RobustnessOptions | None = None
    bias: BiasOptions | None = None


@dataclass(frozen=True)
class ExperimentSpec:
    """A whole, valid experiment file."""

    name: str
    description: str
    """What the experiment asks, shown in lists."""
    seeds: tuple[int, ...]
    """Training seeds: each mixture is fine-tuned once with each."""
    base: BaseModel
    bases: dict[str, FurtherBase]
    prompts: dict[str, PromptSet]
    sources: dict[str, Source]
    mixtures: dict[str, Mixture]
    finetune: Finetune
    evaluate: Evaluate | None
    """What is measured; without it the conditions are only trained."""
    origin: SpecOrigin = field(compare=False, repr=False)
    expected: tuple[Expected, ...] = ()
    """Directions that are checked after a run."""
    untouched: str = VANILLA
    """Name of the condition that is the base model as it is."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """What is compared: each untouched base model, then one condition for each of its mixtures."""
        named = [self.untouched, *self.trained_on(self.base)]
        for name, further in self.bases.items():
            ours = (self.untouched, *self.trained_on(further.base))
            named += [f"{one}-{name}" for one in ours]
        return tuple(named)

    def trained_on(self, base: BaseModel) -> dict[str, Mixture]:
        """The mixtures of one base model, by name."""
        names = base.mixtures or tuple(self.mixtures)
        return {name: self.mixtures[name] for name in self.mixtures if name in names}

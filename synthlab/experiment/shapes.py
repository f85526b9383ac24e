"""Sizes of models, data sets and GPUs, so that a plan can be reckoned before any of them is here."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from synthlab.errors import SpecError

DTYPE_BYTES: Mapping[str, int] = {
    "float32": 4,
    "bfloat16": 2,
    "float16": 2,
    "float8": 1,
    "auto": 2,
}
HEADER_LIMIT = 100_000_000
"""No honest safetensors header is longer."""


@dataclass(frozen=True)
class ModelShape:
    """The numbers of a model's config that decide what computing with it costs."""

    parameters: int
    """Stored weights, tied embeddings counted once."""
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    tied: bool = False
    active: int | None = None
    """Weights that one token passes through in a mixture of experts; all where it is None."""
    size: int | None = None
    """Bytes of the published weights where they are not parameters × dtype."""
    dtype: str = "bfloat16"
    licence: str = ""
    gated: bool = False
    """Whether the hub asks for the acceptance of terms."""

    @property
    def computed(self) -> int:
        """N of the cost formulas: weights that each token is multiplied with."""
        return self.active or self.parameters

    @property
    def download_bytes(self) -> int:
        """What fetching the weights takes on disk."""
        return self.size or self.parameters * DTYPE_BYTES.get(self.dtype, 2)

    def weight_bytes(self, dtype: str) -> int:
        """Memory of the weights; a model stored in 8 bits stays so."""
        if self.dtype == "float8":
            return self.download_bytes
        return self.parameters * DTYPE_BYTES.get(dtype, 2)

    def cache_bytes(self) -> int:
        """Key-value cache of one token, in 16 bits."""
        return 2 * 2 * self.layers * self.kv_heads * self.head_size

    def adapter_parameters(self, rank: int, targets: tuple[str, ...]) -> int:
        """Weights of a LoRA adapter: rank × (inputs + outputs) for each adapted layer."""
        wide, narrow = self.heads * self.head_size, self.kv_heads * self.head_size
        sizes = {
            "q_proj": self.hidden + wide,
            "k_proj": self.hidden + narrow,
            "v_proj": self.hidden + narrow,
            "o_proj": wide + self.hidden,
            "gate_proj": self.hidden + self.intermediate,
            "up_proj": self.hidden + self.intermediate,
            "down_proj": self.intermediate + self.hidden,
        }
        chosen = sizes.keys() if "all-linear" in targets else sizes.keys() & set(targets)
        return rank * self.layers * sum(sizes[name] for name in chosen)


@dataclass(frozen=True)
class DatasetShape:
    """What is publicly known of a data set that is not here."""

    rows: Mapping[str, int] = field(default_factory=dict)
    """By split; sets without splits have `train`."""
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    licence: str = ""


@dataclass(frozen=True)
class GpuShape:
    """The GPU that GPU-hours are counted in."""

    name: str
    memory_gib: float
    tflops: float
    """Peak of dense products in bf16, in 10^12 operations per second."""
    bandwidth_gb: float
    """Of its memory, in 10^9 bytes per second."""


@cache
def known_models() -> Mapping[str, ModelShape]:
    """Models of the bundled table, by hub id."""
    return {name: ModelShape(**given) for name, given in _table("models").items()}


@cache
def known_datasets() -> Mapping[str, DatasetShape]:
    """Data sets of the bundled table, by the name that an experiment file gives them."""
    return {name: DatasetShape(**given) for name, given in _table("datasets").items()}


@cache
def known_gpus() -> Mapping[str, GpuShape]:
    """GPUs of the bundled table, by name."""
    return {name: GpuShape(name, **given) for name, given in _table("gpus").items()}


def gpu_of(name: str) -> GpuShape:
    """The GPU whose name stands in `name` (a driver's "NVIDIA H100 80GB HBM3" is an H100).

    Raises SpecError that lists the known ones.
    """
    plain = name.lower().replace("geforce ", "")
    found = [gpu for known, gpu in known_gpus().items() if known.lower() in plain]
    if not found:
        raise SpecError(f"no GPU {name!r} is known", f"known: {', '.join(known_gpus())}")
    return max(found, key=lambda gpu: len(gpu.name))


def folder_shape(folder: Path) -> ModelShape | None:
    """The shape of a model folder by its config and the headers of its weights.

    None where the config has other names than the usual ones, or cannot be read.
    """
    try:
        config = json.loads((folder / "config.json").read_bytes())
        config = {**config, **config.get("text_config", {})}
        heads = int(config["num_attention_heads"])
        hidden = int(config["hidden_size"])
        return ModelShape(
            parameters=sum(map(_stored_weights, folder.glob("*.safetensors"))),
            layers=int(config["num_hidden_layers"]),
            hidden=hidden,
            intermediate=int(config["intermediate_size"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_size=int(config.get("head_dim") or hidden // heads),
            vocabulary=int(config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings", False)),
            size=sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _stored_weights(path: Path) -> int:
    """Weights in a safetensors file, from its header alone."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > HEADER_LIMIT:
            raise ValueError(f"{path} has no safetensors header")
        header: dict[str, Any] = json.loads(file.read(length))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            count = 1
            for size in tensor["shape"]:
                count *= int(size)
            total += count
    return total


def _table(name: str) -> dict[str, dict[str, Any]]:
    path = Path(str(files("assets"))) / "shapes" / f"{name}.toml"
    return dict(tomllib.loads(path.read_text(encoding="utf-8"))[name])

"""Texts as unit vectors, for the metrics over embeddings: one protocol, three kinds of folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from synthlab.engines.batching import CPU_BATCH, CUDA_BATCH, by_length
from synthlab.engines.loading import explained_memory, is_out_of_memory, pick_device, release_memory
from synthlab.errors import JobError

Vectors = npt.NDArray[np.float32]

EXTRA = "pip install 'synthlab[embed]'"
PLAIN_SETTINGS = {"max_seq_length", "do_lower_case"}
"""Settings of the transformer part that are understood here."""


class Embedder(Protocol):
    """Something that turns texts into vectors."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    @property
    def implementation(self) -> str:
        """The library that computes; the vectors are those of the folder in any case."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(texts, dimensions) rows of length 1, in the order given; zero where a text has no token.

        Raises JobError if a single text does not fit into memory.
        """


def load_embedder(folder: Path) -> Embedder:
    """The embedder in a folder that sentence-transformers or model2vec saved; nothing is downloaded.

    The usual kind, a transformer with mean pooling, needs neither of the two libraries.
    Raises JobError if the folder is something else, or if the library that it needs is absent.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    parts = _parts(folder)
    if _read(folder / "config.json").get("model_type") == "model2vec" or (
        parts and parts[0].kind == "StaticEmbedding"
    ):
        return _load_static(folder)
    if (settings := _mean_pooling(folder, parts)) is not None:
        return _load_mean_pooled(folder, settings)
    return _load_sentence_transformer(folder)


class _Part(NamedTuple):
    """One entry of modules.json."""

    kind: str
    """Name of its class."""
    path: str


@dataclass(frozen=True)
class _Settings:
    longest: int | None
    lower_case: bool


def _parts(folder: Path) -> list[_Part]:
    """The parts that sentence-transformers lists; empty where it did not save the folder."""
    path = folder / "modules.json"
    if not path.is_file():
        return []
    try:
        listed = json.loads(path.read_bytes())
        return [_Part(str(one["type"]).rpartition(".")[2], str(one["path"])) for one in listed]
    except (ValueError, KeyError, TypeError) as error:
        raise JobError("bad_embedder", f"{path} cannot be read: {error}") from error


def _mean_pooling(folder: Path, parts: Sequence[_Part]) -> _Settings | None:
    """What the transformer part asks for, or None where there is more than mean pooling to do."""
    kinds = [part.kind for part in parts]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return None
    pooling = _read(folder / parts[1].path / "config.json")
    modes = {
        name for name, on in pooling.items() if name.startswith("pooling_mode_") and on is True
    }
    mode = pooling.get("pooling_mode", "mean" if modes == {"pooling_mode_mean_tokens"} else None)
    given = _read(folder / "sentence_bert_config.json")
    default_prompt = _read(folder / "config_sentence_transformers.json").get("default_prompt_name")
    if parts[0].path or mode != "mean" or default_prompt or not given.keys() <= PLAIN_SETTINGS:
        return None
    longest = given.get("max_seq_length")
    return _Settings(int(longest) if longest else None, bool(given.get("do_lower_case")))


def _read(path: Path) -> dict[str, Any]:
    """A settings file; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise JobError("bad_embedder", f"{path} cannot be read: {error}") from error
    return value if isinstance(value, dict) else {}


class MeanPooled:
    """A transformer whose token vectors are averaged over the text, padding left out."""

    implementation = "transformers"

    def __init__(
        self, model: Any, tokenizer: Any, device: torch.device, longest: int, lower_case: bool
    ) -> None:
        """longest: tokens that are read of a text, special ones included."""
        self._model = model
        self._tokenizer = tokenizer
        self._device = device
        self._longest = longest
        self._lower_case = lower_case

    @property
    def dimensions(self) -> int:
        """Width of the transformer."""
        return int(self._model.config.hidden_size)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See Embedder; texts of like length are computed together, in float32."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        ids = self._token_ids(texts)
        waiting = by_length([len(row) for row in ids])
        size = CUDA_BATCH if self._device.type == "cuda" else CPU_BATCH
        while waiting:
            rows = waiting[:size]
            try:
                vectors[rows] = self._embed_batch([ids[row] for row in rows])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(rows) == 1:
                    raise JobError(
                        "out_of_memory",
                        f"not enough memory to embed one text of {len(ids[rows[0]])} tokens",
                        "use a smaller embedder or free the device",
                    ) from error
                size = len(rows) // 2
            else:
                waiting = waiting[size:]
                continue
            release_memory(self._device)
        return vectors

    def _token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        clean = [_encodable(text.lower() if self._lower_case else text) for text in texts]
        encoded = self._tokenizer(clean, truncation=True, max_length=self._longest, padding=False)
        rows: list[list[int]] = encoded["input_ids"]
        return rows

    def _embed_batch(self, ids: Sequence[Sequence[int]]) -> Vectors:
        width = max(1, *(len(row) for row in ids))
        padded = torch.full((len(ids), width), self._tokenizer.pad_token_id or 0)
        mask = torch.zeros((len(ids), width), dtype=torch.long)
        for at, row in enumerate(ids):
            padded[at, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[at, : len(row)] = 1
        mask = mask.to(self._device)
        with torch.inference_mode():
            hidden = self._model(input_ids=padded.to(self._device), attention_mask=mask)[0]
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            means = (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)
            unit = torch.nn.functional.normalize(means, dim=-1)
        found: Vectors = unit.float().cpu().numpy()
        return found


def _load_mean_pooled(folder: Path, settings: _Settings) -> MeanPooled:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    device = pick_device()
    with explained_memory(f"load the embedder {folder.name}"):
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModel.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise _unreadable(folder, error) from error
        model.to(device).eval()
    limits = (
        settings.longest,
        tokenizer.model_max_length,
        getattr(model.config, "max_position_embeddings", None),
    )
    longest = min(int(limit) for limit in limits if limit)
    return MeanPooled(model, tokenizer, device, longest, settings.lower_case)


class _SentenceTransformer:
    """Any other folder of sentence-transformers, computed by that library."""

    def __init__(self, model: Any, version: str, batch: int) -> None:
        self._model = model
        self._batch = batch
        self.implementation = f"sentence-transformers {version}"

    @property
    def dimensions(self) -> int:
        return len(self._model.encode(["a"], show_progress_bar=False)[0])

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        clean = [_encodable(text) for text in texts]
        found = self._model.encode(clean, batch_size=self._batch, show_progress_bar=False)
        return _unit(found)


def _load_sentence_transformer(folder: Path) -> Embedder:
    try:
        import sentence_transformers
    except ImportError as error:
        raise JobError(
            "no_extra",
            f"the embedder {folder.name} is not a plain transformer with mean pooling; "
            "reading it needs sentence-transformers, which is not installed",
            EXTRA,
        ) from error
    device = pick_device()
    with explained_memory(f"load the embedder {folder.name}"):
        try:
            model = sentence_transformers.SentenceTransformer(
                str(folder),
                device=device.type,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"dtype": torch.float32, "use_safetensors": True},
            )
        except (OSError, ValueError, KeyError) as error:
            raise _unreadable(folder, error) from error
    batch = CUDA_BATCH if device.type == "cuda" else CPU_BATCH
    return _SentenceTransformer(model, str(sentence_transformers.__version__), batch)


class _Static:
    """A table of one vector for each token, averaged; no transformer runs."""

    def __init__(self, model: Any, version: str) -> None:
        self._model = model
        self.implementation = f"model2vec {version}"

    @property
    def dimensions(self) -> int:
        return int(self._model.dim)

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        clean = [_encodable(text) for text in texts]
        return _unit(self._model.encode(clean, use_multiprocessing=False))


def _load_static(folder: Path) -> Embedder:
    try:
        import model2vec
    except ImportError as error:
        raise JobError(
            "no_extra",
            f"the embedder {folder.name} is a static one; reading it needs model2vec, "
            "which is not installed",
            EXTRA,
        ) from error
    try:
        # The whole text is read: a static embedder has no longest input.
        model = model2vec.StaticModel.from_pretrained(folder, max_length=None)
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(folder, error) from error
    return _Static(model, str(model2vec.__version__))


def _unreadable(folder: Path, error: Exception) -> JobError:
    return JobError("bad_embedder", f"the embedder {folder} cannot be loaded: {error}")


def _unit(vectors: npt.ArrayLike) -> Vectors:
    """Rows scaled to length 1; a zero row stays zero."""
    given = np.asarray(vectors, np.float32)
    norms = np.linalg.norm(given, axis=1, keepdims=True)
    scaled: Vectors = np.divide(given, norms, out=np.zeros_like(given), where=norms > 0)
    return scaled


def _encodable(text: str) -> str:
    """Half of a surrogate pair, which no tokenizer reads, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()

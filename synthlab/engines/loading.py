"""Bringing a model folder, and an adapter, into memory in the right type and on the right device."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from synthlab.engines.chat import ChatFormat
from synthlab.errors import JobError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BF16_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
CPU_INFO = Path("/proc/cpuinfo")
MEMORY_WORDS = ("not enough memory", "out of memory", "alloc_failed")


@dataclass(frozen=True)
class LoadedModel:
    """A model with its tokenizer, ready to answer, score or be trained."""

    model: Any
    tokenizer: Any
    chat: ChatFormat
    device: torch.device
    dtype: str
    """`float32`, `bfloat16` or `float16`."""

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together that the model can hold."""
        config = self.model.config.get_text_config()
        return int(getattr(config, "max_position_embeddings", None) or 1 << 20)

    @property
    def cache_bytes_per_token(self) -> int:
        """Bytes of keys and values of one token of one row."""
        config = self.model.config.get_text_config()
        heads = config.num_attention_heads
        head_width = getattr(config, "head_dim", None) or config.hidden_size // heads
        stored_heads = getattr(config, "num_key_value_heads", None) or heads
        size = torch.finfo(DTYPES[self.dtype]).bits // 8
        return int(2 * config.num_hidden_layers * stored_heads * head_width * size)


def pick_device(environment: Mapping[str, str] = os.environ) -> torch.device:
    """The GPU that the run was given, else the CPU.

    Raises JobError if torch cannot use the GPU: hours on a CPU, in another number format, are not
    what the plan said.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    if given := environment.get("SYNTHLAB_GPU_UUID"):
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        raise JobError(
            "no_cuda",
            f"the run was given {given}, but torch {torch.__version__} ({built}) cannot use it",
            "install a torch that suits the driver (nvidia-smi names its CUDA version), or hide the "
            "GPUs with CUDA_VISIBLE_DEVICES= and compute on the CPU",
        )
    return torch.device("cpu")


def pick_dtype(wanted: str, device: torch.device, cpu_info: Path = CPU_INFO) -> str:
    """The number format to compute in; `auto` takes bfloat16 where the hardware multiplies in it.

    Emulated bfloat16 is slower than the alternative everywhere. Raises JobError for an unknown name.
    """
    if wanted in DTYPES:
        return wanted
    if wanted != "auto":
        raise JobError("bad_dtype", f"dtype {wanted!r} is not one of auto, {', '.join(DTYPES)}")
    if device.type == "cuda":
        # Asked plainly, torch also counts the emulation of GPUs before Ampere, which is slow.
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if native else "float16"
    try:
        flags = set(cpu_info.read_text().split())
    except OSError:
        return "float32"
    return "bfloat16" if flags & BF16_CPU_FLAGS else "float32"


def load_model(folder: Path, dtype: str = "auto") -> LoadedModel:
    """Load a model folder: safetensors only, nothing from the network, no code of the model's own.

    Raises JobError if the folder is no such model or it does not fit into memory.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    device = pick_device()
    chosen = pick_dtype(dtype, device)
    if not (folder / "config.json").is_file():
        raise JobError("no_model", f"{folder} is no model: it has no config.json")
    with explained_memory(f"load {folder.name}"):
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=DTYPES[chosen], local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise JobError("bad_model", f"{folder} cannot be loaded: {error}") from error
        model.to(device)
    model.eval()
    chat = ChatFormat(tokenizer, end_ids(model))
    return LoadedModel(model, tokenizer, chat, device, chosen)


def end_ids(model: Any) -> frozenset[int]:
    """The ids at which the model's own generation config stops."""
    named = model.generation_config.eos_token_id
    if named is None:
        named = model.config.get_text_config().eos_token_id
    if named is None:
        return frozenset()
    return frozenset(named) if isinstance(named, list | tuple) else frozenset({int(named)})


def attach_adapter(loaded: LoadedModel, adapter: Path) -> Any:
    """The model with a peft adapter on it, proven to speak differently from the base alone.

    An adapter whose tensor names do not match is loaded by peft as if it were untrained, and every
    number would silently be the base model's. Raises JobError then, or if it cannot be loaded.
    """
    from peft import PeftModel

    try:
        model = PeftModel.from_pretrained(loaded.model, adapter, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise JobError("bad_adapter", f"the adapter cannot be loaded: {error}") from error
    model.eval()
    probe = torch.tensor([[loaded.chat.end_id] * 2], device=loaded.device)
    with torch.inference_mode():
        adapted = model(probe).logits
        with model.disable_adapter():
            plain = model(probe).logits
    if torch.equal(adapted, plain):
        raise JobError(
            "inert_adapter",
            f"the adapter in {adapter} changes nothing: the model answers as the base does",
            "check that it was trained on this base model",
        )
    return model


def free_memory(device: torch.device) -> int:
    """Bytes that may still be taken on the device."""
    if device.type == "cuda":
        # What torch holds for later tensors is free as well, though the driver calls it taken.
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + held)
    return int(os.sysconf("SC_AVPHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE"))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch failed for lack of memory; a CPU, CUDA itself and cuBLAS say so only in words."""
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in MEMORY_WORDS)


def release_memory(device: torch.device) -> None:
    """Give a GPU's memory back that no tensor needs any more.

    Of use only after the `except` block of a failed batch: in it, the error still holds the batch.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def explained_memory(doing: str) -> Iterator[None]:
    """Turn a lack of memory into an error that says what to do."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise JobError(
            "out_of_memory",
            f"not enough memory to {doing}",
            "use a smaller model, shorter texts or a smaller batch_size, or free the device",
        ) from error

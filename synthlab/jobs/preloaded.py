"""Importing this module pays for the model stack once; a process forked from it starts at once.

Nothing here may start a thread or touch a device: both do not survive a fork.
"""

import peft  # noqa: F401
import torch  # noqa: F401
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer  # noqa: F401
from transformers.models.llama import modeling_llama  # noqa: F401

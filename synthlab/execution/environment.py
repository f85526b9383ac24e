"""What a child process inherits: an allow-list, so that no secret reaches a job that has no use for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from synthlab.execution.api_keys import SUFFIX

INHERITED = frozenset(
    """HOME USER LOGNAME PATH SHELL LANG TZ TMPDIR TEMP LD_LIBRARY_PATH LD_PRELOAD VIRTUAL_ENV
    PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE PYTHONUTF8
    http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR
    REQUESTS_CA_BUNDLE CURL_CA_BUNDLE""".split()
)
INHERITED_PREFIXES = (
    "LC_",
    "XDG_",
    "HF_",
    "HUGGINGFACE_",
    "TRANSFORMERS_",
    "TORCH_",
    "PYTORCH_",
    "NVIDIA_",
    "CUDA_",
    "CUBLAS_",
    "TRITON_",
    "NCCL_",
    "VLLM_",
    "SYNTHLAB_",
)


def child_environment(
    parent: Mapping[str, str], keys: Collection[str] = (), **added: str
) -> dict[str, str]:
    """The part of `parent` that runners and jobs may see, with `added` on top.

    keys: variables with keys of served models that the child may have; it gets no others.
    """
    kept = {
        name: value
        for name, value in parent.items()
        if name in keys
        or name in INHERITED
        or (name.startswith(INHERITED_PREFIXES) and not name.endswith(SUFFIX))
    }
    return {**kept, **added}

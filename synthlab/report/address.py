"""The addresses under which `synthlab why` walks from a number to the rows behind it."""

from __future__ import annotations

import shlex


def why_address(experiment: str, condition: str, seed: int, metric: str) -> str:
    """The address of one result: `demo.1:human.s0:ppl1-token`."""
    return f"{experiment}:{condition}.s{seed}:{metric}"


def mean_address(experiment: str, condition: str, metric: str) -> str:
    """The address of a mean over all seeds of a condition: `demo.1:human:ppl1-token`."""
    return f"{experiment}:{condition}:{metric}"


def difference_address(experiment: str, condition: str, baseline: str, metric: str) -> str:
    """The address of a difference: `demo.1:human,vanilla:ppl1-token`."""
    return f"{experiment}:{condition},{baseline}:{metric}"


def why_command(address: str) -> str:
    """What to type for an address, quoted where a shell would take it apart."""
    return f"synthlab why {shlex.quote(address)}"

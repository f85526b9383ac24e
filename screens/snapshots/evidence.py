"""What proves the end of a run, in words: exit.json holds it as runner and supervisor saw it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from typing import Any

from synthlab.cli.words import moment


def evidence_words(evidence: Mapping[str, Any]) -> str:
    """`exited with 0, nothing left behind`; what is not known here is given as it is spelled."""
    return ", ".join(filter(None, (_words(name, value) for name, value in evidence.items())))


def _words(name: str, value: Any) -> str:
    try:
        return _KNOWN[name](value)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return f"{name.replace('_', ' ')} {text}"


def _exit_status(value: Any) -> str:
    number = _whole(value)
    return f"exited with {number}" if number >= 0 else f"ended by {signal.Signals(-number).name}"


def _oom_kills(value: Any) -> str:
    number = _whole(value)
    times = "once" if number == 1 else f"{number} times"
    return f"killed for want of memory {times}" if number else ""


def _leftovers(value: Any) -> str:
    pids = [str(_whole(pid)) for pid in value]
    if not pids:
        return "nothing left behind"
    many = "process" if len(pids) == 1 else "processes"
    return f"{len(pids)} {many} left behind and ended ({', '.join(pids)})"


def _process(who: str) -> Callable[[Any], str]:
    def words(value: Any) -> str:
        return f"{who} {_whole(value['pid'])}" if value else ""

    return words


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is no whole number")
    return value


_KNOWN: Mapping[str, Callable[[Any], str]] = {
    "exit_status": _exit_status,
    "oom_kills": _oom_kills,
    "leftovers": _leftovers,
    "lock": lambda value: f"its lock is {value + ''}",
    "boot_id": lambda value: f"the machine has booted since (boot {value[:8] + ''})",
    "launched_at": lambda value: f"launched {moment(value)}",
    "runner": _process("runner"),
    "job": _process("job"),
}

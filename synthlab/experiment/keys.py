"""Content keys of steps, and the readable difference between two steps that should be alike."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping

from storage.durable import canonical_json
from synthlab.experiment.steps import JOB_VERSIONS, Json, StepKey, StepKind

DIGEST = re.compile(r"[0-9a-f]{40,64}")


def step_key(
    kind: StepKind,
    params: Mapping[str, Json],
    inputs: Mapping[str, StepKey],
    *,
    version: int | None = None,
) -> StepKey:
    """SHA-256 over everything that decides the output: kind, code version, parameters, input keys.

    inputs: role → key of the step that gives it; version: of the job's code, today's if None.
    Raises ValueError if a number is not finite.
    """
    content = {
        "kind": kind,
        "version": JOB_VERSIONS[kind] if version is None else version,
        "params": dict(params),
        "inputs": dict(inputs),
    }
    return StepKey(hashlib.sha256(canonical_json(content).encode()).hexdigest())


def plan_difference(old: Mapping[str, Json], new: Mapping[str, Json]) -> tuple[str, ...]:
    """What changed between two steps' parameters, as in `learning_rate 1e-4 -> 2e-4`.

    Empty if nothing did. Nested names are joined by dots; only the smallest differing parts are named.
    """
    return tuple(_differences("", dict(old), dict(new)))


def _differences(name: str, old: Json, new: Json) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in (*new, *(k for k in old if k not in new)):
            inner = f"{name}.{key}" if name else str(key)
            if key not in old:
                yield f"{inner} {show_value(new[key])} added"
            elif key not in new:
                yield f"{inner} {show_value(old[key])} removed"
            else:
                yield from _differences(inner, old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{name}[{i}]", before, after)
    elif old != new or type(old) is not type(new):
        before, after = show_value(old), show_value(new)
        if before == after:
            before, after = repr(old), repr(new)
        yield f"{name} {before} -> {after}"


def show_value(value: Json) -> str:
    """A parameter as a line about it spells it: digests short, long texts cut."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _show_float(value)
    if isinstance(value, str):
        if DIGEST.fullmatch(value):
            return value[:12]
        return value if re.fullmatch(r"[\w./:@+-]+", value) else f'"{_shorten(value)}"'
    return _shorten(canonical_json(value))


def _show_float(value: float) -> str:
    if value and abs(value) < 1e-3:
        mantissa, exponent = f"{value:.5e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:g}"


def _shorten(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:59] + "…"

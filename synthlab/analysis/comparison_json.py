"""A comparison as JSON: once for readers, who get null for what is not a number, once for the cache."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from synthlab.analysis.comparison import Comparison

_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """What `--json` prints: NaN and infinity, which JSON has not, become null with the reason beside.

    `experiment` joins the names, as one document may speak of several.
    """
    document = {"experiment": ", ".join(comparison.experiments), **asdict(comparison)}
    for metric, shown in zip(comparison.metrics, document["metrics"], strict=True):
        for condition, value in metric.values.items():
            shown["values"][condition]["seed_sd"] = value.seed_sd
    finite = finite_json(document)
    assert isinstance(finite, dict)
    return finite


def finite_json(value: Any) -> Any:
    """The value with null for every float that is not finite, and with text for every key."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite_json(one) for one in value]
    return value


def stored_form(comparison: Comparison) -> dict[str, Any]:
    """JSON from which `read_stored` makes an equal comparison; `nan` and `inf` stand as text."""
    stored = _encode(asdict(comparison))
    assert isinstance(stored, dict)
    return stored


def read_stored(value: Any) -> Comparison:
    """The comparison that `stored_form` wrote; raises ValueError if anything does not fit its type."""
    try:
        found = _decode(value, Comparison)
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a stored comparison: {error}") from error
    assert isinstance(found, Comparison)
    return found


def _encode(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, Mapping):
        return {str(key): _encode(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(one) for one in value]
    return value


def _decode(value: Any, kind: Any) -> Any:
    """The value as the annotated type has it. Only what a comparison is made of is known here."""
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(value, kind)
    if origin in (Union, UnionType):
        return _decode_union(value, inner)
    if origin is tuple:
        return tuple(_decode(one, inner[0]) for one in _of(value, list))
    if origin is not None and _is_mapping(origin):
        read_key = int if inner[0] is int else str
        return {read_key(key): _decode(one, inner[1]) for key, one in _of(value, dict).items()}
    if origin is Literal:
        if value not in inner:
            raise ValueError(f"{value!r} is none of {inner}")
        return value
    if kind is float:
        return _decode_float(value)
    return _of(value, kind)


def _decode_dataclass(value: Any, kind: type) -> Any:
    hints = get_type_hints(kind)
    given = _of(value, dict)
    names = [one.name for one in fields(kind)]
    if set(given) != set(names):
        raise ValueError(f"{kind.__name__} has the fields {names}, not {sorted(given)}")
    return kind(**{name: _decode(given[name], hints[name]) for name in names})


def _decode_union(value: Any, kinds: tuple[Any, ...]) -> Any:
    if value is None and NoneType in kinds:
        return None
    (kind,) = (one for one in kinds if one is not NoneType)
    return _decode(value, kind)


def _decode_float(value: Any) -> float:
    if isinstance(value, str):
        return _NOT_FINITE[value]
    return float(_of(value, float | int))


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _of(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{value!r} is not of type {kind}")
    return value

"""Parameters of two steps of one kind, compared as a person thinks of them.

A model or a data set is one input, however many fields pin it; an entry of a list is known by its
name and not by its place; a name of a prompt set is one input wherever a step repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

PINS = ("digest", "revision", "id", "name", "origin", "package", "version", "format")
SET_NAMES = ("prompts", "set", "requests", "templates")
NAME_FIELDS = ("set", "name", "id", "label", "role")
"""The first of these that every entry of a list has is what the entries are known by."""
PROMPT_SET = "prompt set"


class _Nothing:
    """Stands for a parameter that a side does not have."""

    def __repr__(self) -> str:
        return "none"


NOTHING: Final = _Nothing()


@dataclass(frozen=True)
class ParamChange:
    """One parameter that is not the same."""

    path: str
    old: Any
    new: Any
    is_shown: bool = False
    """Whether the values are texts that are ready to be read."""


@dataclass(frozen=True)
class ShareNames:
    """What the numbered inputs of a mixture or a judge are called, the same on both sides."""

    old: Mapping[str, str]
    new: Mapping[str, str]


def compare_params(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], names: ShareNames
) -> list[ParamChange]:
    """Every parameter that differs; parameters that follow from others are not named twice."""
    before, after = _normal(kind, old, names.old), _normal(kind, new, names.new)
    return list(_compare("", before, after))


def _normal(kind: str, params: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Without what other parameters decide, and with numbered inputs by name."""
    found = dict(params)
    found.pop("judge_is_base", None)  # follows from the two models, which are compared
    if "embedder" in found:
        found["metrics"] = [name for name in found["metrics"] if name != "embedding"]
    if kind == "fetch":
        model = {"id": found.pop("model", None), "revision": found.pop("revision", None)}
        found["model"] = {**model, "digest": None}
    if kind == "mix" and "parts" in found:
        parts = found.pop("parts")
        found["shares"] = _Shown(
            " : ".join(f"{names.get(p['role'], p['role'])} {p['share']}" for p in parts)
        )
        found["sets"] = {names.get(p["role"], p["role"]): {"set": p["set"]} for p in parts}
    if kind == "bias" and "candidates" in found:
        candidates = found.pop("candidates")
        found["candidates"] = _Shown(", ".join(names.get(c["role"], c["role"]) for c in candidates))
        found["candidate"] = {
            names.get(c["role"], c["role"]): {"set": c["set"], "kind": c["kind"]}
            for c in candidates
        }
    return found


@dataclass(frozen=True)
class _Shown:
    """A value that is compared and shown as this text."""

    text: str


def _compare(path: str, old: Any, new: Any) -> Iterator[ParamChange]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _compare_mappings(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(path, old, new)
    elif isinstance(old, _Shown) and isinstance(new, _Shown):
        if old != new:
            yield ParamChange(path, old.text, new.text, is_shown=True)
    elif old != new or type(old) is not type(new):
        yield ParamChange(_named(path), _identity(old), _identity(new), _is_pinned(old, new))


def _compare_mappings(
    path: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[ParamChange]:
    if old == new and list(map(type, old.values())) == list(map(type, new.values())):
        return
    pinned = "digest" in old or "digest" in new or "revision" in old or "revision" in new
    if pinned and any(old.get(pin) != new.get(pin) for pin in PINS):
        yield ParamChange(path, _identity(old), _identity(new), is_shown=True)
        return
    sides_only = path in ("sets", "candidate")  # which of them there are is in the shares
    for name in (*new, *(one for one in old if one not in new)):
        inner = f"{path}.{name}" if path else str(name)
        if name in old and name in new:
            yield from _compare(inner, old[name], new[name])
        elif not sides_only:
            one, other = old.get(name, NOTHING), new.get(name, NOTHING)
            yield ParamChange(inner, _identity(one), _identity(other), _is_pinned(one, other))


def _compare_lists(path: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[ParamChange]:
    if old == new and list(map(type, old)) == list(map(type, new)):
        return
    field = _name_field([*old, *new])
    if field is None:
        yield ParamChange(path, old, new)
        return
    before, after = ({str(one[field]): one for one in side} for side in (old, new))
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    if len(gone) == len(come) == 1:  # one entry was renamed
        before[come[0]] = before.pop(gone[0])
    renamed = len(gone) == len(come) == 1
    found = []
    for name in (*after, *(one for one in before if one not in after)):
        inner = f"{path}.{name}"
        if name in before and name in after:
            found += list(_compare(inner, before[name], after[name]))
        else:
            one, other = before.get(name, NOTHING), after.get(name, NOTHING)
            found.append(ParamChange(inner, one, other))
    if not found and not renamed:
        found = [ParamChange(f"order of {path}", list(before), list(after))]
    yield from found


def _name_field(entries: Sequence[Any]) -> str | None:
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        return None
    for field in NAME_FIELDS:
        if all(field in entry for entry in entries):
            return field
    return None


def _named(path: str) -> str:
    """Parameters that repeat the name of a prompt set go by one name."""
    parent, _, last = path.rpartition(".")
    is_set = last in SET_NAMES or (last == "name" and parent.startswith("sets."))
    return PROMPT_SET if is_set else path


def _is_pinned(old: Any, new: Any) -> bool:
    return any(isinstance(one, dict) and "digest" in one for one in (old, new)) and all(
        one is NOTHING or one is None or isinstance(one, dict) for one in (old, new)
    )


def _identity(value: Any) -> Any:
    """A model, adapter or data set as `name@revision #digest`; anything else as it is."""
    if not isinstance(value, Mapping) or not ("digest" in value or "revision" in value):
        return value
    name = ":".join(str(value[k]) for k in ("origin", "id", "name") if value.get(k) is not None)
    revision = f"@{str(value['revision'])[:12]}" if value.get("revision") else ""
    digest = f" #{str(value['digest'])[:12]}" if value.get("digest") else ""
    return (name + revision + digest).strip() or "none"

"""Finding and reading rubric files of any kind, with one voice for what is wrong with them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment.table_reader import nearest

T = TypeVar("T")

MAX_SIZE_BYTES = 64 << 10


def locate_rubric(reference: str, base: Path, folder: Path) -> Path:
    """The file that a reference means: a path ending in .toml relative to `base`, or one of `folder`.

    Raises NotFoundError if there is none.
    """
    if reference.endswith(".toml"):
        path = base / Path(reference).expanduser()
        if not path.is_file():
            raise NotFoundError(f"no rubric {path}")
        return path
    known = sorted(one.stem for one in folder.glob("*.toml"))
    if reference not in known:
        raise NotFoundError(f'no rubric is called "{reference}"{nearest(reference, known)}')
    return folder / f"{reference}.toml"


def read_rubric_file(
    path: Path, build: Callable[[Mapping[str, Any]], T], fault: Callable[[T], str]
) -> T:
    """Read one file; raises SpecError that names it and the first fault.

    build: from the TOML table to the rubric; may raise KeyError, TypeError or AttributeError.
    fault: what is wrong with a rubric that could be built; empty if nothing is.
    """
    if path.stat().st_size > MAX_SIZE_BYTES:
        raise SpecError(f"{path}: is larger than 64 kB and cannot be a rubric")
    try:
        rubric = build(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SpecError(f"{path}: not valid TOML: {error}") from error
    except SpecError as error:
        raise SpecError(f"{path}: {error.message}", error.hint) from error
    except KeyError as error:
        raise SpecError(f"{path}: the key {error} is missing") from error
    except (TypeError, AttributeError) as error:
        raise SpecError(f"{path}: a value is of the wrong type ({error})") from error
    found = fault(rubric)
    if found:
        raise SpecError(f"{path}: {found}")
    return rubric

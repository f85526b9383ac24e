"""Questions about Python's standard library, answered by its own documentation.

The text is read from the source files of the running interpreter with `ast`: nothing is imported or
executed, and nobody's text has to be shipped.
"""

from __future__ import annotations

import ast
import inspect
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from synthlab.errors import JobError
from synthlab.jobs.apportion import rank
from synthlab.jobs.readers.table import RawRow, RawTable

NAME = "python-docs"
LICENCE = "PSF-2.0 (documentation of the Python standard library)"
MIN_CHARS = 40
MAX_CHARS = 480
MAX_SIGNATURE_CHARS = 70
MAX_PER_MODULE = 24
"""A few large modules would otherwise be half of the corpus."""

# Written in Python, part of every installation: the rows do not hang on how Python was packaged.
MODULES = (
    "argparse ast base64 bdb bisect calendar cmd code codeop collections colorsys concurrent.futures "
    "configparser contextlib copy csv dataclasses difflib dis email.message email.utils enum filecmp "
    "fileinput fnmatch fractions ftplib functools getopt getpass gettext glob graphlib gzip hashlib "
    "heapq hmac html http.client http.cookiejar http.server imaplib inspect ipaddress json keyword "
    "linecache locale logging logging.handlers mailbox mimetypes netrc numbers operator os pathlib "
    "pickle pickletools pkgutil platform plistlib poplib posixpath pprint profile pstats queue quopri "
    "random re reprlib sched secrets selectors shelve shlex shutil signal smtplib socket socketserver "
    "ssl stat statistics string subprocess symtable tabnanny tarfile tempfile textwrap threading "
    "timeit tokenize trace traceback tracemalloc types typing unittest.case unittest.mock urllib.parse "
    "urllib.request urllib.robotparser uuid warnings wave weakref webbrowser xml.dom.minidom "
    "xml.etree.ElementTree xmlrpc.client zipapp zipfile"
).split()
SHOWN_AS = {"posixpath": "os.path"}

QUESTIONS = {
    "function": (
        "What does the Python function `{}` do?",
        "Explain the Python function `{}`.",
        "In Python, what is the function `{}` for?",
        "Describe briefly what `{}` does in Python.",
    ),
    "method": (
        "What does the Python method `{}` do?",
        "Explain the Python method `{}`.",
        "In Python, what is the method `{}` for?",
        "Describe briefly what `{}` does in Python.",
    ),
    "class": (
        "What is the Python class `{}` for?",
        "Explain the Python class `{}`.",
        "What does an object of the Python class `{}` represent?",
        "Describe briefly the Python class `{}`.",
    ),
}
NOT_PROSE = re.compile(r"^(>>>|\.\.\.|[-*+•|=~#(]|\d+[.)]|:\w+|@\w+|\w+\(.*\) ?(->|--|:)|\w+ *=)")


class Documented(NamedTuple):
    """Something of the library that explains itself."""

    kind: str
    module: str
    name: str
    signature: str
    text: str


def read_python_docs(seed: int) -> RawTable:
    """One row for each function, method and class with usable documentation.

    seed: which of several wordings each question has. Raises JobError if this Python has no source
    files.
    """
    library = Path(sysconfig.get_path("stdlib"))
    found = [item for module in MODULES for item in _module_items(library, module)]
    if not found:
        raise JobError(
            "no_dataset",
            f"this Python has no readable library sources in {library}",
            "use a Python that is installed with its standard library as files",
        )
    rows = []
    said: set[str] = set()
    for item in found:
        if item.text in said or f"{item.module}.{item.name}" in said:
            continue
        said |= {item.text, f"{item.module}.{item.name}"}
        rows.append(_row(item, seed))
    return RawTable(
        NAME,
        ("id", "prompt", "response", "category"),
        tuple(RawRow(f"row {i}", row) for i, row in enumerate(rows, 1)),
        LICENCE,
    )


def _row(item: Documented, seed: int) -> dict[str, str]:
    name = f"{item.module}.{item.name}"
    questions = QUESTIONS[item.kind]
    question = questions[rank(seed, NAME, name) % len(questions)]
    return {
        "id": name,
        "prompt": question.format(f"{name}{item.signature}"),
        "response": item.text,
        "category": item.module,
    }


def _module_items(library: Path, module: str) -> list[Documented]:
    """The documented items of a module, thinned out evenly where there are many."""
    path = library.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    try:
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):
        # Modules come and go between versions of Python; the version is part of the corpus' digest.
        return []
    shown = SHOWN_AS.get(module, module)
    items = list(_items(tree, shown))
    kept = sorted(items, key=lambda item: rank(0, shown, item.name))[:MAX_PER_MODULE]
    return [item for item in items if item in kept]


def _items(tree: ast.Module, module: str) -> Iterator[Documented]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _documented(node, "function", module, "")
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _documented(node, "class", module, "")
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from _documented(inner, "method", module, f"{node.name}.")


def _documented(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, kind: str, module: str, owner: str
) -> Iterator[Documented]:
    raw = ast.get_docstring(node, clean=False)
    if node.name.startswith("_") or raw is None or _is_property(node):
        return
    text = clean_docstring(raw)
    if text is not None:
        signature = "" if isinstance(node, ast.ClassDef) else _signature(node)
        yield Documented(kind, module, f"{owner}{node.name}", signature, text)


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """A property would be shown with the brackets of a call that it does not take."""
    return any(
        "property" in ast.unparse(d) or "setter" in ast.unparse(d) for d in node.decorator_list
    )


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = node.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    for variadic in (arguments.vararg, arguments.kwarg):
        if variadic is not None:
            variadic.annotation = None
    text = re.sub(r"^(self|cls)(, /)?(, |$)", "", ast.unparse(arguments))
    return f"({text})" if len(text) <= MAX_SIGNATURE_CHARS else "(...)"


def clean_docstring(raw: str) -> str | None:
    """The prose that a docstring begins with, in whole paragraphs; None if it is not worth asking for.

    Paragraphs are joined to single lines; examples, lists, tables and field lists end the text.
    """
    kept: list[str] = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(raw)):
        lines = paragraph.split("\n")
        flowing = " ".join(paragraph.split())
        if any(line[:1].isspace() or NOT_PROSE.match(line) for line in lines):
            break
        if kept and len("\n\n".join([*kept, flowing])) > MAX_CHARS:
            break
        if flowing.endswith(":"):
            break
        kept.append(flowing)
    text = "\n\n".join(kept)
    plain = text.isascii() and text[:1].isupper() and text[-1:] in ".!?)"
    return text if plain and MIN_CHARS <= len(text) <= MAX_CHARS else None

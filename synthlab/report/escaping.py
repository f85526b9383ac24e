"""Text from models, data and files made harmless in each format that a report is written in."""

from __future__ import annotations

import html
import re

from synthlab.text import safe_line, safe_text

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&$]|(?<=[a-z]):(?=//)|(?<=www)\.|^\s*[#+=:-]|^\s*\d+[.)]")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": r"{-}",  # two of them would become a dash
    "\u00a0": "~",
    "±": r"\(\pm\)",
    "×": r"\(\times\)",
    "≠": r"\(\neq\)",
    "≥": r"\(\geq\)",
    "≤": r"\(\leq\)",
    "−": r"\(-\)",
    "—": r"\textemdash{}",
    "–": r"\textendash{}",
    "…": r"\ldots{}",
    "·": r"\(\cdot\)",
}
_LONGEST_LABEL, _LONGEST_TITLE = 44, 84


def html_text(text: str) -> str:
    """Text for an element or a quoted attribute of HTML; controls are visible, line feeds stay."""
    return html.escape(safe_text(text), quote=True)


def markdown_text(text: str) -> str:
    """Text for one line of Markdown, also inside a table: no sign of it is markup or a link."""
    return _MARKDOWN.sub(_escaped, safe_line(text))


def markdown_code(text: str) -> str:
    """Text as an inline code span; its own backticks and table bars cannot end it."""
    line = safe_line(text).replace("|", "¦")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def markdown_block(text: str, language: str = "") -> str:
    """Text as a fenced block whose fence is longer than any in it."""
    shown = safe_text(text).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def latex_text(text: str) -> str:
    """Text for one cell of a LaTeX table; letters that pdflatex cannot set are named by their code."""
    return "".join(_latex_character(character) for character in safe_line(text))


def latex_comment(text: str) -> str:
    """Text behind a percent sign: one line of printable ASCII."""
    return safe_line(text).encode("ascii", "backslashreplace").decode()


def csv_text(text: str) -> str:
    """Text for a cell of a spreadsheet: it cannot be read as a formula, and controls are visible.

    A guard, an apostrophe, stands before what a spreadsheet would run (OWASP, "CSV Injection").
    """
    guarded = f"'{text}" if text.startswith(_FORMULA_STARTS) else text
    return safe_text(guarded)


def figure_label(text: str) -> str:
    """A name in a figure: one line, shortened in its middle where it would push the data aside."""
    return _shortened(safe_line(text), _LONGEST_LABEL)


def figure_title(text: str) -> str:
    """The title or axis label of a figure: one line that fits the width of a page."""
    return _shortened(safe_line(text), _LONGEST_TITLE)


def _escaped(match: re.Match[str]) -> str:
    sign = match.group()
    return f"{sign[:-1]}\\{sign[-1]}"


def _shortened(line: str, longest: int) -> str:
    if len(line) <= longest:
        return line
    kept = (longest - 1) // 2
    return f"{line[:kept]}…{line[-kept:]}"


def _latex_character(character: str) -> str:
    if character in _LATEX:
        return _LATEX[character]
    # T1 with inputenc sets ASCII, Latin-1 and Latin Extended-A.
    if " " <= character <= "~" or "\u00c0" <= character <= "\u017e":
        return character
    return f"[U+{ord(character):04X}]"

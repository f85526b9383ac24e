"""The report as one Markdown file, with the same parts in the same order as the page."""

from __future__ import annotations

from synthlab.escaping import markdown_block, markdown_code, markdown_text
from synthlab.report.document import (
    Bullets,
    Document,
    Paragraph,
    Part,
    Section,
    ShownFigure,
    Verbatim,
)
from synthlab.report.tables import Table, markdown_table


def markdown_page(document: Document) -> str:
    """The whole file; no text of the data is markup."""
    head = f"# {markdown_text(document.title)}\n\n{markdown_text(document.description)}\n"
    return "\n\n".join([head.rstrip(), *map(_section, document.sections)]) + "\n"


def _section(section: Section) -> str:
    return "\n\n".join([f"## {markdown_text(section.title)}", *map(_part, section.parts)])


def _part(part: Part) -> str:
    match part:
        case Table():
            return markdown_table(part)
        case ShownFigure():
            return _figure(part)
        case Bullets():
            return "\n".join(f"- {markdown_text(item)}" for item in part.items)
        case Paragraph():
            return markdown_text(part.text)
        case Verbatim():
            return markdown_block(part.text, part.language)


def _figure(shown: ShownFigure) -> str:
    name = shown.figure.id
    lines = [f"![{markdown_text(shown.title)}](figures/{name}.png)", ""]
    lines += [f"{markdown_text(note)}  " for note in shown.figure.caption]
    lines += [f"{markdown_code(f'synthlab why {one}')}  " for one in shown.addresses]
    lines.append(f"[numbers](figures/{name}.csv) [SVG](figures/{name}.svg)")
    if shown.figure.data:
        lines[-1] += f" [rows]({shown.figure.data})"
    return "\n".join(lines)

"""The report as one page that needs no network and no script."""

from __future__ import annotations

from synthlab.escaping import html_text
from synthlab.report.document import (
    Bullets,
    Document,
    Paragraph,
    Part,
    Section,
    ShownFigure,
    Verbatim,
)
from synthlab.report.page_style import STYLE
from synthlab.report.tables import Table, html_table

_POLICY = "default-src 'none'; img-src 'self' data: file:; style-src 'unsafe-inline'"


def html_page(document: Document) -> str:
    """The whole page; every text of the data is escaped."""
    links = "".join(
        f'<a href="#{one.id}">{html_text(one.title)}</a>\n' for one in document.sections
    )
    body = "\n".join(map(_section, document.sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html_text(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html_text(document.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header><h1>{html_text(document.title)}</h1>\n"
        f"<p class=lead>{html_text(document.description)}</p></header>\n"
        f"<nav>{links}</nav>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    parts = "\n".join(map(_part, section.parts))
    return f'<section id="{section.id}">\n<h2>{html_text(section.title)}</h2>\n{parts}\n</section>'


def _part(part: Part) -> str:
    match part:
        case Table():
            return html_table(part)
        case ShownFigure():
            return _figure(part)
        case Bullets():
            items = "\n".join(f"<li>{html_text(item)}</li>" for item in part.items)
            return f"<ul>\n{items}\n</ul>"
        case Paragraph():
            return f"<p>{html_text(part.text)}</p>"
        case Verbatim():
            return f"<pre><code>{html_text(part.text)}</code></pre>"


def _figure(shown: ShownFigure) -> str:
    name = shown.figure.id
    notes = "".join(f"<div>{html_text(note)}</div>" for note in shown.figure.caption)
    why = "".join(
        f"<div><code>synthlab why {html_text(one)}</code></div>" for one in shown.addresses
    )
    data = f'<a href="figures/{name}.csv">numbers</a> <a href="figures/{name}.png">PNG</a>'
    if shown.figure.data:
        data += f' <a href="{shown.figure.data}">rows</a>'
    return (
        f'<figure id="figure-{name}"><img src="figures/{name}.svg" alt="{html_text(shown.title)}">\n'
        f"<figcaption>{notes}{why}{data}</figcaption></figure>"
    )

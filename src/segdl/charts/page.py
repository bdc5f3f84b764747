"""What pages are put together from. Nothing comes from elsewhere, and nothing in them runs.

What is called HTML goes in as it is; all else is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from segdl.charts.style import STYLE
from segdl.core.text import printable

# Nothing may be loaded, whatever a name in the page might look like.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def document(title: str, body: Iterable[str]) -> str:
    """Return a whole page, for light and dark; `body` is HTML."""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{safe(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def safe(words: str) -> str:
    r"""Return text as HTML: no markup, no characters that deceive.

    Example:
        >>> safe("<b>\u202e")
        '&lt;b&gt;?'
    """
    return escape(printable(words, 2000))


def facts(named: Iterable[tuple[str, str]]) -> str:
    """Return figures in a row, given as name and value."""
    items = "".join(
        f"<div><b>{safe(value)}</b><span>{safe(name)}</span></div>" for name, value in named
    )
    return f'<section class="facts">{items}</section>'


def items(lines: Iterable[str]) -> str:
    """Return a list of lines; nothing where there are none."""
    inside = "".join(f"<li>{safe(line)}</li>" for line in lines)
    return f"<ul>{inside}</ul>" if inside else ""


def details(name: str, inside: str) -> str:
    """Return HTML that is shown where somebody asks for it."""
    return f"<details><summary>{safe(name)}</summary>{inside}</details>"


def figure(inside: str, caption: str) -> str:
    """Return pictures, which are HTML, with what is said of them."""
    return f"<figure>{inside}<figcaption>{safe(caption)}</figcaption></figure>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Return a table; cells are HTML.

    All columns but the first and the last are figures; of the `kind` ``numbers`` the last is
    one, too, and of ``told`` all are words.
    """
    top = "".join(f"<th>{safe(name)}</th>" for name in head)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{top}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def legend(names: Iterable[str]) -> str:
    """Return names with their colours, the first of the series being the first colour."""
    keys = "".join(
        f'<span><i class="key c{number}"></i>{safe(name)}</span>'
        for number, name in enumerate(names)
    )
    return f'<p class="legend">{keys}</p>'

"""Blanks around what a list says.

Formats have spaces, tabs and the ends of lines between their words, and no more: a no-break or
an ideographic space, which Python takes for blank as well, is a character of a name.
"""

from __future__ import annotations

from urllib.parse import quote

BLANKS = " \t\r\n"


def trimmed(text: str) -> str:
    r"""Return a text without the blanks around it.

    Example:
        >>> trimmed("\t\u00a0nb \r\n")
        '\xa0nb'
    """
    return text.strip(BLANKS)


def trimmed_url(text: str) -> str:
    r"""Return a URL without the blanks around it; what only looks like one is encoded.

    Whoever reads a URL takes all that is blank at its ends for nothing.

    Example:
        >>> trimmed_url(" https://example.org/nb\u00a0\n")
        'https://example.org/nb%C2%A0'
    """
    text = trimmed(text)
    kept = text.rstrip()
    return kept + quote(text[len(kept) :])

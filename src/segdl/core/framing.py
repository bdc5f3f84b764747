"""How a response says where its body ends (RFC 9112, 6), and whether that can be relied on."""

from __future__ import annotations

import re
from collections.abc import Mapping

from segdl.core.head import parse_length
from segdl.core.plain import Fields
from segdl.core.text import printable

_WITH_BYTES = frozenset({200, 206})
# Names beyond RFC 9110, 5.6.2, such as X-Any[1], mean the same to everybody.
_FIELD = re.compile(rb"[\x21-\x39\x3b-\x7e]+:[^\r\n\0]*\r?\n")
_FOLDED = re.compile(rb"[\t ][^\r\n\0]*\r?\n")
_END = frozenset({b"\r\n", b"\n"})
# Without one of these, or with another value, the body would be other bytes.
_TELLS_OF_BODY = re.compile(
    rb"[\t ]*(?:content-(?:length|range|encoding)|transfer-encoding)[\t ]*:", re.IGNORECASE
)


def line_trouble(line: bytes, before: bytes) -> str | None:
    r"""Return what is wrong with a line of a head, below the first; None for nothing.

    Libraries guess, each in its own way: some take what follows a line that is no field for
    no part of the head, and the body for one without a length, which ends wherever it is cut.

    Args:
        line: with its end.
        before: the line before it.

    Returns:
        Nothing of what the line says, which may be secret.

    Example:
        >>> line_trouble(b"ETag: 1\r\n", b"HTTP/1.1 200 OK\r\n") is None
        True
        >>> line_trouble(b"Content-Length : 10\r\n", b"ETag: 1\r\n")
        'a line of its head is no field'
    """
    if line in _END or _FIELD.fullmatch(line):
        return None
    if not _FOLDED.fullmatch(line):
        return "a line of its head is no field"
    # It may be meant as a field of its own (RFC 9112, 5.2 and 2.2).
    if _TELLS_OF_BODY.match(line) or _TELLS_OF_BODY.match(before):
        return "a line of its head that tells of the body is folded"
    return None


def framing_trouble(status: int, fields: Mapping[str, str]) -> str | None:
    """Return the field that keeps anybody from knowing where the body ends; None for none.

    A length that is no number is read as one by some, and passed over by others: whatever is
    made of it, it may be the wrong bytes.

    Example:
        >>> framing_trouble(206, {"Content-Length": "+10"})
        "Content-Length '+10'"
        >>> framing_trouble(206, {"Content-Length": "10, 10"}) is None
        True
        >>> framing_trouble(200, {"Transfer-Encoding": "gzip, chunked"})
        "Transfer-Encoding 'gzip, chunked'"
    """
    coding = fields.get("Transfer-Encoding")
    if coding is not None:
        known = coding.strip().lower() == "chunked"
        return None if known else f"Transfer-Encoding {printable(coding.strip().lower())!r}"
    length = fields.get("Content-Length")
    if length is None or status not in _WITH_BYTES or parse_length(length) is not None:
        return None
    return f"Content-Length {printable(length, 40)!r}"


def heeded_fields(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Return the fields without the length that Transfer-Encoding goes before (RFC 9112, 6.3)."""
    if "Transfer-Encoding" not in fields:
        return fields
    return Fields(
        f"{name}: {value}" for name, value in fields.items() if name.lower() != "content-length"
    )

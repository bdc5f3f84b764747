"""How a response says where its body ends (RFC 9112, 6), and whether that can be relied on."""

from __future__ import annotations

from collections.abc import Mapping

from segdl.core.head import parse_length
from segdl.core.plain import Fields
from segdl.core.text import printable

_WITH_BYTES = frozenset({200, 206})


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

"""Header fields that a user adds to requests (RFC 9110, 5)."""

from __future__ import annotations

import re

from segdl.errors import UsageError

_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# segdl decides what these say: a wrong one would end in wrong bytes.
_OURS = frozenset(
    {
        "range",
        "if-range",
        "accept-encoding",
        "content-length",
        "connection",
        "transfer-encoding",
        "te",
    }
)


def parse_header(text: str) -> tuple[str, str]:
    """Read a header field as curl's -H takes it.

    Raises:
        UsageError: not ``Name: value``, or a field that segdl sets itself.

    Example:
        >>> parse_header("X-Token:  abc ")
        ('X-Token', 'abc')
    """
    name, colon, value = text.partition(":")
    if not colon:
        # Without its text: it may be a secret.
        raise UsageError("a header is not of the form 'Name: value'")
    name, value = name.strip(), value.strip()
    check_header(name, value)
    return name, value


def check_header(name: str, value: str) -> None:
    """Refuse a header field that cannot be sent, or that segdl sets itself.

    Raises:
        UsageError: its text does not hold the value, which may be a secret.
    """
    if not _FIELD_NAME.fullmatch(name):
        raise UsageError("a header's name is empty or has characters that HTTP does not allow")
    if value != value.strip():
        raise UsageError(f"the value of the header {name} begins or ends with a space")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        raise UsageError(f"the value of the header {name} has control characters")
    if name.lower() in _OURS:
        hint = "use --range" if name.lower() == "range" else "leave it out"
        raise UsageError(f"the header {name} is segdl's own to set", hint=hint)

"""Requests, and heads of answers, in their most usual form: no library is needed for them.

Where files are small, heads are most of the work. Whatever is not of this form, be it right
or wrong, is None here, and is left to a library that knows all forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar, overload

from segdl.core.url import USUAL_PORTS, Origin

T = TypeVar("T")

# RFC 9110, 5.5 and 5.6.2: no folded line, no control character, no space before the colon.
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = r"[\t\x20-\x7e\x80-\xff]*"
_PAIR = re.compile(rf"{_NAME}:{_VALUE}")
_TARGET = re.compile(r"/(?:[!$&-;=?-Z_a-z~]|%[0-9A-F][0-9A-F])*")
_ANSWER = re.compile(rf"HTTP/1\.1 ([2-5][0-9][0-9]) {_VALUE}\r\n((?:{_NAME}:{_VALUE}\r\n)*)\r\n")
# Neither Unicode nor a zone, nor a final dot.
_HOST = re.compile(r"[0-9a-z._-]*[0-9a-z_-]|\[[0-9a-f:.]+\]")
_LENGTH = re.compile("[0-9]{1,15}")
_MOST_FIELDS = 100
# These have no body, whatever they say of its length (RFC 9112, 6.3).
_BODILESS = frozenset({204, 304})
_NOT_MODIFIED = 304
# What a library obeys, and what it adds where it is missing.
_OBEYED = frozenset({"host", "content-length", "transfer-encoding"})
_ADDED = frozenset({"user-agent", "accept-encoding"})


class Fields(Mapping[str, str]):
    """Header fields by case-insensitive name; the values of one name are joined by commas.

    Example:
        >>> Fields(["ETag: 1", "Link: a", "link:b"])["LINK"]
        'a, b'
    """

    __slots__ = ("_values",)

    def __init__(self, lines: Iterable[str]) -> None:
        self._values: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip(" \t")
            before = self._values.get(name)
            self._values[name] = value if before is None else f"{before}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    # Mapping's own raise and catch an exception for each name that is not there.
    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str | T) -> str | T: ...
    def get(self, name: str, /, default: str | T | None = None) -> str | T | None:
        """Return the value of a field, or `default` where there is none."""
        return self._values.get(name.lower(), default)


class PlainHead(NamedTuple):
    """The head of an answer whose body is `length` bytes.

    Attributes:
        status: the HTTP status code.
        fields: its header fields.
        length: bytes of the body.
        lasts: whether the connection can be used again.
    """

    status: int
    fields: Fields
    length: int
    lasts: bool


def read_plain(head: bytes) -> PlainHead | None:
    r"""Read the head of the answer to a GET, with its empty line.

    Returns:
        None where it is not plain: another version than HTTP/1.1, an interim answer, a body
        that is not framed by one Content-Length, or anything that RFC 9112 does not allow.

    Example:
        >>> read_plain(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").length
        5
    """
    match = _ANSWER.fullmatch(head.decode("latin-1"))
    if match is None:
        return None
    status, lines = int(match[1]), match[2].split("\r\n")[:-1]
    fields = Fields(lines)
    length, connection = fields.get("Content-Length", ""), fields.get("Connection", "").lower()
    if (
        len(lines) > _MOST_FIELDS
        or status in _BODILESS - {_NOT_MODIFIED}
        or "Transfer-Encoding" in fields
        or not (_LENGTH.fullmatch(length) or (status == _NOT_MODIFIED and not length))
        # Cookies of a redirect are kept, by what a library has for that.
        or (300 <= status < 400 and "Set-Cookie" in fields)
        or connection not in {"", "keep-alive", "close"}
    ):
        return None
    size = 0 if status in _BODILESS else int(length)
    return PlainHead(status, fields, size, connection != "close")


def write_plain(origin: Origin, target: str, fields: Iterable[tuple[str, str]]) -> bytes | None:
    r"""Return a GET as it goes out; None where it is not plain.

    Args:
        origin: where it goes.
        target: path and query.
        fields: header fields but for Host.

    Example:
        >>> usual = [("User-Agent", "x"), ("Accept-Encoding", "identity")]
        >>> write_plain(Origin("http", "h", 8080), "/a", usual)
        b'GET /a HTTP/1.1\r\nHost: h:8080\r\nUser-Agent: x\r\nAccept-Encoding: identity\r\n\r\n'
    """
    pairs = list(fields)
    names = {name.lower() for name, _ in pairs}
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    if names & _OBEYED or not names >= _ADDED or not _HOST.fullmatch(host):
        return None
    lines = [f"{name}: {value}" for name, value in pairs]
    # A name has no colon: else the line would be another field's.
    if (
        not _TARGET.fullmatch(target)
        or not all(map(_PAIR.fullmatch, lines))
        or ":" in "".join(names)
    ):
        return None
    port = "" if origin.port == USUAL_PORTS[origin.scheme] else f":{origin.port}"
    return "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {host}{port}", *lines, "", ""]).encode(
        "latin-1"
    )

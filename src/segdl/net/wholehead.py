"""The head of a response as http.client reads it, mended in three places."""

from __future__ import annotations

import http.client
import io
from typing import Any

from segdl.core.framing import line_trouble

# Interim answers before one that counts; what sends more of them may never come to it.
_MOST_INTERIM = 16
_ENDS = frozenset({b"\r\n", b"\n"})
# What is before the first line of a head: nothing, or the end of an interim one.
_NO_FIELD_FOLLOWS = _ENDS | {b""}


class _Lines:
    """Lines of heads as they are read, one head after the other; remembers the last one.

    Raises:
        http.client.HTTPException: below the first of a head, a line is no field.
    """

    # Not one of io's classes: they close what they hold when they are collected.
    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.last = b""

    def readline(self, size: int = -1, /) -> bytes:
        before, self.last = self.last, self._file.readline(size)
        # One that has no end was cut, or is too long: both is told elsewhere.
        if before not in _NO_FIELD_FOLLOWS and self.last.endswith(b"\n"):
            trouble = line_trouble(self.last, before)
            if trouble is not None:
                raise http.client.HTTPException(trouble)
        return self.last

    def close(self) -> None:
        self._file.close()


class WholeHead(http.client.HTTPResponse):
    """A response whose head came to its end: http.client takes one that was cut for whole.

    Each of its lines is a field: http.client drops all that follows one that is none.
    Interim responses before it are passed over (RFC 9110, 15.2): http.client knows 100 alone.
    """

    def begin(self) -> None:
        """Read the head."""
        file = self.fp
        lines: Any = _Lines(file)
        self.fp = lines
        try:
            super().begin()
        finally:
            # It is None by now where the head made no sense.
            if self.fp:
                self.fp = file
        if lines.last not in _ENDS:
            raise http.client.RemoteDisconnected("closed within the head of an answer")

    # Both `begin` and what reads a proxy's answer to CONNECT begin with it.
    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MOST_INTERIM + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not _is_interim(status):
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException(f"more than {_MOST_INTERIM} interim responses")


def _is_interim(status: int) -> bool:
    # After 101 another protocol is spoken: no answer follows.
    return 100 <= status < 200 and status != http.HTTPStatus.SWITCHING_PROTOCOLS

"""What comes back for a request, whoever read its head."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from segdl.core.plain import PlainHead

if TYPE_CHECKING:
    import socket

    import urllib3

# As http.client writes it.
_HTTP_1_0 = 10


class Answer(Protocol):
    """A response whose body is being read by one thread.

    Attributes:
        status: the HTTP status code.
        fields: header fields by case-insensitive name; repeated ones are joined by commas.
    """

    status: int
    fields: Mapping[str, str]

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""

    @property
    def left(self) -> int | None:
        """Bytes of the body that are still to come; None where that is not known."""

    @property
    def held(self) -> bool:
        """Whether the next bytes are not on the socket any more, but kept here."""

    @property
    def lasts(self) -> bool:
        """Whether the connection can be used again behind it, as far as the server says."""

    @property
    def library(self) -> urllib3.HTTPResponse | None:
        """The library's response, where one read the head."""

    def read1(self, most: int) -> bytes:
        """Return what has come, at most `most` bytes; ``b""`` at the end of the body.

        Raises:
            one of `wire_errors`: the connection broke.
        """

    def took(self, count: int) -> None:
        """Note that bytes of the body were taken from the socket itself."""

    def finish(self) -> None:
        """Keep the connection for other requests, if it can be used again."""

    def close(self) -> None:
        """Close the connection."""


class PlainAnswer:
    """The answer to a request that was sent without a library.

    Args:
        head: its head.
        came: what came of the body already.
        connected: where the rest comes from.
        keep: takes the connection where it can be used again.
        drop: closes it.
    """

    library = None
    chunked = False

    def __init__(
        self,
        head: PlainHead,
        came: Sequence[bytes],
        connected: socket.socket,
        *,
        keep: Callable[[], None],
        drop: Callable[[], None],
    ) -> None:
        self.status = head.status
        self.fields: Mapping[str, str] = head.fields
        self._left = head.length
        self._came = deque(filter(None, came))
        excess = sum(map(len, self._came)) - head.length
        if excess > 0:
            # All of it came with the last that was received.
            self._came.append(self._came.pop()[:-excess])
        # What nobody asked for would be taken for the next answer.
        self.lasts = head.lasts and excess <= 0
        self._socket = connected
        self._keep = keep
        self._drop = drop

    @property
    def left(self) -> int:
        """Bytes of the body that are still to come."""
        return self._left

    @property
    def held(self) -> bool:
        """Whether the next bytes are kept here."""
        return bool(self._came)

    def read1(self, most: int) -> bytes:
        """Return what has come, at most `most` bytes; ``b""`` at the end of the body.

        Raises:
            http.client.IncompleteRead: it ends too early.
            OSError: the connection broke.
        """
        if self._came:
            data = self._came.popleft()
            if len(data) > most:
                self._came.appendleft(data[most:])
                data = data[:most]
        elif self._left:
            data = self._socket.recv(min(most, self._left))
            if not data:
                from http.client import IncompleteRead

                raise IncompleteRead(b"", self._left)
        else:
            return b""
        self._left -= len(data)
        return data

    def took(self, count: int) -> None:
        """Note that bytes of the body were taken from the socket itself."""
        self._left -= count

    def finish(self) -> None:
        """Keep the connection for other requests, if it can be used again."""
        if self.lasts and not self._left:
            self._keep()
        else:
            self._drop()

    def close(self) -> None:
        """Close the connection."""
        self._drop()


class LibraryAnswer:
    """An answer that urllib3 reads.

    Args:
        response: what it returned.
        keep: takes the connection back where the body was read to its end.
        drop: closes what closing the response leaves open.
        held: tells whether bytes that came are kept from the response's socket.
    """

    def __init__(
        self,
        response: urllib3.HTTPResponse,
        *,
        keep: Callable[[], None],
        drop: Callable[[], None] = lambda: None,
        held: Callable[[], bool] = lambda: False,
    ) -> None:
        self.library = response
        self.status = response.status
        self.fields: Mapping[str, str] = response.headers
        self._keep = keep
        self._drop = drop
        self._held = held

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return self.library.chunked

    @property
    def left(self) -> int | None:
        """Bytes of the body that are still to come; None where that is not known."""
        return self.library.length_remaining

    @property
    def lasts(self) -> bool:
        """Whether the connection can be used again behind it (RFC 9112, 9.3)."""
        said = self.fields.get("Connection", "").lower()
        return "keep-alive" in said if self.library.version == _HTTP_1_0 else "close" not in said

    @property
    def held(self) -> bool:
        """Whether the next bytes are kept from the socket: a `read1` of 8 KiB takes them."""
        return self._held()

    def read1(self, most: int) -> bytes:
        """Return what has come, at most `most` bytes; ``b""`` at the end of the body."""
        # It hands over what one recv brought: nothing is lost when the next fails.
        return self.library.read1(most, decode_content=False)

    def took(self, count: int) -> None:
        """Note that bytes of the body were taken from the socket itself."""
        assert self.library.length_remaining is not None
        self.library.length_remaining -= count
        # http.client counts for itself.
        body: Any = self.library._fp  # noqa: SLF001
        body.length -= count

    def finish(self) -> None:
        """Keep the connection for other requests, if it can be used again."""
        if self.library.closed:
            self._keep()
        else:
            # What is left of the body would be taken for the next answer.
            self.close()

    def close(self) -> None:
        """Close the connection."""
        self.library.close()
        self._drop()

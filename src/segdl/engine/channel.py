"""Messages between two processes of one program, one of which made the other."""

from __future__ import annotations

import errno
import pickle
import socket
import time
from typing import Generic, TypeVar, cast

from segdl.net.readable import wait_for_read

Sent = TypeVar("Sent")
Received = TypeVar("Received")

# Bytes of the longest message: most systems take none of half as many.
_LONGEST = 1024 * 1024


def channels() -> tuple[socket.socket, socket.socket]:
    """Return both ends of what messages go through, whole and in order.

    Raises:
        OSError: the system gives none.
    """
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Channel(Generic[Sent, Received]):
    """One end. One thread uses it.

    Only this program can write to the other one: nothing else knows of it, so what comes may
    be unpacked.

    Args:
        end: of `channels`; it is closed with this.
    """

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._room = bytearray(_LONGEST)

    def send(self, message: Sent, *, wait: bool) -> bool:
        """Send a message; tell whether that was done: one may be too long, or have to wait.

        Raises:
            ConnectionError: nobody is there any more.
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        if len(data) > _LONGEST:
            return False
        try:
            self.socket.send(data, 0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                return False
            raise
        return True

    def receive(self, seconds: float | None) -> Received | None:
        """Return the next message; None where there is none within so many seconds.

        Args:
            seconds: None waits as long as it takes.

        Raises:
            EOFError: there will be none any more.
        """
        if seconds != 0 and not wait_for_read(self.socket, seconds):
            return None
        try:
            try:
                length = self.socket.recv_into(self._room, 0, socket.MSG_DONTWAIT)
            except ConnectionResetError:
                # Who is gone did not read all: what it sent before that is still to come.
                length = self.socket.recv_into(self._room, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        if not length:
            raise EOFError
        return cast("Received", pickle.loads(memoryview(self._room)[:length]))  # noqa: S301

    def end(self) -> None:
        """Have the other end know that nothing more comes."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            # It is gone.
            pass

    def wait_for_end(self, seconds: float) -> bool:
        """Tell whether the other end is closed within so many seconds; read what comes until then.

        Nobody may need it any more.
        """
        ends = time.monotonic() + seconds
        try:
            while (left := ends - time.monotonic()) > 0:
                self.receive(left)
        except EOFError:
            return True
        return False

    def close(self) -> None:
        """Close this end."""
        self.socket.close()

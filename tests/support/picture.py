"""A pseudo-terminal that this process draws on, and the screen as it shows."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pyte: Any = pytest.importorskip("pyte")


def open_terminal(columns: int, lines: int) -> tuple[int, int]:
    """Return both ends of a pseudo-terminal: ours, and that of the program."""
    master, slave = os.openpty()
    set_size(slave, columns, lines)
    return master, slave


def set_size(terminal: int, columns: int, lines: int) -> None:
    """Set the size of a terminal."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def read_all(terminal: int, writer: Callable[[], None]) -> bytes:
    """Return all that is on its way to a terminal, and what `writer` writes there besides."""
    thread, seen = threading.Thread(target=writer), b""
    thread.start()
    while thread.is_alive() or select.select([terminal], [], [], 0.2)[0]:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536)
    thread.join()
    return seen


class Picture:
    """What is drawn on `stream` is looked at with `rows`, before it fills the terminal's buffer."""

    def __init__(self, columns: int, lines: int) -> None:
        self.master, self.slave = open_terminal(columns, lines)
        self.screen = pyte.Screen(columns, lines)
        self.input = pyte.ByteStream(self.screen)
        self.stream = os.fdopen(self.slave, "w", encoding="utf-8")

    def rows(self) -> list[str]:
        """Return the rows of the screen that are not empty."""
        os.write(self.slave, b"\0")  # what was written before has arrived when this has
        data = b""
        while b"\0" not in data:
            data += os.read(self.master, 65536)
        self.input.feed(data.replace(b"\0", b""))
        return [row.rstrip() for row in self.screen.display if row.strip()]

    def close(self) -> None:
        """Close both ends; a second call does nothing."""
        if not self.stream.closed:
            self.stream.close()
            os.close(self.master)

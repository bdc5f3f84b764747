"""`--log-json FILE`: what happens, a JSON object a line, through the standard `logging`.

Lines are appended, whole ones only as far as it is up to us, and written at once. Where the
file cannot be written (its disk is full) the run goes on, and so does the log when it can.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from segdl.mirror.happenings import (
    Done,
    Ended,
    GaveUp,
    Happening,
    Listed,
    Lost,
    Paused,
    Removed,
    Round,
    Said,
    to_json,
)
from segdl.mirror.seen.board import Board
from segdl.progress.events import Busy, Note, Restarted, Retrying, Waiting
from segdl.store.faults import disk_errors, shown

LOGGER = "segdl.mirror"

_LEVELS: dict[type[Happening], int] = {
    Round: logging.INFO,
    Listed: logging.INFO,
    Done: logging.INFO,
    Removed: logging.INFO,
    Said: logging.INFO,
    Note: logging.INFO,
    Paused: logging.WARNING,
    Busy: logging.WARNING,
    Waiting: logging.WARNING,
    Retrying: logging.WARNING,
    Restarted: logging.WARNING,
    GaveUp: logging.ERROR,
    Lost: logging.ERROR,
}
_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_APPEND
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class JsonFormatter(logging.Formatter):
    """Makes a line of a record: time, level, mirror, event, and the event's fields.

    Records that no happening made have the event `log` and the field `text`.

    Args:
        mirror: what the mirror is called.
    """

    def __init__(self, mirror: str) -> None:
        super().__init__()
        self._mirror = mirror

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end, in ASCII."""
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "mirror": self._mirror,
        }
        fields = getattr(record, "fields", None)
        line.update(fields or {"event": "log", "text": record.getMessage()})
        return json.dumps(line)


class AppendHandler(logging.Handler):
    """Appends each line to a file by one write, and opens it anew where it was moved away.

    Args:
        path: the file; it is made where it is missing.
        tell: called with a sentence once, where lines cannot be written.

    Raises:
        DiskError: the file cannot be opened.
    """

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._path = path
        self._tell = tell
        self._told = False
        self._lost = 0
        self._torn = False
        with disk_errors(path, "write the log to"):
            self._descriptor = self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of a record; where that fails, count it."""
        line = self.format(record)
        try:
            self._follow()
            if self._lost:
                self._write(self._gap(record))
                self._lost = 0
            self._write(line)
        except OSError as error:
            self._lost += 1
            if not self._told:
                self._told = True
                why = error.strerror or type(error).__name__
                self._tell(f"the log {shown(self._path)} cannot be written ({why}): going on")

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        super().close()

    def _open(self) -> int:
        return os.open(self._path, _FLAGS, 0o666)

    def _follow(self) -> None:
        """Go on in a new file where the old one was moved away, as logrotate does."""
        try:
            here = os.stat(self._path)
        except FileNotFoundError:
            here = None
        if here is None or not os.path.samestat(here, os.fstat(self._descriptor)):
            descriptor = self._open()
            os.close(self._descriptor)
            self._descriptor, self._torn = descriptor, False

    def _write(self, line: str) -> None:
        # Half a line may stand there since the disk was full.
        data = f"{chr(10) if self._torn else ''}{line}\n".encode("ascii")
        while data:
            written = os.write(self._descriptor, data)
            data = data[written:]
            self._torn = bool(data)

    def _gap(self, record: logging.LogRecord) -> str:
        gap = logging.LogRecord(record.name, logging.WARNING, "", 0, "", None, None)
        gap.fields = {"event": "gap", "lines": self._lost}
        return self.format(gap)


class Log:
    """Tells a logger what happens."""

    def __init__(self, board: Board, logger: logging.Logger) -> None:
        self._board = board
        self._logger = logger

    def __call__(self, happening: Happening, /) -> None:
        """Log what deserves a line: not how far a file is."""
        level = _level_of(happening)
        if level is None or (isinstance(happening, Listed) and not _is_end(happening)):
            return
        fields = to_json(happening)
        if isinstance(happening, Note | Busy | Waiting | Retrying | Restarted):
            # Nobody knows a file by its number.
            with self._board.read() as (tally, _):
                work = tally.work.get(happening.file)
            if work is not None:
                fields |= {"path": work.taken.path, "host": work.taken.host}
        self._logger.log(level, "%s", fields["event"], extra={"fields": fields})


def _level_of(happening: Happening) -> int | None:
    if isinstance(happening, Ended):
        return logging.ERROR if happening.exit_code else logging.INFO
    return _LEVELS.get(type(happening))


@contextmanager
def logging_to(path: Path, board: Board, name: str, tell: Callable[[str], None]) -> Iterator[Log]:
    """Yield what logs of the mirror `name` to `path`; the logger is left as it was found.

    Raises:
        DiskError: the file cannot be opened.
    """
    logger = logging.getLogger(LOGGER)
    handler = AppendHandler(path, tell)
    handler.setFormatter(JsonFormatter(name))
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # The view tells the same on standard error.
    logger.propagate = False
    try:
        yield Log(board, logger)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
        handler.close()


def _is_end(listed: Listed) -> bool:
    return listed.complete or listed.broken

"""Which file the bytes are of that wait for the rest of it."""

from __future__ import annotations

from segdl.core.identity import Version
from segdl.engine.task import Task
from segdl.errors import IntegrityError
from segdl.store.state import FileId, State


class OtherFileError(IntegrityError):
    """A mirror that stands in for a URL does not hold the file that a part is here of."""


def selected(task: Task) -> str | None:
    """Return the pieces asked for in their one written form; None is the whole file."""
    spec = task.run.transfer.range
    return None if spec is None else str(spec)


def state_of(task: Task, version: Version, publishing: FileId | None = None) -> State:
    """Return what the parts of a version belong to; `publishing` is about to get its name."""
    return State(
        url=task.asked.public,
        version=version,
        range=selected(task),
        publishing=publishing,
        listed=listed(task),
        source=task.source.asked.public,
    )


def listed(task: Task) -> str | None:
    """Return the digest that a list has of the whole file, as ``algorithm=hex``."""
    checksum = task.request.expected.proof
    return None if checksum is None else str(checksum)

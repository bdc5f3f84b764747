"""What is said of a file: by the user, by a list, by its server."""

from __future__ import annotations

from dataclasses import replace

from segdl.core.checksum import Claim
from segdl.core.hashing import can_hash
from segdl.core.identity import Version
from segdl.engine.task import Task
from segdl.errors import IntegrityError
from segdl.progress.events import Note


def claims_of(task: Task, version: Version) -> tuple[Claim, ...]:
    """Return what is said of the file's digest: by the user, by a list, by the server.

    The server's is left out where it cannot be computed here.
    """
    told = _servers(task, version)
    checked = told is not None and can_hash(told.checksum.algorithm)
    return (*task.claims, told) if told is not None and checked else task.claims


def tell_unchecked(task: Task, version: Version) -> None:
    """Say once a run how files would be checked whose only digest cannot be computed here."""
    told = _servers(task, version)
    if told is None or claims_of(task, version) or task.pieces:
        return
    algorithm = told.checksum.algorithm
    if task.run.once.is_first(f"{algorithm} is not checked"):
        text = f"{told.source} has nothing but a {algorithm}, which is not checked here"
        task.run.emit(Note(task.number, f"{text}: pip install 'segdl[{algorithm}]' and it is"))


def _servers(task: Task, version: Version) -> Claim | None:
    """Return the server's; it is of the whole file, so only where all of it is wanted."""
    told = version.digest
    if told is None or task.run.transfer.range is not None:
        return None
    return replace(told, source=f"the server's {told.source}")


def require_size(task: Task, size: int | None) -> None:
    """Compare the size of the remote file, None where it is not known, with what a list says.

    Raises:
        IntegrityError: it is another file.
    """
    why = None if size is None else task.request.expected.misfit(size)
    if why is not None:
        raise IntegrityError(f"{task.source.asked}: {why}", hint="the list may be out of date")


def require_whole_size(task: Task, fetched: int) -> None:
    """Compare what was fetched with what a list says, unless only some of it is wanted.

    Raises:
        IntegrityError: it is another file.
    """
    if task.run.transfer.range is None:
        require_size(task, fetched)

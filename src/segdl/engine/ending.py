"""A file is whole: its result, and the event that tells of it."""

from __future__ import annotations

from pathlib import Path

from segdl.core.checksum import Checksum
from segdl.core.identity import Version
from segdl.core.s3answer import Object
from segdl.engine.run import Run
from segdl.engine.task import Task
from segdl.progress.events import Finished
from segdl.results import DownloadResult, Status
from segdl.store.target import Target


def finished(
    task: Task,
    path: Path | None,
    version: Version,
    size: int,
    *,
    fetched: int = 0,
    status: Status = "complete",
    checksum: Checksum | None,
    place: str | None = None,
    stored: Object | None = None,
) -> DownloadResult:
    """Tell that a file is whole, and return its result.

    Args:
        task: the request.
        path: where it is; None in a bucket, and at standard output.
        version: what the server said of it.
        size: its bytes.
        fetched: bytes that came in this run.
        status: whether it was there already.
        checksum: the digest that was expected, and that it has.
        place: its URL in a bucket.
        stored: what the bucket has of it.
    """
    result = DownloadResult(
        path=path,
        url=task.asked.public,
        size=size,
        fetched=fetched,
        seconds=task.run.clock() - task.began,
        status=status,
        checksum=None if checksum is None else str(checksum),
        requests=task.sent,
        version=version,
        place=place,
        stored=stored,
    )
    tell_finished(task.run, task.number, result)
    return result


def left(
    task: Task, target: Target, version: Version, checksum: Checksum | None = None
) -> DownloadResult:
    """Tell that a file is left as it is, and return its result."""
    status = target.followed()
    size = status.st_size if status else 0
    return finished(task, target.path, version, size, status="skipped", checksum=checksum)


def tell_finished(run: Run, number: int, result: DownloadResult) -> None:
    """Tell that file `number` is whole."""
    run.emit(
        Finished(
            number,
            result.shown_as,
            result.url,
            result.size,
            result.fetched,
            result.seconds,
            result.status,
        )
    )

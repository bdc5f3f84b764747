"""The last steps: join, publish."""

from __future__ import annotations

import os

from segdl.core.httpdate import parse_date
from segdl.core.identity import Version
from segdl.engine.aftermath import ChangedError
from segdl.engine.belonging import selected, state_of
from segdl.engine.task import Task
from segdl.errors import DiskError, TargetExistsError
from segdl.progress.events import Joining
from segdl.store.faults import disk_errors
from segdl.store.overlap import first_disagreement
from segdl.store.part import Part
from segdl.store.parts import Parts
from segdl.store.record import write_record
from segdl.store.state import FileId
from segdl.store.target import Target, free_name
from segdl.store.workplace import Workplace


def join_parts(task: Task, place: Workplace, size: int) -> None:
    """Make one whole file of what was fetched.

    Where parts overlap they must agree: then it does not matter which of them a byte is
    taken from, to join or to hash.

    Raises:
        ChangedError: they do not agree.
        IntegrityError: the parts do not make a file of `size` bytes.
        DiskError: no space, or the disk failed.
    """
    if isinstance(place.parts, Parts):
        at = first_disagreement(place.parts, task.run.check_cancelled)
        if at is not None:
            raise ChangedError(f"bytes at {at} differ between two parts", proved=True)

    def tell(done: int) -> None:
        task.run.check_cancelled()
        task.run.emit(Joining(task.number, done, size))

    place.parts.make_whole(size, tell)


def publish(task: Task, place: Workplace, version: Version, *, replace: bool) -> Target:
    """Give the whole file its final name, and return it.

    It is another one than that of its place where that was taken in the meantime, and a name
    that is taken was to be left alone.

    Raises:
        TargetExistsError: the name was taken in the meantime.
    """
    whole = Part(place.parts.whole, 0)
    try:
        with disk_errors(place.target.path, "write"):
            if task.run.transfer.remote_time:
                modified = parse_date(version.last_modified)
                if modified is not None:
                    os.utime(whole.path, (modified, modified))
        write_record(whole.descriptor, version, selected(task), task.source.asked.public)
        # A name must never outlive a power cut that the bytes do not.
        whole.sync()
        with disk_errors(whole.path, "look at"):
            identity = FileId.of(os.fstat(whole.descriptor))
    finally:
        whole.close()
    try:
        place.belongs_to(state_of(task, version, identity))
    except DiskError:
        # The file may fill the disk to the last byte. The note is for a run that is killed.
        pass
    target = place.target
    while True:
        try:
            target.publish(whole.path, replace=replace)
            return target
        except TargetExistsError:
            # A file that comes outright takes its name without a hold on it.
            if task.run.transfer.if_exists == "skip":
                raise TargetExistsError(
                    f"{place.name} has been made by somebody else meanwhile",
                    hint="run the same command again, and it is skipped",
                ) from None
            if task.run.transfer.if_exists != "rename":
                raise
            target = Target(free_name(place.target.path, lambda _: False))

"""The last steps: join, verify, publish."""

from __future__ import annotations

import hashlib
import os

from segdl.core.head import parse_date
from segdl.core.identity import Version
from segdl.engine.task import Task
from segdl.engine.versions import selected
from segdl.errors import ChecksumMismatchError, DiskError
from segdl.progress.events import Joining, Verifying
from segdl.store.faults import disk_errors, shown
from segdl.store.parts import Part
from segdl.store.record import write_record
from segdl.store.state import FileId, State
from segdl.store.workplace import Workplace

_STEP = 1024 * 1024
_TELL_EVERY = 32 * 1024 * 1024


def join_parts(task: Task, place: Workplace, size: int) -> None:
    """Make one whole file of what was fetched.

    Raises:
        IntegrityError: the parts do not make a file of `size` bytes.
        DiskError: no space, or the disk failed.
    """

    def tell(done: int) -> None:
        task.run.check_cancelled()
        task.run.emit(Joining(task.number, done, size))

    place.parts.make_whole(size, tell)


def publish(task: Task, place: Workplace, version: Version, size: int, *, replace: bool) -> None:
    """Verify the whole file and give it its final name.

    Raises:
        ChecksumMismatchError: its digest is not the one asked for.
        TargetExistsError: the name was taken in the meantime.
    """
    whole = Part(place.parts.whole, 0)
    try:
        _verify(task, place, whole, size)
        with disk_errors(place.target.path, "write"):
            if task.run.transfer.remote_time:
                modified = parse_date(version.last_modified)
                if modified is not None:
                    os.utime(whole.path, (modified, modified))
        write_record(whole.descriptor, version, selected(task))
        # A name must never outlive a power cut that the bytes do not.
        whole.sync()
        with disk_errors(whole.path, "look at"):
            identity = FileId.of(os.fstat(whole.descriptor))
    finally:
        whole.close()
    try:
        place.belongs_to(
            State(url=task.asked.public, version=version, range=selected(task), publishing=identity)
        )
    except DiskError:
        # The file may fill the disk to the last byte. The note is for a run that is killed.
        pass
    place.target.publish(whole.path, replace=replace)


def _verify(task: Task, place: Workplace, whole: Part, size: int) -> None:
    checksum = task.request.checksum
    if checksum is None:
        return
    digest = hashlib.new(checksum.algorithm)
    done = 0
    with disk_errors(whole.path, "read"), open(whole.path, "rb") as file:
        while data := file.read(_STEP):
            task.run.check_cancelled()
            digest.update(data)
            if done % _TELL_EVERY == 0:
                task.run.emit(Verifying(task.number, done, size))
            done += len(data)
    task.run.emit(Verifying(task.number, done, size))
    if digest.hexdigest() != checksum.hexdigest:
        raise ChecksumMismatchError(
            f"{shown(place.target.path)}: its {checksum.algorithm} is {digest.hexdigest()}, "
            f"not {checksum.hexdigest}",
            hint=f"check the digest; the bytes are kept in {shown(whole.path)} "
            "(--fresh fetches them anew)",
        )

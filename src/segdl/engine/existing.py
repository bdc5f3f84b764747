"""What to do about a file that has the final name already."""

from __future__ import annotations

import hashlib
import os
import stat

from segdl.core.identity import Version
from segdl.core.spans import Span
from segdl.engine.attempt import OVERLAP
from segdl.engine.contact import Contact, Ranges
from segdl.engine.task import Task
from segdl.engine.versions import selected
from segdl.errors import IntegrityError
from segdl.store.faults import disk_errors, shown
from segdl.store.record import is_recorded
from segdl.store.state import FileId, State
from segdl.store.target import Target, free_name
from segdl.store.workplace import Workplace


def choose_target(task: Task, target: Target) -> Target:
    """Return where the file goes: another name where that was asked for and needed."""
    if task.run.transfer.if_exists == "rename":
        return Target(free_name(target.path))
    return target


def is_finished(task: Task, place: Workplace, version: Version) -> bool:
    """Tell whether the final name has the remote file already, or may be left as it is.

    Raises:
        TargetExistsError: it has something, and the user did not say what to do about it.
    """
    status = place.target.status()
    if status is None:
        return False
    policy = task.run.transfer.if_exists
    link = stat.S_ISLNK(status.st_mode)
    if policy == "error":
        raise place.target.exists_error("exists")
    if policy == "skip":
        return True
    # A link is not a finished file: it is replaced, not followed.
    if policy == "overwrite" or link:
        return False
    if stat.S_ISREG(status.st_mode) and _is_the_remote_file(task, place, version, status):
        return True
    if policy == "auto":
        raise place.target.exists_error()
    return False


def may_replace(task: Task, place: Workplace) -> bool:
    """Tell whether publishing may take the name from what has it."""
    status = place.target.status()
    link = status is not None and stat.S_ISLNK(status.st_mode)
    return link or task.run.transfer.if_exists == "overwrite"


def adopt(task: Task, place: Workplace, contact: Contact) -> None:
    """Make a finished file of the final name the first part, to be continued.

    Raises:
        TargetExistsError: it is longer than the remote file, or parts are there already.
        IntegrityError: its last bytes are not those that the remote file has there.
    """
    status = place.target.status()
    if task.run.transfer.if_exists != "resume" or status is None:
        return
    size = contact.version.size
    if not stat.S_ISREG(status.st_mode) or any(place.parts.sizes().values()):
        raise place.target.exists_error("exists beside a partial download of it")
    if size is None or contact.ranges is not Ranges.WORK or status.st_size > size:
        raise place.target.exists_error("exists and cannot be continued")
    seam = Span(max(0, status.st_size - OVERLAP), status.st_size)
    if len(seam):
        _require_same(task, place, seam)
    with disk_errors(place.target.path, "continue"):
        os.rename(place.target.path, place.folder / "0.part")
    place.belongs_to(State(url=task.asked.public, version=contact.version, range=selected(task)))


def _require_same(task: Task, place: Workplace, seam: Span) -> None:
    contact = task.contacts.make(seam)
    try:
        fits = contact.ranges is Ranges.WORK
        with disk_errors(place.target.path, "read"), open(place.target.path, "rb") as file:
            file.seek(seam.start)
            while fits and (held := file.read(len(seam))):
                fits = contact.read_exactly(len(held)) == held
    finally:
        contact.release()
    if not fits:
        raise IntegrityError(
            f"{shown(place.target.path)} is not the beginning of the remote file",
            hint="use --if-exists overwrite or rename",
        )


def _is_the_remote_file(
    task: Task, place: Workplace, version: Version, status: os.stat_result
) -> bool:
    """Tell whether it provably is: published by a run that was killed, recorded, or by digest."""
    state = place.state()
    if state is not None and state.publishing == FileId.of(status):
        return True
    if is_recorded(place.target.path, version, selected(task)):
        return True
    checksum = task.request.checksum
    if checksum is None or (task.run.transfer.range is None and version.size != status.st_size):
        return False
    digest = hashlib.new(checksum.algorithm)
    with disk_errors(place.target.path, "read"), open(place.target.path, "rb") as file:
        while data := file.read(1024 * 1024):
            task.run.check_cancelled()
            digest.update(data)
    return digest.hexdigest() == checksum.hexdigest

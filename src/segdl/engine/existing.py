"""What to do about a file that has the final name already."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from segdl.core.checksum import Claim
from segdl.core.identity import Match, Version, compare
from segdl.core.selection import Selection, select
from segdl.core.spans import Span
from segdl.engine.belonging import selected, state_of
from segdl.engine.claims import claims_of
from segdl.engine.contact import Contact, Ranges
from segdl.engine.ending import left
from segdl.engine.sampling import SAMPLE, before, same_there
from segdl.engine.task import Task
from segdl.errors import IntegrityError
from segdl.results import DownloadResult
from segdl.store.digests import digests_of
from segdl.store.faults import disk_errors, shown
from segdl.store.record import is_recorded
from segdl.store.state import FileId
from segdl.store.target import Target, free_name
from segdl.store.workplace import Workplace


def free_target(task: Task, target: Target, version: Version, busy: set[Path]) -> Target:
    """Return where a file goes whose own name may be taken, and which then is to have another.

    What it takes is told of :func:`segdl.engine.place.choose_target`.
    """

    def is_ours(path: Path) -> bool:
        place = Workplace(Target(path))
        status = place.target.status()
        return status is not None and _just_published(task, place, version, status)

    return Target(free_name(target.path, is_ours, busy))


def is_left(task: Task, target: Target, version: Version) -> bool:
    """Tell whether a file is left as it is that nothing lies beside.

    Nobody is at work on it then: what is to be looked at need not be locked.

    Raises:
        TargetExistsError: it has something, and the user did not say what to do about it.
        AskedTooMuchError: it is to be read, and that is put off.
    """
    held = target.followed()
    if held is None or not stat.S_ISREG(held.st_mode) or os.path.lexists(target.workplace):
        return False
    if task.run.transfer.if_exists in {"resume", "rename"}:
        # What else becomes of it takes the lock: it is read but once, then.
        return _is_recorded(task, target, version)
    return _may_stay(task, target, version)


def is_finished(task: Task, place: Workplace, version: Version) -> bool:
    """Tell whether the final name has the remote file already, or may be left as it is.

    Raises:
        TargetExistsError: it has something, and the user did not say what to do about it.
    """
    status = place.target.status()
    if status is None:
        return False
    # Whatever the policy: that run was this command.
    published = _just_published(task, place, version, status)
    if published and all(_has_digest(task, place.target, claim) for claim in task.claims):
        place.clear()
        return True
    stays = _may_stay(task, place.target, version)
    if stays and not _is_skipped(task):
        state = place.state()
        if state is None or state.url == task.asked.public:
            place.clear()
    return stays


def _may_stay(task: Task, target: Target, version: Version) -> bool:
    """Tell whether what has the final name is left there, by what the user said.

    Raises:
        TargetExistsError: it is another file, and the user did not say what to do about it.
    """
    policy = task.run.transfer.if_exists
    if policy == "error":
        raise target.exists_error("exists")
    if policy == "overwrite":
        return False
    # A link is judged by what it leads to, and never written through.
    held = target.followed()
    if _is_skipped(task):
        return held is not None
    if held is not None and _is_the_remote_file(task, target, version, held):
        return True
    if policy == "auto":
        if held is None:
            raise target.exists_error("exists and is a link that leads nowhere")
        raise target.exists_error()
    return False


def leave(task: Task, target: Target, version: Version) -> DownloadResult:
    """Leave the file that is there, and return its result."""
    read = () if _is_skipped(task) else task.claims
    return left(task, target, version, read[0].checksum if read else None)


def _just_published(task: Task, place: Workplace, version: Version, status: os.stat_result) -> bool:
    """Tell whether a run that was killed had given this file, of this version, its name."""
    state = place.state()
    return (
        state is not None
        and state.publishing == FileId.of(status)
        and state.range == selected(task)
        and state.named_by == task.source.asked.public
        and state.version.size == version.size
        and compare(state.version, version) is Match.SAME
    )


def may_replace(task: Task, place: Workplace) -> bool:
    """Tell whether publishing may take the name from what has it."""
    policy = task.run.transfer.if_exists
    if policy == "skip":
        # A link to nowhere is no file to skip.
        return place.target.status() is not None and place.target.followed() is None
    return policy == "overwrite"


def adopt(task: Task, place: Workplace, contact: Contact) -> None:
    """Make a finished file of the final name the first part, to be continued.

    Raises:
        TargetExistsError: it is longer than the remote file, or a link, or parts are there
            already.
        IntegrityError: its last bytes are not those that the remote file has there.
    """
    status = place.target.status()
    if task.run.transfer.if_exists != "resume" or status is None:
        return
    if stat.S_ISLNK(status.st_mode):
        raise place.target.exists_error("is a link, and cannot be continued")
    if task.run.transfer.fresh:
        raise place.target.exists_error("exists, and --fresh would throw it away")
    if not place.parts.is_empty():
        raise place.target.exists_error("exists beside a partial download of it")
    size = contact.version.size
    if not stat.S_ISREG(status.st_mode) or size is None or contact.ranges is not Ranges.WORK:
        raise place.target.exists_error("exists and cannot be continued")
    selection = select(task.run.transfer.range, size)
    if status.st_size > selection.size:
        raise place.target.exists_error("exists and is longer than the remote file")
    if not same_there(task, selection, _samples(selection, status.st_size), _reader(place)):
        raise IntegrityError(
            f"{shown(place.target.path)} is not the beginning of the remote file",
            hint="use --if-exists overwrite or rename",
        )
    # First the note: a part that belongs to nothing is thrown away.
    place.clear()
    place.belongs_to(state_of(task, contact.version))
    place.parts.adopt(place.target.path)


def _samples(selection: Selection, size: int) -> list[Span]:
    """Return a few KiB from the beginning, the middle and the end of the first `size` bytes."""
    stops = sorted({min(size, SAMPLE), size // 2, size})
    return [before(selection, stop) for stop in stops if stop]


def _reader(place: Workplace) -> Callable[[Span], bytes]:
    def read(span: Span) -> bytes:
        with disk_errors(place.target.path, "read"), open(place.target.path, "rb") as file:
            file.seek(span.start)
            return file.read(len(span))

    return read


def _is_skipped(task: Task) -> bool:
    """Tell whether a file of the final name is left whatever it is."""
    return task.run.transfer.if_exists == "skip"


def _is_the_remote_file(
    task: Task, target: Target, version: Version, status: os.stat_result
) -> bool:
    """Tell whether it provably is: by what was recorded, or by digest."""
    if _is_recorded(task, target, version):
        return True
    if task.run.transfer.range is None and version.size not in {None, status.st_size}:
        return False
    # It is to be read, which takes its time.
    task.run.go_on()
    # The user's word goes before the server's, which must be more than a CRC.
    claims = task.claims or [claim for claim in claims_of(task, version) if claim.checksum.proves]
    return bool(claims) and _has_digest(task, target, claims[0])


def _is_recorded(task: Task, target: Target, version: Version) -> bool:
    """Tell whether the finished file says itself that it is; no word of it goes before a digest."""
    url = task.source.asked.public
    return not task.claims and is_recorded(target.path, version, selected(task), url)


def _has_digest(task: Task, target: Target, claim: Claim) -> bool:
    """Tell whether the finished file has a digest."""
    wanted = claim.checksum
    digests = digests_of(target.path, [wanted.algorithm], lambda _: task.run.check_cancelled())
    return digests[wanted.algorithm] == wanted.hexdigest

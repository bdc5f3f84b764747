"""Files that are not what they should be: set aside, never published, never just deleted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from segdl.core.hashing import new_hash
from segdl.core.mirrorneed import Stat
from segdl.core.names import name_beside
from segdl.core.pieces import Pieces, piece_span
from segdl.core.spans import Span, union
from segdl.engine.run import Run
from segdl.errors import DiskError
from segdl.mirror.moving import move
from segdl.mirror.own import Own, OwnFiles
from segdl.options import LayoutName
from segdl.store.faults import disk_errors, shown
from segdl.store.layout import layouts
from segdl.store.state import State
from segdl.store.target import Target, free_name
from segdl.store.workplace import Workplace

_STEP = 1024 * 1024


class Aside:
    """Puts files of a mirror beside their places. Threads share it; nothing of it changes.

    Args:
        directory: the mirror.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._own = OwnFiles(directory)

    def move(self, run: Run, held: Path, path: str, *, fetched: bool) -> Path:
        """Move what is wrong beside where it would be right; return where it is now.

        What was fetched of the same file and put there before is replaced by it, nothing else.

        Args:
            run: can be cancelled.
            held: the file that is wrong.
            path: of the mirror's file that it is not.
            fetched: whether it is known to have been, and can be again: what somebody else made
                is never replaced.

        Raises:
            DiskError: it cannot be moved.
        """
        right = self._directory / path
        place = free_name(
            corrupt_name(right), lambda each: self._own.may_replace(self._path(each), path)
        )
        with disk_errors(right, "set aside"):
            stat = Stat.of(os.lstat(held))
        # Before it has its name: else a kill would have it taken for somebody else's.
        self._own.note(Own(self._path(place), path, stat, fetched))
        move(run, held, place)
        return place

    def move_fetched(self, run: Run, target: Target, layout: LayoutName, path: str) -> Path | None:
        """Move what was fetched whole, and is wrong; None where there is nothing.

        Args:
            run: can be cancelled.
            target: what it was fetched for.
            layout: how its bytes lie.
            path: of the mirror's file that it is not.

        Raises:
            DiskError: it cannot be moved.
            TargetLockedError: another run is at work on it.
        """
        if not os.path.isdir(target.workplace):
            return None
        whole = layouts(target.workplace, layout)[0].whole
        if not os.path.lexists(whole):
            return None
        with Workplace(target, layout) as workplace:
            place = self.move(run, whole, path, fetched=True)
            workplace.clear()
        return place

    def _path(self, place: Path) -> str:
        return place.relative_to(self._directory).as_posix()


def corrupt_name(path: Path) -> Path:
    """Return where a corrupt file of this name goes, if nothing else is there.

    A name that would be too long is cut.
    """
    return path.with_name(name_beside(path.name, ".corrupt"))


def kept_as(place: Path) -> str:
    """Say what becomes of a file that is not what it should be, now that it is at `place`."""
    return f"what came is kept as {shown(place.name)}, and the next run fetches it anew"


def drop_parts(directory: Path, path: str) -> None:
    """Throw away what was fetched of a file, unless that is behind a link, or held by a run."""
    target = Target(directory / path)
    if not os.path.isdir(target.workplace):
        return
    place = os.path.realpath(directory) + os.sep + str(target.workplace.relative_to(directory))
    if os.path.realpath(target.workplace) != place:
        return
    try:
        with Workplace(target) as workplace:
            workplace.clear()
    except DiskError:
        # It is in nobody's way.
        pass


def keep_right_pieces(run: Run, path: Path, held: Path, state: State, pieces: Pieces) -> int:
    """Make the right pieces of a file that was set aside the beginning of a new download.

    Returns the bytes that are to be fetched again.

    Args:
        run: can be cancelled.
        path: the file that is to be whole.
        held: the corrupt one, of the right size.
        state: the version that its bytes are of.
        pieces: the digests that they must have.

    Raises:
        DiskError: they cannot be copied.
    """
    with disk_errors(held, "read"), open(held, "rb") as file, Workplace(Target(path)) as place:
        size = os.fstat(file.fileno()).st_size
        right = [
            span
            for index, wanted in enumerate(pieces.hexdigests)
            if _digest(run, file, span := piece_span(pieces, index, size), pieces) == wanted
        ]
        place.clear()
        place.belongs_to(state)
        for span in union(right):
            part = place.parts.open(span.start)
            try:
                for at in range(span.start, span.stop, _STEP):
                    run.check_cancelled()
                    part.append(_read(file, at, span.stop))
            finally:
                place.parts.release(part)
    return size - sum(map(len, right))


def _digest(run: Run, file: BinaryIO, span: Span, pieces: Pieces) -> str:
    digest = new_hash(pieces.algorithm)
    for at in range(span.start, span.stop, _STEP):
        run.check_cancelled()
        digest.update(_read(file, at, span.stop))
    return digest.hexdigest()


def _read(file: BinaryIO, at: int, stop: int) -> bytes:
    file.seek(at)
    return file.read(min(_STEP, stop - at))

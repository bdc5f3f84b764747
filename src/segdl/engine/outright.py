"""A small file that the first answer brings whole: straight to its final name.

There is no folder beside it, no lock and no note: it has no name before it has the final
one, and is gone if this process is. What does not come within a moment, breaks off or is
not what it should be goes the long way, with the bytes that came.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING

from segdl.core.checksum import Checksum, Claim
from segdl.core.hashing import new_hash
from segdl.core.httpdate import parse_date
from segdl.core.slowstart import pieces
from segdl.engine.belonging import selected, state_of
from segdl.engine.claims import claims_of, tell_unchecked
from segdl.engine.contact import FIRST_BYTES, ONE_BYTE, Contact
from segdl.engine.flow import flow
from segdl.engine.task import Task
from segdl.net.exchange import Exchange
from segdl.net.failures import TransferError
from segdl.net.wire import Wire
from segdl.options import TransferOptions
from segdl.progress.events import Progress, SegmentState, Started
from segdl.store.faults import disk_errors
from segdl.store.part import Part
from segdl.store.record import write_record
from segdl.store.target import Target
from segdl.store.unnamed import give_name, open_unnamed

if TYPE_CHECKING:
    from segdl.store.workplace import Workplace

# Seconds: who kills a run loses no more of a small file than came within them.
MOMENT = 0.5
_CHUNK = 1024 * 1024


class Outright:
    """Fetches one file outright, if that can be done. One thread uses it, and leaves it.

    Args:
        task: the request.
        contact: the first answer; it is taken where the file came, or broke off.

    Attributes:
        slow: whether what came took so long that the file may have changed meanwhile.
    """

    def __init__(self, task: Task, contact: Contact) -> None:
        self._task = task
        self._contact = contact
        self._part: Part | None = None
        self._right = False
        self.slow = False

    def __enter__(self) -> Outright:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._part is not None:
            self._part.close()

    def fetch(self, target: Target) -> tuple[bool, Checksum | None]:
        """Tell whether the file has its name now, and the digest that was expected of it.

        Args:
            target: where the file goes; another one, of the same folder, where that was taken.

        Raises:
            DiskError: no space, or the disk failed.
            CancelledError: the run is to end.
        """
        size = self._contact.version.size
        if size is None or not (self._was_free() or _is_free(target)):
            return False, None
        claims = claims_of(self._task, self._contact.version)
        if self._part is None:
            if not self._is_way_for(size):
                return False, None
            descriptor = open_unnamed(target.path.parent)
            if descriptor is None:
                return False, None
            self._part = Part(target.path, 0, descriptor=descriptor)
            self._tell_start(target, size)
            began = self._task.run.clock() - self._contact.age
            whole = self._take(self._part, size)
            self.slow = not whole or self._task.run.clock() > began + MOMENT
            self._tell(size, active=not whole)
            self._task.run.check_cancelled()
            right = all(_has_digest(self._part, claim) for claim in claims)
            self._right = right and not self.slow
        named = self._right and self._publish(self._part, target)
        if named:
            tell_unchecked(self._task, self._contact.version)
        return named, claims[0].checksum if claims else None

    def _was_free(self) -> bool:
        """Tell whether its name was looked for just now, and nothing had it.

        Who takes it meanwhile is found out in publishing.
        """
        request = self._task.request
        # Where the server has a say in the name, another one may have been looked for.
        asked = self._task.run.one_answer
        looked = asked is not None and asked != ONE_BYTE
        return looked and request.name is not None and request.held is None

    def _is_way_for(self, size: int) -> bool:
        """Tell whether the answer brings a whole small file."""
        task, contact = self._task, self._contact
        transfer = task.run.transfer
        return (
            contact.is_open
            and size > 0
            and is_small(size, transfer)
            and (contact.accept.start, contact.accept.stop) == (0, size)
            # Over a long path others can bring some of it meanwhile.
            and (contact.soonest(size) <= MOMENT or not pieces(size)[0])
            # Chunks may bring more than was announced: the long way looks behind the end.
            and contact.head.length == size
            # What more than one answer said must be confirmed.
            and task.sent == 1
            and not (task.mirrors or task.pieces or transfer.range or task.run.network.limit_rate)
        )

    def _take(self, part: Part, size: int) -> bool:
        """Write what comes within a moment; return whether that is the whole file."""
        task, contact, wire = self._task, self._contact, Wire()
        exchange = contact.take()
        try:
            exchange.hand_over(wire)
            with task.run.lookout.over(wire.abort, task.run.network.stall_timeout):
                wire.wait_without_limit()
                self._stream(exchange, part, size)
        except TransferError:
            # The long way knows what to do.
            exchange.close()
        except BaseException:
            exchange.close()
            contact.finished(part.size)
            raise
        else:
            if part.size < size:
                contact.give_back(exchange, part.size)
                return False
            exchange.finish()
        contact.finished(part.size)
        return part.size == size

    def _stream(self, exchange: Exchange, part: Part, size: int) -> None:
        clock = self._task.run.clock
        ends = clock() + MOMENT
        with flow(exchange, part, _CHUNK) as bytes_on_their_way:
            while (room := size - part.size) > 0:
                # Of what is lost with this process before its first byte there is nothing.
                if part.size and not exchange.wait(max(0.0, ends - clock())):
                    return
                if not bytes_on_their_way.take(room):
                    raise exchange.closed_early()
                bytes_on_their_way.store()

    def _publish(self, part: Part, target: Target) -> bool:
        task, version = self._task, self._contact.version
        with disk_errors(target.path, "write"):
            modified = parse_date(version.last_modified) if task.run.transfer.remote_time else None
            if modified is not None:
                os.utime(part.descriptor, (modified, modified))
            write_record(part.descriptor, version, selected(task), task.source.asked.public)
        # A name must never outlive a power cut that the bytes do not.
        began = task.run.clock()
        part.sync()
        task.run.synced(task.run.clock() - began)
        if os.path.lexists(target.workplace):
            # Somebody has set to work on it meanwhile, and would find its name taken at the end.
            return False
        try:
            give_name(part.descriptor, target.path)
        except OSError:
            # Something has it by now, or it cannot be had: the long way says what is to do.
            return False
        return True

    def hand_over(self, place: Workplace) -> int:
        """Have the bytes that came be the beginning of the file that is fetched there.

        Returns how many they are.
        """
        part = self._part
        if part is None or not part.size or not place.parts.is_empty():
            return 0
        place.belongs_to(state_of(self._task, self._contact.version))
        place.begin_with(_content(part))
        return part.size

    def _tell_start(self, target: Target, size: int) -> None:
        task = self._task
        task.run.emit(Started(task.number, task.asked.public, str(target.path), size, 0, 1))

    def _tell(self, size: int, *, active: bool) -> None:
        done = self._part.size if self._part else 0
        state = SegmentState(0, size, done, active)
        self._task.run.emit(Progress(self._task.number, done, size, (state,)))


def is_small(size: int, transfer: TransferOptions) -> bool:
    """Tell whether the first answer brings so many bytes as soon as several would."""
    return size <= FIRST_BYTES and (transfer.planned == 1 or size < 2 * transfer.min_split)


def _is_free(target: Target) -> bool:
    """Tell whether nothing has its name, nor that of the folder of its parts."""
    return target.status() is None and not os.path.lexists(target.workplace)


def _has_digest(part: Part, claim: Claim) -> bool:
    digest = new_hash(claim.checksum.algorithm)
    digest.update(_content(part))
    return digest.hexdigest() == claim.checksum.hexdigest


def _content(part: Part) -> bytes:
    with disk_errors(part.path, "read"):
        return os.pread(part.descriptor, part.size, 0)

"""A large file on its way into a bucket: the parts of its upload that are there.

The store's own list of parts is the only record of progress, as without an engine.
"""

from __future__ import annotations

from segdl.core.identity import Match, Version, compare
from segdl.core.multipart import Stored, part_size, span_of
from segdl.core.s3answer import Object
from segdl.core.s3url import S3Place
from segdl.core.spans import Span, union
from segdl.mirror.engines.answers import Filled, PartSent
from segdl.s3.complete import complete
from segdl.s3.store import Store
from segdl.s3.unfinished import VERSION_KEY, Unfinished, version_of
from segdl.store.state import State


class Uploaded:
    """One version of one large file, and its upload. The driver's thread uses it.

    `look`, `finish` and `clear` ask the store, and wait for it: other threads call them.

    Args:
        store: where it goes.
        place: the object that the parts make.
        version: what is fetched of it; its size is known.
        unfinished: the upload.
        number: the file's, for events.

    Attributes:
        place: the object that the parts make.
        version: what is fetched of it.
        size: its bytes.
        length: bytes of each part but the last.
        stored: the object, once it is made.
    """

    def __init__(
        self, store: Store, place: S3Place, version: Version, unfinished: Unfinished, number: int
    ) -> None:
        assert version.size is not None
        self._store = store
        self._unfinished = unfinished
        self._number = number
        self.place = place
        self.version = version
        self.size = version.size
        self.length = part_size(self.size, unfinished.least)
        self.stored: Object | None = None
        self._tails: dict[int, bytes] = {}
        self._before: dict[int, bytes] = {}

    @property
    def upload(self) -> str:
        """What the store calls the upload."""
        assert self._unfinished.note is not None
        return self._unfinished.note.upload

    def look(self, state: State, *, fresh: bool) -> None:
        """Find out what an earlier run left of this version, and begin the upload where none is.

        Args:
            state: what the parts belong to.
            fresh: what is there is not wanted.

        Raises:
            SegdlError: the store cannot be asked.
        """
        self._unfinished.look()
        if not fresh and self._was_made():
            return
        note = self._unfinished.note
        if note is not None:
            # Who was about to complete it had all parts: it is gone.
            gone = note.publishing is not None and self._unfinished.is_empty()
            if fresh or gone or not _goes_on(note.state, state):
                self._unfinished.clear()
        self._unfinished.belongs_to(state)
        assert self._unfinished.note is not None
        self.length = self._unfinished.note.length

    def _was_made(self) -> bool:
        """Tell whether the object is there, and was only not looked at any more."""
        place = self.place
        found = self._store.ask(self._number, lambda client: client.head(place))
        if found is None or not self.version.proves or found.size != self.size:
            return False
        made_of = version_of(found.metadata.get(VERSION_KEY))
        count = max(1, -(-self.size // self.length))
        if made_of is None or not found.etag.endswith(f"-{count}"):
            return False
        if compare(made_of, self.version) is not Match.SAME:
            return False
        self.stored = found
        self._unfinished.clear()
        return True

    # -- what is there --

    @property
    def held(self) -> list[Span]:
        """What is there, in order."""
        if self.stored is not None:
            return [Span(0, self.size)]
        numbers = self._unfinished.stored
        return union(span_of(number, self.size, self.length) for number in sorted(numbers))

    @property
    def count(self) -> int:
        """Bytes that are there."""
        return sum(map(len, self.held))

    def missing(self) -> list[Span]:
        """Return the parts to fetch, in order."""
        if self.stored is not None:
            return []
        return [
            span_of(number, self.size, self.length)
            for number in range(1, -(-self.size // self.length) + 1)
            if number not in self._unfinished.stored
        ]

    def number_at(self, start: int) -> int:
        """Return the number of the part that begins at `start`."""
        return start // self.length + 1

    def note(self, filled: Filled) -> None:
        """Take note of a part that is the store's."""
        assert isinstance(filled, PartSent)
        span = filled.span
        number = self.number_at(span.start)
        self._unfinished.stored[number] = Stored(len(span), filled.etag)
        self._tails[span.stop] = filled.tail
        self._before.update(filled.before)

    def first_mismatch(self) -> int | None:
        """Return where two parts of this run that meet do not fit; None where all do."""
        for at, data in sorted(self._before.items()):
            tail = self._tails.get(at + len(data))
            if tail is not None and tail[-len(data) :] != data[-len(tail) :]:
                return at
        return None

    def close(self) -> None:
        """Do nothing: what is there stays the store's."""

    # -- how it ends --

    def finish(self) -> Object:
        """Make the object of its parts.

        Raises:
            IntegrityError: the store made something else of them.
            SegdlError: the store says no, or cannot be asked; the parts are kept.
        """
        if self.stored is None:
            etag = complete(self._store, self._unfinished, self._number)
            self.stored = Object(self.size, etag)
        return self.stored

    def clear(self) -> None:
        """Throw the upload away.

        Raises:
            SegdlError: the store cannot be asked.
        """
        self._unfinished.clear()


def _goes_on(left: State, now: State) -> bool:
    """Tell whether parts that are there are of the version that is wanted."""
    seen = now.version
    if left.version.etag is None:
        seen = seen.without_etag()
    return seen.proves and left.url == now.url and compare(left.version, seen) is Match.SAME

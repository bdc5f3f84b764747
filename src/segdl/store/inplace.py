"""One file that is filled in place, beside a journal of which of its bytes are there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from segdl.core.journal import Journal
from segdl.core.spans import OPEN, Span, gaps, union
from segdl.errors import IntegrityError
from segdl.options import LayoutName
from segdl.store.faults import disk_errors, shown
from segdl.store.files import EXISTING, length_of, sync_data, sync_folder
from segdl.store.filling import Filling
from segdl.store.journal import JournalFile, disown, load
from segdl.store.part import PartFile
from segdl.store.writer import Writer


class Inplace:
    """The layout whose parts are regions of one file.

    The coordinator's thread changes `_filling`; others read it.
    """

    name: LayoutName = "inplace"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.whole = folder / "inplace.data"
        self._journal = folder / "inplace.journal"
        self._filling: Filling | None = None
        self._retractions = 0

    def open(self, start: int) -> Writer:
        """Open the part that begins at `start`, made if missing; after `prepare`."""
        assert self._filling is not None
        return self._filling.open(start)

    def release(self, part: PartFile) -> None:
        """Close a part that `open` returned."""
        assert isinstance(part, Writer)
        part.release()

    @property
    def retractions(self) -> int:
        """How often bytes were taken back; it counts before others may take their place."""
        filling = self._filling
        return self._retractions + (filling.retractions if filling is not None else 0)

    def read_from(self, at: int, most: int) -> bytes:
        """Return bytes that begin at `at`, at most `most`; ``b""`` where none are there yet.

        They stay what they are as long as `retractions` does.

        Raises:
            DiskError: the disk failed.
        """
        for span in self.held():
            if span.start <= at < span.stop:
                with disk_errors(self.whole, "read"), open(self.whole, "rb", buffering=0) as file:
                    file.seek(at)
                    return file.read(min(most, span.stop - at))
        return b""

    def sizes(self) -> dict[int, int]:
        """Return the size of each part by where it starts, in file order."""
        if self._filling is not None:
            return self._filling.sizes()
        try:
            return {span.start: len(span) for span in self._load().held}
        except ValueError:
            return {}

    def held(self) -> list[Span]:
        """Return what is there, joined."""
        return union(Span(start, start + size) for start, size in self.sizes().items())

    def is_empty(self) -> bool:
        """Tell whether nothing would be lost with it; a journal that is damaged is not nothing."""
        if self._filling is not None:
            return not self._filling.sizes()
        try:
            return not self._load().held
        except ValueError:
            return False

    def misfit(self, size: int) -> str | None:
        """Tell why what is there cannot be of a file of `size` bytes (or OPEN), if so."""
        held = self.held()
        if held and held[-1].stop > size:
            return "the partial data reaches over the end of the file"
        if self._filling is not None:
            return None
        try:
            journal = self._load()
        except ValueError as error:
            return f"the journal of the partial data cannot be used: {error}"
        if held and OPEN not in {size, journal.size} and journal.size != size:
            return "the partial data is of a file of another size"
        return None

    def read(self, span: Span) -> bytes | None:
        """Return the bytes of `span`, or None where they are not all there."""
        if gaps(span, self.held()):
            return None
        with disk_errors(self.whole, "read"), open(self.whole, "rb") as file:
            file.seek(span.start)
            return file.read(len(span))

    def space(self, size: int, more: Mapping[int, int]) -> tuple[int, int]:
        """Return the bytes that are not set aside yet; finishing needs none."""
        missing = sum(more.values())
        with disk_errors(self.whole, "look at"):
            try:
                blocks = getattr(os.lstat(self.whole), "st_blocks", None)
            except FileNotFoundError:
                blocks = 0
        return (missing if blocks is None else max(0, min(missing, size - blocks * 512))), 0

    def prepare(self, size: int, on_wait: Callable[[], None]) -> None:
        """Be ready for the bytes of a file of `size` (or OPEN).

        Raises:
            DiskError: no space, or no file of this size is allowed.
        """
        if self._filling is not None:
            self._filling.end_writers(on_wait)
            if self._filling.size == size:
                return
            self.close()
        self._begin(size).reserve()

    def _begin(self, size: int) -> Filling:
        """Open the file, with a journal of what there is to go on from."""
        earlier = self._load()
        if earlier.held:
            self._flush(earlier)
        with disk_errors(self._journal, "write"):
            journal = JournalFile(self._journal, size, earlier.held)
        try:
            self._filling = Filling(self.whole, journal, earlier.held)
        except BaseException:
            journal.close()
            raise
        return self._filling

    def _flush(self, earlier: Journal) -> None:
        """Bring to the disk what an earlier run wrote, or count on no more than it did."""
        with disk_errors(self.whole, "write"):
            descriptor = os.open(self.whole, EXISTING)
            try:
                sync_data(descriptor)
            except OSError:
                disown(self._journal, earlier)
                raise
            finally:
                os.close(descriptor)

    def _load(self) -> Journal:
        """Return what the folder holds.

        Raises:
            ValueError: the journal cannot be used.
        """
        with disk_errors(self.whole, "look at"):
            length = length_of(self.whole)
        journal = load(self._journal)
        if journal is None and length:
            raise ValueError("it is missing")
        if journal is None or length is None:
            return Journal(OPEN, 0, ())
        # What was cut off the file is not there, whatever the journal says.
        there = [span for span in journal.held if span.start < length]
        held = tuple(Span(span.start, min(span.stop, length)) for span in there)
        return Journal(journal.size, journal.key, held)

    def sync(self) -> None:
        """Bring what is written to the disk."""
        filling = self._filling
        if filling is not None:
            filling.sync()

    def mend(self) -> None:
        """Do nothing: a journal tells by itself what a power cut spared."""

    def remove(self, start: int) -> None:
        """Forget the part that begins at `start`."""
        if self._filling is None:
            self._begin(self._load().size)
        assert self._filling is not None
        self._filling.remove(start)

    def adopt(self, finished: Path) -> None:
        """Make a file the part that begins at 0; it loses its name."""
        with disk_errors(finished, "continue"):
            descriptor = os.open(finished, EXISTING)
            try:
                sync_data(descriptor)
                length = os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
            # The journal goes first: without one, what is there counts for nothing.
            JournalFile(self._journal, OPEN, [Span(0, length)]).close()
            os.rename(finished, self.whole)

    def make_whole(self, size: int, on_progress: Callable[[int], None]) -> None:
        """See to it that `whole` is the file; nothing needs to be moved.

        Raises:
            IntegrityError: what is held does not make a file of `size` bytes.
            DiskError: the disk failed.
        """
        filling = self._filling or self._begin(size)
        filling.end_writers(lambda: on_progress(0))
        if self.held() != union([Span(0, size)]):
            raise IntegrityError(
                f"{shown(self.folder)}: what it holds does not make a file of {size} bytes",
                hint="run the same command again",
            )
        filling.sync()
        filling.set_length(size)
        self.close()

    def clear(self) -> None:
        """Throw everything away; a thread that is left behind writes to what is gone."""
        self.close()
        self._retractions += 1
        with disk_errors(self.folder, "clear"):
            if length_of(self._journal) is not None:
                os.unlink(self._journal)
                # It must not come back, with claims on another file, after a power cut.
                sync_folder(self.folder)
            for path in (self._journal.with_suffix(".new"), self.whole):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of file and journal."""
        if self._filling is not None:
            self._filling.close()
            self._retractions += self._filling.retractions
            self._filling = None

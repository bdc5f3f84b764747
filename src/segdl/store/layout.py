"""How the bytes of a file that is not whole lie on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from segdl.core.spans import Span
from segdl.options import LayoutName
from segdl.store.inplace import Inplace
from segdl.store.parts import Parts, PartStore
from segdl.store.prefix import Prefix


class Layout(PartStore, Protocol):
    """What a folder holds of one version of a file, and where more of it goes.

    Workers share what PartStore names, and `sync`; the rest is the coordinator's.
    """

    @property
    def name(self) -> LayoutName:
        """What the user calls it."""

    @property
    def whole(self) -> Path:
        """The file that gets the final name, once it is whole."""

    def is_empty(self) -> bool:
        """Tell whether nothing would be lost with it."""

    def sizes(self) -> dict[int, int]:
        """Return how many bytes are there by where they begin, in file order."""

    def held(self) -> list[Span]:
        """Return what is there, joined."""

    def misfit(self, size: int) -> str | None:
        """Tell why what is there cannot be of a file of `size` bytes (or OPEN), if so."""

    def space(self, size: int, more: Mapping[int, int]) -> tuple[int, int]:
        """Return the free bytes that a file of `size` still takes, and those to finish it.

        Args:
            size: bytes of the whole file.
            more: bytes to come, by where the part begins that they go to.
        """

    def prepare(self, size: int, on_wait: Callable[[], None]) -> None:
        """Be ready for the bytes of a file of `size` (or OPEN); nobody else may be writing.

        Args:
            size: bytes of the whole file.
            on_wait: called now and then where that takes long; may raise.

        Raises:
            DiskError: no space, or no file of this size is allowed.
        """

    def sync(self) -> None:
        """Bring what is written to the disk; callable from any thread."""

    def mend(self) -> None:
        """Forget what a power cut may have left instead of bytes."""

    def remove(self, start: int) -> None:
        """Forget the bytes that begin at `start`, a key of `sizes`."""

    def adopt(self, finished: Path) -> None:
        """Make a file the bytes from 0 on; it loses its name. Nothing may be held."""

    def make_whole(self, size: int, on_progress: Callable[[int], None]) -> None:
        """See to it that `whole` is the file.

        Args:
            size: its bytes.
            on_progress: called with the bytes in place where some are moved; may raise.

        Raises:
            IntegrityError: what is held does not make a file of `size` bytes.
            DiskError: no space, or the disk failed.
        """

    def clear(self) -> None:
        """Throw everything away."""

    def close(self) -> None:
        """Let go of open files; bytes stay."""


class Growing(Protocol):
    """A file as far as it is there, from its beginning on, whatever its layout."""

    @property
    def retractions(self) -> int:
        """How often bytes that could be read were taken back.

        It is raised after they are gone and before others may take their place.
        """

    def read_from(self, at: int, most: int) -> bytes:
        """Return bytes that begin at `at`, at most `most`; ``b""`` where none are there yet.

        Raises:
            DiskError: the disk failed.
        """


def growing(layout: Layout) -> Growing:
    """Return what reads a file in order while it comes in. One thread at a time uses it."""
    if isinstance(layout, Parts):
        return Prefix(layout)
    assert isinstance(layout, Inplace)
    return layout


def discard(layout: Layout, spans: Iterable[Span]) -> None:
    """Drop the bytes of `spans`, and what is behind them in the same part."""
    wrong = list(spans)
    for start, size in layout.sizes().items():
        hits = [max(s.start, start) for s in wrong if s.start < start + size and start < s.stop]
        if hits:
            part = layout.open(start)
            try:
                part.cut(min(hits) - start)
            finally:
                layout.release(part)


def layouts(folder: Path, asked: LayoutName) -> tuple[Layout, Layout]:
    """Return the layout to go on with in a folder, and the other one.

    What is there already goes before what was asked for: nothing is lost.
    """
    both: dict[LayoutName, Layout] = {"parts": Parts(folder), "inplace": Inplace(folder)}
    wanted = both.pop(asked)
    (other,) = both.values()
    return (other, wanted) if wanted.is_empty() and not other.is_empty() else (wanted, other)

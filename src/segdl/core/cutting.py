"""Where a large file is cut, so that several machines can bring it."""

from __future__ import annotations

from segdl.core.spans import Span

MIB = 1024 * 1024


def is_large(size: int, least: int) -> bool:
    """Tell whether a file of `size` bytes is worth cutting into pieces of `least` and more."""
    return size >= 2 * least


def cut(size: int, least: int) -> list[Span]:
    """Cut a file into pieces of at least `least` bytes, and less than twice that.

    Pieces begin at multiples of 1 MiB, as far as they are larger than that.

    Example:
        >>> [len(piece) // MIB for piece in cut(300 * MIB, 64 * MIB)]
        [75, 75, 75, 75]
    """
    count = max(1, size // max(1, least))
    length = -(-size // count)
    step = min(MIB, least)
    length = max(1, -(-length // step) * step)
    return [Span(at, min(at + length, size)) for at in range(0, size, length)]

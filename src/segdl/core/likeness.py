"""Sizes of files that no list tells, guessed by those of files that are called alike."""

from __future__ import annotations

# Kinds that are told apart: names are the server's, and so is how many endings they have.
_MOST_KINDS = 1000


class Likeness:
    """What is known of the sizes of files, by the ending of their names.

    Example:
        >>> sizes = Likeness()
        >>> sizes.learn("iso/debian-13.iso", 700_000_000)
        >>> sizes.guess(kind_of("iso/debian-12.ISO")), sizes.guess("")
        (700000000, None)
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}

    def learn(self, path: str, size: int) -> None:
        """Note that the file at `path` has `size` bytes."""
        kind = kind_of(path)
        files, total = self._known.get(kind, (0, 0))
        if files or len(self._known) < _MOST_KINDS:
            self._known[kind] = (files + 1, total + size)

    def guess(self, kind: str) -> int | None:
        """Return the mean bytes of files of a kind; None where there were none."""
        files, total = self._known.get(kind, (0, 0))
        return total // files if files else None


def kind_of(path: str) -> str:
    """Return the ending of a file's name, in small letters; "" where it has none.

    Example:
        >>> kind_of("a/b.tar.GZ"), kind_of("a.d/README")
        ('gz', '')
    """
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""

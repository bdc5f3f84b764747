"""What the ledger must not hold of the files that wait, or cannot: secrets, digests of pieces."""

from __future__ import annotations

from segdl.mirror.listing import Entry

# Bytes of memory, as far as they are reckoned, from which on the list is not read further.
_MOST = 32 * 1024 * 1024
# So many entries are none too many, whatever they take: files at work have theirs, too.
_LEAST = 32
# What an entry takes beside its path and URLs, and each of its pieces, in bytes.
_AN_ENTRY = 400
_A_PIECE = 120


class Apart:
    """Such entries, by host and path. The coordinator's thread owns it.

    A list may name a million of them: who reads it waits while `full`, so that files at work
    make room first.
    """

    def __init__(self) -> None:
        self._hosts: dict[str, dict[str, Entry]] = {}
        self._bytes = self._count = 0

    @property
    def full(self) -> bool:
        """Whether there is enough for now."""
        return self._bytes >= _MOST and self._count >= _LEAST

    def keep(self, host: str, path: str, entry: Entry) -> None:
        """Hold an entry until it is forgotten."""
        self.forget(host, path)
        self._hosts.setdefault(host, {})[path] = entry
        self._bytes += _weight(entry)
        self._count += 1

    def get(self, host: str, path: str) -> Entry | None:
        """Return an entry; None where the ledger has all of it."""
        return self._hosts.get(host, {}).get(path)

    def forget(self, host: str, path: str) -> None:
        """Let go of an entry: its file ended."""
        entry = self._hosts.get(host, {}).pop(path, None)
        if entry is not None:
            self._bytes -= _weight(entry)
            self._count -= 1

    def forget_waiting(self, host: str, at_work: set[str]) -> None:
        """Let go of a host's entries, but for the paths that are at work: they may come back."""
        for path in self._hosts.get(host, {}).keys() - at_work:
            self.forget(host, path)


def _weight(entry: Entry) -> int:
    said = len(entry.path) + sum(map(len, entry.urls))
    said += sum(len(name) + len(value) for name, value in entry.headers)
    pieces = len(entry.pieces.hexdigests) if entry.pieces else 0
    return _AN_ENTRY + said + _A_PIECE * pieces

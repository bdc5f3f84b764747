"""What a folder of partial data holds, whichever way it lies, while a program is at work."""

from __future__ import annotations

import os
from pathlib import Path

from segdl.core.journal import BOOT_BYTES, header, read_journal
from segdl.core.spans import Span
from segdl.store.journal import boot_of_journals

OTHER_BOOT = b"another boot".ljust(BOOT_BYTES, b"!")


def sizes(folder: Path) -> dict[str, int]:
    """Return the files of a folder that may change or go away meanwhile."""
    found = {}
    try:
        for name in os.listdir(folder):
            found[name] = os.lstat(folder / name).st_size
    except OSError:
        pass
    return found


def journal_of(folder: Path) -> Path:
    return folder / "inplace.journal"


def held(folder: Path) -> list[Span]:
    """Return the bytes that part files, or a journal, say are there."""
    names = {name: size for name, size in sizes(folder).items() if name.endswith(".part")}
    starts = {int(name.removesuffix(".part")): size for name, size in names.items()}
    spans = [Span(start, start + size) for start, size in sorted(starts.items())]
    try:
        spans += read_journal(journal_of(folder).read_bytes(), boot_of_journals()).held
    except (OSError, ValueError):
        pass
    return spans


def count(folder: Path) -> int:
    """Return how many bytes are there."""
    return sum(map(len, held(folder)))


def check_bytes(folder: Path, content: bytes) -> int:
    """Compare every byte that is claimed; return how many are."""
    for span in held(folder):
        part = folder / f"{span.start}.part"
        source, at = (part, 0) if part.exists() else (folder / "inplace.data", span.start)
        with source.open("rb") as file:
            file.seek(at)
            assert file.read(len(span)) == content[span.start : span.stop], span
    return count(folder)


def boot_otherwise(journal: Path) -> None:
    """Have a journal look as if the machine was started anew since."""
    told = journal.read_bytes()
    known = read_journal(told, OTHER_BOOT)
    assert boot_of_journals() in told[:512], "no boot was recorded"
    journal.write_bytes(header(known.size, known.key, OTHER_BOOT) + told[512:])

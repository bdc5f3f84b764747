"""What to choose otherwise, in the terms of a mirror: its names and mirrors are its list's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from segdl.errors import Instead, SegdlError

OF_A_FILE: Final[Mapping[Instead, str]] = {
    "name": "leave it out with --exclude",
    "stream": "leave it out with --exclude",
    "folder": "choose another folder for the mirror",
    "mirrors": "take the wrong mirrors out of the list, or add a digest",
    "fresh": "remove the folder of its parts and run the same command again",
    "alone": "take the wrong mirrors out of the list, remove the folder of its parts "
    "and run the same command again",
    "connections": "with fewer connections (-x)",
    "fewer": "use fewer with --max-files or --per-host",
}
OF_THE_RUN: Final[Mapping[Instead, str]] = {
    **OF_A_FILE,
    "name": "choose another one",
    "stream": "choose another one",
    "folder": "choose another folder",
}


@contextmanager
def in_terms_of(words: Mapping[Instead, str]) -> Iterator[None]:
    """Have errors that are raised within say what else to choose in these words."""
    try:
        yield
    except SegdlError as error:
        error.advise(words)
        raise

"""SHA256SUMS of a mirror, as sha256sum writes and reads it."""

from __future__ import annotations

import filecmp
import os
import re
from collections.abc import Iterator
from pathlib import Path

from segdl.core.identity import Version
from segdl.core.mirrorneed import Stat
from segdl.errors import DiskError
from segdl.mirror.advice import OF_THE_RUN, in_terms_of
from segdl.mirror.ledger import Ledger
from segdl.mirror.options import MirrorOptions
from segdl.mirror.own import Own, OwnFiles
from segdl.mirror.stat import stat_of
from segdl.store.faults import disk_errors, shown
from segdl.store.record import is_recorded, write_record

NAME = "SHA256SUMS"
_OTHERWISE = {**OF_THE_RUN, "name": "move it away, or go without --sums"}
# What it says of itself, where files can: no server has it, nor is it at any URL.
_ETAG, _URL = '"segdl --sums"', ""
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def write_sums(options: MirrorOptions, ledger: Ledger, listing: int, *, clean: bool) -> bool:
    """Write the digests of all listed files; return False where one of them has that name.

    Only what was written here before is replaced. A shard knows of its own files only: it
    writes to its own folder.

    Args:
        options: the mirror.
        ledger: knows its files.
        listing: was carried out.
        clean: all that it names is here; else files that an earlier one named count, too.

    Raises:
        DiskError: it cannot be written, or something else has its name.
    """
    own = ledger.rows([NAME]).get(NAME)
    if own is not None and own.listing == listing:
        return False
    temporary = options.folder / "sums.new"
    with in_terms_of(_OTHERWISE), disk_errors(options.directory / NAME, "write"):
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(_lines(options.directory, ledger, listing, clean=clean))
            file.flush()
            write_record(file.fileno(), _version(os.fstat(file.fileno()).st_size), None, _URL)
            os.fsync(file.fileno())
        if options.shard is None:
            _publish(options.directory, temporary)
        else:
            os.replace(temporary, options.folder / NAME)
    return True


def _publish(directory: Path, temporary: Path) -> None:
    """Give the digests their name, unless what has it is somebody else's."""
    place, own = directory / NAME, OwnFiles(directory)
    if os.path.lexists(place) and not (
        own.may_replace(NAME, NAME) or _says_so_itself(place, temporary)
    ):
        raise DiskError(
            f"{shown(place)} is not written: what has that name is not of an earlier --sums",
            instead="name",
        )
    own.note(Own(NAME, NAME, Stat.of(os.lstat(temporary)), again=True))
    os.replace(temporary, place)


def _says_so_itself(place: Path, temporary: Path) -> bool:
    """Tell whether what is there was written here, though nothing notes it any more."""
    found = stat_of(place)
    if found is None:
        return False
    is_recorded_so = is_recorded(place, _version(found.size), None, _URL)
    return is_recorded_so or filecmp.cmp(place, temporary, shallow=False)


def _version(size: int) -> Version:
    return Version(size=size, etag=_ETAG)


def _lines(directory: Path, ledger: Ledger, listing: int, *, clean: bool) -> Iterator[str]:
    listings = frozenset({listing}) if clean else ledger.same_list(listing)
    for path, digest, stat in ledger.digests(listings):
        # Where something failed, not all that is known is here.
        if not clean and stat_of(directory / path) != stat:
            continue
        escaped = re.sub(r"[\\\n\r]", lambda found: _ESCAPES[found[0]], path)
        yield f"{'' if escaped == path else chr(92)}{digest}  {escaped}\n"

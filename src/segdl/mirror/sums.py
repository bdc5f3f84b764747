"""SHA256SUMS of a mirror, as sha256sum writes and reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from segdl.mirror.advice import OF_THE_RUN, in_terms_of
from segdl.mirror.ledger import Ledger
from segdl.mirror.options import MirrorOptions
from segdl.store.faults import disk_errors

NAME = "SHA256SUMS"
_OTHERWISE = {**OF_THE_RUN, "name": "move it away, or go without --sums"}
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def write_sums(options: MirrorOptions, ledger: Ledger, listing: int, *, clean: bool) -> None:
    """Write the digests of all listed files, unless one of them has that name.

    A shard knows of its own files only: it writes to its own folder.

    Args:
        options: the mirror.
        ledger: knows its files.
        listing: was carried out.
        clean: all that it names is here; else files that an earlier one named count, too.

    Raises:
        DiskError: it cannot be written.
    """
    own = ledger.rows([NAME]).get(NAME)
    if own is not None and own.listing == listing:
        return
    directory = options.directory if options.shard is None else options.folder
    temporary = options.folder / "sums.new"
    with in_terms_of(_OTHERWISE), disk_errors(directory / NAME, "write"):
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(
                _lines(ledger, frozenset({listing}) if clean else ledger.same_list(listing))
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, directory / NAME)


def _lines(ledger: Ledger, listings: frozenset[int]) -> Iterator[str]:
    for path, digest in ledger.digests(listings):
        escaped = re.sub(r"[\\\n\r]", lambda found: _ESCAPES[found[0]], path)
        yield f"{'' if escaped == path else chr(92)}{digest}  {escaped}\n"

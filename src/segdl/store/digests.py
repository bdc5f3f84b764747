"""Digests of a file that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from segdl.core.hashing import new_hash
from segdl.store.faults import disk_errors

_STEP = 1024 * 1024


def digests_of(
    path: Path, algorithms: Iterable[str], on_progress: Callable[[int], None]
) -> dict[str, str]:
    """Read a file once, and return its digests in hexadecimal by algorithm.

    Args:
        path: the file.
        algorithms: as :func:`segdl.core.hashing.new_hash` takes them.
        on_progress: called for each MiB with the bytes that are read; whatever it raises
            ends it.

    Raises:
        DiskError: it cannot be read.
        UsageError: an algorithm takes a library that is not installed.

    Example:
        >>> import os
        >>> digests_of(Path(os.devnull), ["md5"], print)
        {'md5': 'd41d8cd98f00b204e9800998ecf8427e'}
    """
    hashes = {algorithm: new_hash(algorithm) for algorithm in algorithms}
    done = 0
    with disk_errors(path, "read"), open(path, "rb", buffering=0) as file:
        while data := file.read(_STEP):
            for digest in hashes.values():
                digest.update(data)
            done += len(data)
            on_progress(done)
    return {algorithm: digest.hexdigest() for algorithm, digest in hashes.items()}

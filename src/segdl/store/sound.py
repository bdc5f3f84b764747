"""What of a file a power cut spared, where nothing tells but its bytes."""

from __future__ import annotations

import os

_BLOCK = 1024 * 1024


def sound_size(descriptor: int, size: int) -> int:
    """Return how far a file has no hole, the zeros before that left out."""
    if size and hasattr(os, "SEEK_HOLE"):
        try:
            size = min(size, os.lseek(descriptor, 0, os.SEEK_HOLE))
        except OSError:
            # This file system does not tell.
            pass
    while size:
        at = (size - 1) // _BLOCK * _BLOCK
        os.lseek(descriptor, at, os.SEEK_SET)
        data = os.read(descriptor, size - at).rstrip(b"\0")
        if data:
            return at + len(data)
        size = at
    return 0

"""Content to download."""

from __future__ import annotations

import random
from functools import lru_cache


@lru_cache(maxsize=16)
def content(size: int, seed: int = 1) -> bytes:
    """Return `size` bytes that look random and are the same every time.

    Another `seed` makes another version, which differs everywhere.
    """
    # randbytes of a large size needs an integer of that many bits: quick enough in blocks.
    generator = random.Random(seed)
    block = 1 << 20
    parts = [generator.randbytes(min(block, size - at)) for at in range(0, size, block)]
    return b"".join(parts)

"""Documents that are gzipped (RFC 1952), decompressed as they come in."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from segdl.errors import IntegrityError

MAGIC = b"\x1f\x8b"

# Bytes that are handed on at once: a small file may hold terabytes.
_MOST = 256 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def gunzip(chunks: Iterable[bytes], what: str) -> Iterator[bytes]:
    """Yield what gzip data hold, in bounded memory; several members are joined.

    Args:
        chunks: the data, in pieces.
        what: names them in messages.

    Raises:
        IntegrityError: they are damaged, or end before they should.

    Example:
        >>> import gzip
        >>> b"".join(gunzip([gzip.compress(b"one, "), gzip.compress(b"two")], "the list"))
        b'one, two'
    """
    member, begun, several = zlib.decompressobj(_GZIP), False, False
    for chunk in chunks:
        data = chunk
        while data:
            if not begun and several:
                # Tapes and the like pad with zeros.
                data = data.lstrip(b"\0")
                if not data:
                    break
            begun = True
            yield from _inflate(member, data, what)
            data = member.unused_data
            if member.eof:
                member, begun, several = zlib.decompressobj(_GZIP), False, True
    if begun or not several:
        raise IntegrityError(f"{what}: the gzip data end too early", hint="fetch it again")


def _inflate(member: zlib._Decompress, data: bytes, what: str) -> Iterator[bytes]:
    """Yield what a member makes of more data; it keeps what is behind its end."""
    while True:
        try:
            out = member.decompress(data, _MOST)
        except zlib.error as error:
            raise IntegrityError(
                f"{what}: the gzip data are damaged", hint="fetch it again"
            ) from error
        if out:
            yield out
        data = member.unconsumed_tail
        # What did not fit may wait inside, with no input left.
        if member.eof or (not data and len(out) < _MOST):
            return

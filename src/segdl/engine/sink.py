"""Where the bytes of a stream go, and whether they were the right ones."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import BinaryIO, cast

from segdl.core.checksum import Checksum, Claim
from segdl.core.hashing import new_hash
from segdl.core.pieces import PieceHasher, Pieces, piece_span, wrong_pieces
from segdl.engine.run import TICK
from segdl.engine.verify import mismatch

_HINT = "the bytes are written already: do not use them"


class ReaderGoneError(Exception):
    """Nobody reads the stream any more."""


class Sink:
    """The stream, its digests, and how much went into it. One thread writes at a time.

    Args:
        out: takes the bytes.
        algorithms: of the digests of the whole.
        pieces: digests that its pieces should have.
    """

    def __init__(self, out: BinaryIO, algorithms: set[str], pieces: Pieces | None) -> None:
        self._out = out
        self._digests = {name: new_hash(name) for name in algorithms}
        self._pieces = pieces
        self._hasher = None if pieces is None else PieceHasher(pieces)
        self.written = 0

    def write(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            ReaderGoneError: the reader closed its end.
        """
        view = memoryview(data)
        try:
            while view:
                count = cast("int | None", self._out.write(view))
                if count is None:
                    # Somebody made the pipe non-blocking.
                    select.select([], [self._out], [], TICK)
                else:
                    view = view[count:]
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ReaderGoneError from error
        for digest in self._digests.values():
            digest.update(data)
        if self._hasher is not None:
            self._hasher.update(data)
        self.written += len(data)

    def verify(self, claims: Sequence[Claim], source: str) -> Checksum | None:
        """Compare the digests of what was written; return the first, where there is one.

        Args:
            claims: digests of the whole.
            source: says which digests the pieces have.

        Raises:
            ChecksumMismatchError: one is not what it is said to be.
        """
        for claim in claims:
            hexdigest = self._digests[claim.checksum.algorithm].hexdigest()
            if hexdigest != claim.checksum.hexdigest:
                raise mismatch("standard output", claim, hexdigest, _HINT)
        if self._pieces is not None and self._hasher is not None:
            found = self._hasher.finish()
            for index in wrong_pieces(self._pieces, found):
                span = piece_span(self._pieces, index, self.written)
                claim = Claim(
                    Checksum(self._pieces.algorithm, self._pieces.hexdigests[index]), source
                )
                what = f"standard output: bytes {span.start}-{span.stop - 1}"
                raise mismatch(what, claim, found[index], _HINT)
        return claims[0].checksum if claims else None

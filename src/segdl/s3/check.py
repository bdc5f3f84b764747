"""What is said of a file's digests, compared with those of what was sent."""

from __future__ import annotations

from collections.abc import Sequence

from segdl.core.checksum import Checksum, Claim
from segdl.core.pieces import piece_span, wrong_pieces
from segdl.engine.task import Task
from segdl.engine.verify import mismatch
from segdl.errors import Instead
from segdl.s3.inorder import InOrder


def check(
    task: Task,
    what: str,
    claims: Sequence[Claim],
    order: InOrder | None,
    size: int,
    kept: str = "",
) -> Checksum | None:
    """Return the digest that a file has, where one was expected; nothing has its name yet.

    Args:
        task: the request.
        what: the object, for messages.
        claims: the digests that it must have.
        order: hashed its bytes, where anything was expected.
        size: bytes of it.
        kept: what becomes of the bytes of one that is wrong; nothing by default.

    Raises:
        ChecksumMismatchError: it is not what it should be.
    """
    if order is None:
        return None
    hint = "; ".join(filter(None, ["its key has what it had", kept]))
    instead: Instead | None = "anew" if kept else None
    digests, pieces = order.finish()
    for claim in claims:
        digest = digests[claim.checksum.algorithm]
        if digest != claim.checksum.hexdigest:
            raise mismatch(what, claim, digest, hint, instead)
    wanted = task.pieces
    for index in [] if wanted is None else wrong_pieces(wanted, pieces):
        assert wanted is not None
        span = piece_span(wanted, index, size)
        claim = Claim(
            Checksum(wanted.algorithm, wanted.hexdigests[index]), task.request.expected.source
        )
        which = f"{what}: bytes {span.start}-{span.stop - 1}"
        raise mismatch(which, claim, pieces[index], hint, instead)
    return claims[0].checksum if claims else None

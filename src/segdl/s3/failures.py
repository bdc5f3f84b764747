"""What a store means by not taking a part: errors, and whether it may be sent again."""

from __future__ import annotations

from segdl.core.head import parse_retry_after
from segdl.core.multipart import is_md5
from segdl.core.s3answer import Meaning, Told, read_answer
from segdl.errors import IntegrityError
from segdl.net.boto import StoreError
from segdl.net.put import Answer


def not_taken(what: str, answer: Answer) -> StoreError:
    """Return the failure for an answer that came early, or says that a part was not taken.

    Args:
        what: the part, for messages.
        answer: the store's.
    """
    told = read_answer(answer.status, answer.body)
    if told.meaning is Meaning.FINE:
        # Nobody has the bytes that were not sent yet.
        told = Told(answer.status, "", "it answered before it had the part")
    error = told.error(what)
    after = parse_retry_after(answer.fields.get("retry-after"), 0.0)
    fatal = told.meaning is Meaning.FAILED
    return StoreError(
        error, told if told.meaning is Meaning.BUSY else None, fatal=fatal, after=after
    )


def wrong_etag(what: str, etag: str, sent: str) -> IntegrityError:
    """Return the error for a part that has another ETag than the MD5 of what was sent."""
    if is_md5(etag):
        return IntegrityError(
            f"{what}: the store has another part than was sent: its MD5 is {etag}, not {sent}",
            hint="run the same command to go on",
        )
    return IntegrityError(
        f"{what}: the store tells no MD5 of what it has, so nothing can be proved",
        hint="buckets encrypted with keys of KMS or the customer do that; see docs/s3.md",
    )

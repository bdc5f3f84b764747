"""An object gets its key: a copy within the store, proved by its ETag."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from segdl.core.multipart import Stored, etag_of, span_of
from segdl.core.s3answer import Object
from segdl.core.s3url import S3Place
from segdl.errors import IntegrityError
from segdl.s3.complete import complete
from segdl.s3.store import Store
from segdl.s3.unfinished import Unfinished

# Parts that are copied at once.
_AT_ONCE = 8


def copy_whole(
    store: Store,
    source: S3Place,
    place: S3Place,
    found: Object,
    number: int,
    *,
    media_type: str,
    metadata: Mapping[str, str],
) -> str:
    """Copy an object that was written at once; return the ETag of the copy.

    Args:
        store: where both are.
        source: the object.
        place: the key that it gets.
        found: the object, as it must be.
        number: the file's, for events.
        media_type: of the copy.
        metadata: kept with the copy.

    Raises:
        IntegrityError: the copy is another.
        SegdlError: the store says no, or cannot be asked.
    """
    etag = store.ask(
        number,
        lambda client: client.copy(source, place, media_type=media_type, metadata=metadata),
    )
    _require_same(place, etag, found.etag)
    return etag


def copy_in_parts(
    store: Store, source: S3Place, found: Object, length: int, unfinished: Unfinished, number: int
) -> str:
    """Copy an object by the parts that it was made of; return the ETag of the copy.

    So it may be of any size, and has the same ETag. Nothing has the key before all is there.

    Args:
        store: where both are.
        source: the object.
        found: the object, as it must be.
        length: bytes of each part but the last.
        unfinished: the upload that makes the copy; it was begun.
        number: the file's, for events.

    Raises:
        IntegrityError: the copy would be another; there is none.
        SegdlError: the store says no, or cannot be asked.
    """
    assert unfinished.note is not None
    place, upload = unfinished.place, unfinished.note.upload
    count = max(1, -(-found.size // length))

    def copy(part: int) -> Stored:
        whole = span_of(part, found.size, length)
        # Amazon copies no ranges of objects of up to 5 MiB.
        span = whole if count > 1 else None
        etag = store.ask(number, lambda client: client.copy_part(source, place, upload, part, span))
        return Stored(len(whole), etag)

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="segdl-copy") as hands:
        unfinished.stored = dict(enumerate(hands.map(copy, range(1, count + 1)), start=1))
    try:
        etags = [part.etag for part in unfinished.stored.values()]
        _require_same(place, etag_of(etags), found.etag)
    except IntegrityError:
        unfinished.clear()
        raise
    return complete(store, unfinished, number)


def _require_same(place: S3Place, etag: str, expected: str) -> None:
    if etag != expected:
        raise IntegrityError(
            f"{place}: the store made something else of a copy: its ETag is {etag}, not {expected}",
            hint="run the same command again",
        )

"""An object gets its key: a copy within the store, proved by its ETag."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from segdl.core.multipart import etag_of, span_of
from segdl.core.s3answer import Object
from segdl.core.s3url import S3Place
from segdl.errors import IntegrityError, SegdlError
from segdl.net.s3 import S3
from segdl.s3.store import Store

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
    store: Store,
    source: S3Place,
    place: S3Place,
    found: Object,
    length: int,
    number: int,
    *,
    media_type: str,
    metadata: Mapping[str, str],
) -> str:
    """Copy an object that was made of parts, by the same parts; return the ETag of the copy.

    So it may be of any size, and has the same ETag. Nothing has the key before all is there.

    Args:
        store: where both are.
        source: the object.
        place: the key that it gets.
        found: the object, as it must be.
        length: bytes of each part but the last.
        number: the file's, for events.
        media_type: of the copy.
        metadata: kept with the copy.

    Raises:
        IntegrityError: the copy would be another; there is none.
        SegdlError: the store says no, or cannot be asked.
    """
    upload = store.ask(number, lambda client: client.begin(place, media_type, metadata))

    def copy(part: int) -> str:
        span = span_of(part, found.size, length)
        return store.ask(number, lambda client: client.copy_part(source, place, upload, part, span))

    def complete(client: S3) -> str | None:
        return client.complete(place, upload, etags)

    try:
        count = max(1, -(-found.size // length))
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="segdl-copy") as hands:
            etags = dict(enumerate(hands.map(copy, range(1, count + 1)), start=1))
        _require_same(place, etag_of(etags.values()), found.etag)
        etag = store.ask(number, complete)
        if etag is None:
            # The answer to an earlier try was lost.
            now = store.ask(number, lambda client: client.head(place))
            etag = "" if now is None else now.etag
        _require_same(place, etag, found.etag)
        return etag
    except SegdlError:
        # Where the run is to end nothing is asked with patience any more.
        with contextlib.suppress(SegdlError):
            store.ask(number, lambda client: client.abort(place, upload))
        raise


def _require_same(place: S3Place, etag: str, expected: str) -> None:
    if etag != expected:
        raise IntegrityError(
            f"{place}: the store made something else of a copy: its ETag is {etag}, not {expected}",
            hint="run the same command again",
        )

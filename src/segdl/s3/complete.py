"""The last step: the parts become the object, or nothing does."""

from __future__ import annotations

from segdl.core.multipart import etag_of
from segdl.core.s3url import S3Place
from segdl.errors import IntegrityError, ServerError
from segdl.s3.store import Store
from segdl.s3.unfinished import Unfinished, md5_of, metadata_of


def complete(store: Store, unfinished: Unfinished, number: int) -> str:
    """Make the object of its parts, all of which are there; return its ETag.

    Args:
        store: where it is.
        unfinished: the upload.
        number: the file's, for events.

    Raises:
        IntegrityError: the store made something else of it.
        SegdlError: the store says no, or cannot be asked; the parts are kept.
    """
    assert unfinished.note is not None
    place, upload = unfinished.place, unfinished.note.upload
    etags = {part: stored.etag for part, stored in sorted(unfinished.stored.items())}
    if not etags:
        state = unfinished.note.state
        unfinished.clear()
        about = metadata_of(state.version, state.named_by, unfinished.checksum)
        media_type = state.version.media_type
        return store.ask(
            number,
            lambda client: client.put(
                place, b"", md5_of(b""), media_type=media_type, metadata=about
            ),
        )
    expected = etag_of(etags.values())
    unfinished.publishing(expected)
    etag = store.ask(number, lambda client: client.complete(place, upload, etags))
    if not etag:
        # The answer to an earlier try was lost, somebody else was here, or it names none
        # (radosgw 16.2).
        etag = _there(store, place, number)
    if etag != expected:
        raise IntegrityError(
            f"{place}: the store made something else of its parts: its ETag is {etag}, "
            f"not {expected}",
            hint="compare it with its source, and delete it",
        )
    unfinished.forget()
    return etag


def _there(store: Store, place: S3Place, number: int) -> str:
    found = store.ask(number, lambda client: client.head(place))
    if found is None:
        raise ServerError(
            f"{place}: its upload is gone, and it is not there",
            hint="somebody aborted it: run the same command again",
        )
    return found.etag

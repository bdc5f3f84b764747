"""What workers sent to a bucket gets its key, once the driver knows that it is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from segdl.core.checksum import Claim
from segdl.core.identity import Version
from segdl.core.s3answer import Object
from segdl.core.s3url import S3Place
from segdl.core.url import parse_url
from segdl.engine.verify import mismatch
from segdl.errors import ChecksumMismatchError
from segdl.mirror.bucket import InBucket
from segdl.mirror.engines.uploaded import Uploaded
from segdl.mirror.job import Job
from segdl.results import DownloadResult
from segdl.s3.moving import copy_in_parts, copy_whole
from segdl.s3.unfinished import Unfinished, metadata_of
from segdl.store.state import State


class Keying:
    """One file's key. It asks the store, and waits for it: not in the driver's own thread.

    Args:
        bucket: where it is; takes note of what is there.
        job: the file.
        number: its number, for events.
        least: bytes of a part, at least.

    Attributes:
        place: the key.
        apart: where it is put together, if it has to be read before it gets the key.
    """

    def __init__(self, bucket: InBucket, job: Job, number: int, least: int) -> None:
        self._store = bucket.store
        self._bucket = bucket
        self._least = least
        self._job = job
        self._number = number
        self.place = bucket.key(job.row.path)
        self.apart = bucket.apart(job.row.path)

    def unfinished(self, place: S3Place) -> Unfinished:
        """Return what there is of an upload; nothing is asked yet."""
        checksum = self._job.row.listed.checksum
        return Unfinished(self._store, place, self._number, checksum, self._least)

    def state(self, version: Version, url: str | None = None) -> State:
        """Return what parts of a version belong to.

        Args:
            version: which.
            url: where it comes from; None is the file's first.
        """
        listed = self._job.row.listed.checksum
        public = parse_url(url or self._job.request.url).public
        return State(url=public, version=version, listed=None if listed is None else str(listed))

    def leave(self, result: DownloadResult) -> DownloadResult:
        """Leave what is there: it is what the server has."""
        found = self._bucket.found(self._job.row.path)
        assert found is not None
        return self.took(replace(result, size=found.size), found)

    def receive(self, source: S3Place, found: Object, result: DownloadResult) -> DownloadResult:
        """Give an object that was written at once its key.

        Args:
            source: where it was sent.
            found: what it is.
            result: how it was fetched.

        Raises:
            SegdlError: it is not what it should be, or the store says no.
        """
        listed, version = self._job.row.listed.checksum, result.version
        assert version is not None
        if listed is not None and result.checksum != str(listed):
            raise ChecksumMismatchError(
                f"{self.place}: a worker found {result.checksum}, the list has {listed}"
            )
        etag = self._copy(source, version, found)
        self._delete(source)
        return self.took(result, replace(found, etag=etag))

    def publish(
        self,
        uploaded: Uploaded,
        claims: Iterable[Claim],
        hexdigests: Mapping[str, str],
        result: DownloadResult,
    ) -> DownloadResult:
        """Give an object that was made of parts, and read, its key.

        Args:
            uploaded: the object.
            claims: the digests that it must have; there is one.
            hexdigests: those that it has.
            result: how it was fetched.

        Raises:
            ChecksumMismatchError: it has others; it is gone, and its key has what it had.
            SegdlError: the store says no.
        """
        source, found, version = uploaded.place, uploaded.stored, uploaded.version
        assert found is not None
        wanted = list(claims)
        for claim in wanted:
            digest = hexdigests[claim.checksum.algorithm]
            if digest != claim.checksum.hexdigest:
                self._delete(source)
                hint = "its key has what it had; the next run fetches it anew"
                raise mismatch(str(self.place), claim, digest, hint)
        if "-" in found.etag:
            copy = self.unfinished(self.place)
            # One that an earlier try began would be nobody's.
            copy.look()
            copy.clear()
            copy.belongs_to(self.state(version))
            etag = copy_in_parts(self._store, source, found, uploaded.length, copy, self._number)
        else:
            etag = self._copy(source, version, found)
        self._delete(source)
        result = replace(result, checksum=str(wanted[0].checksum))
        return self.took(result, replace(found, etag=etag))

    def took(self, result: DownloadResult, stored: Object) -> DownloadResult:
        """Take note of what has the key now."""
        result = replace(result, place=str(self.place), stored=stored)
        self._bucket.took(self._job, result)
        return result

    def _copy(self, source: S3Place, version: Version, found: Object) -> str:
        return copy_whole(
            self._store,
            source,
            self.place,
            found,
            self._number,
            media_type=version.media_type,
            metadata=metadata_of(
                version, parse_url(self._job.request.url).public, self._job.row.listed.checksum
            ),
        )

    def _delete(self, place: S3Place) -> None:
        self._store.ask(self._number, lambda client: client.delete(place))

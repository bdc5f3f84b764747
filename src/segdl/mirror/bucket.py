"""A mirror's files in a bucket: what is there is listed once, and kept in mind."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path, PurePosixPath

from segdl.core.checksum import read_checksum
from segdl.core.identity import Version
from segdl.core.mirrorneed import Had, Need, Stat
from segdl.core.multipart import is_md5
from segdl.core.s3answer import Object
from segdl.core.s3url import S3Place
from segdl.engine.run import Run
from segdl.errors import DiskError
from segdl.mirror.options import FOLDER
from segdl.mirror.work import Job, found_right
from segdl.results import DownloadResult
from segdl.s3.store import Store, note_of
from segdl.s3.unfinished import CHECKSUM_KEY, VERSION_KEY, Unfinished, version_of
from segdl.s3.upload import Uploader

# What a store copies at once, in bytes.
_MOST_COPIED = 5 * 1024**3


def stat_of(found: Object) -> Stat:
    """Return what an object is known again by.

    Its ETag is another once it is: a number made of it takes the place of the time, of which
    stores tell more in lists than of one object.
    """
    digest = hashlib.sha256(found.etag.encode()).hexdigest()
    return Stat(found.size, int(digest[:15], 16))


class InBucket:
    """A prefix in a bucket. Threads share it; `_lock` owns `_objects`.

    Args:
        run: the surroundings.
        prefix: what the keys of the mirror begin with.

    Raises:
        SegdlError: the bucket cannot be listed.
    """

    def __init__(self, run: Run, prefix: S3Place) -> None:
        self._prefix = prefix
        self._store = Store(run)
        self._upload = Uploader(self._store, prefix, self._known)
        self._lock = threading.Lock()
        self._objects = self._listed()

    def _listed(self) -> dict[str, Object]:
        found: dict[str, Object] = {}
        token: str | None = None
        while True:
            last = token
            page, token = self._store.ask(0, lambda client: client.page(self._prefix, last))  # noqa: B023
            found |= page
            if token is None:
                return found

    def _known(self, place: S3Place) -> Object | None:
        with self._lock:
            return self._objects.get(place.key)

    needs_threads = True
    work = None

    def has(self, path: str) -> bool:
        """Tell whether there is such an object."""
        return self._known(self._key(path)) is not None

    def drop_parts(self, path: str) -> None:
        """Abort an upload that is not wanted any more."""
        place = self._key(path)
        with self._lock:
            begun = note_of(place).key in self._objects
        if begun:
            unfinished = Unfinished(self._store, place, 0, None)
            unfinished.look()
            unfinished.clear()

    def look(self, path: str) -> tuple[Stat | None, bool]:
        """Look at a file; nothing is in the way of a key."""
        found = self._known(self._key(path))
        return (None if found is None else stat_of(found)), False

    def _key(self, path: str) -> S3Place:
        return S3Place(self._prefix.bucket, self._prefix.key + path)

    def carry_out(self, run: Run, job: Job, number: int) -> DownloadResult:
        """Make an object what the list says it is.

        Raises:
            SegdlError: it cannot be done; what was there is there still.
        """
        place = self._key(job.row.path)
        found = self._known(place)
        if found is not None and self._is_right(job, place, found, number):
            return found_right(job, None, found.size, place=str(place))
        path = PurePosixPath(job.row.path)
        request = replace(
            job.request,
            directory=Path(path.parent),
            name=path.name,
            held=self._held(job, place, found, number),
        )
        result = self._upload(replace(run, transfer=job.transfer), request, number)
        now = result.stored
        assert now is not None
        with self._lock:
            self._objects[place.key] = now
        if result.status == "skipped":
            job.how = "unchanged"
            before = job.row.had if job.row.had and job.row.had.stat == stat_of(now) else None
            job.had = replace(
                before or Had(stat_of(now)),
                version=result.version,
                listed_modified=job.row.listed.modified,
            )
            return result
        checksum = read_checksum(result.checksum) if result.checksum else None
        job.verified = checksum.algorithm if checksum else None
        sha256 = checksum.hexdigest if checksum and checksum.algorithm == "sha256" else None
        job.had = Had(stat_of(now), result.version, job.row.listed.modified, checksum, sha256)
        return result

    def _is_right(self, job: Job, place: S3Place, found: Object, number: int) -> bool:
        """Tell whether an object that the ledger does not know has the digest that it must have.

        Nothing is read: a segdl that sent it had compared it, and noted that with the object.
        """
        listed = job.row.listed.checksum
        if job.row.need is not Need.READ or listed is None:
            return False
        if not (listed.algorithm == "md5" and is_md5(found.etag)):
            full = self._store.ask(number, lambda client: client.head(place))
            told = None if full is None else full.metadata.get(CHECKSUM_KEY)
            if full is None or full.etag != found.etag or told != str(listed):
                return False
        elif found.etag != listed.hexdigest:
            return False
        job.how, job.verified = "unchanged", None
        before = job.row.had if job.row.had and job.row.had.stat == stat_of(found) else None
        job.had = replace(before or Had(stat_of(found), Version(size=found.size)), checksum=listed)
        return True

    def _held(self, job: Job, place: S3Place, found: Object | None, number: int) -> Version | None:
        """Return what the object that is there was when it was sent, where that may be asked."""
        row = job.row
        if found is None or row.need is Need.FETCH or row.listed.checksum is not None:
            return None
        if row.had is not None:
            return row.had.version if row.had.stat == stat_of(found) else None
        full = self._store.ask(number, lambda client: client.head(place))
        if full is None or full.etag != found.etag:
            return None
        version = version_of(full.metadata.get(VERSION_KEY))
        return version if version is not None and version.size == full.size else None

    def remove(self, path: str, expected: Stat | None, stamp: str | None) -> bool:
        """Take an object out; see :class:`segdl.mirror.place.Place`.

        Raises:
            SegdlError: it cannot be removed.
        """
        place = self._key(path)
        found = self._store.ask(0, lambda client: client.head(place))
        if found is None:
            return True
        if expected is not None and stat_of(found) != expected:
            return False
        if stamp is not None:
            self._keep(place, path, found, stamp)
        self._store.ask(0, lambda client: client.delete(place))
        with self._lock:
            self._objects.pop(place.key, None)
        return True

    def _keep(self, place: S3Place, path: str, found: Object, stamp: str) -> None:
        if found.size > _MOST_COPIED:
            raise DiskError(
                f"{place} is not deleted: stores move no more than 5 GiB into the trash",
                hint="delete it yourself, or use --delete=now",
            )
        kept = self._key(f"{FOLDER}/trash/{stamp}/{path}")
        self._store.ask(0, lambda client: client.copy(place, kept))

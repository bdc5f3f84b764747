"""A mirror's files in a bucket: what is there is listed once, and kept in mind."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from segdl.core.checksum import read_checksum
from segdl.core.identity import Version
from segdl.core.mirrorneed import Had, Need, Stat, lasting, listed_for_good
from segdl.core.multipart import is_md5
from segdl.core.s3answer import Object
from segdl.core.s3url import S3Place
from segdl.engine.run import Run
from segdl.errors import DiskError
from segdl.mirror.job import Job, found_right
from segdl.mirror.options import FOLDER, INCOMING
from segdl.results import DownloadResult
from segdl.s3.store import NOTE, Store, note_of
from segdl.s3.unfinished import CHECKSUM_KEY, VERSION_KEY, Unfinished, version_of
from segdl.s3.upload import Uploader

if TYPE_CHECKING:
    from segdl.mirror.engines.depot import Depot

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
        incoming: a folder on this machine that a run with an engine may use.

    Attributes:
        store: where the bucket is.
        runs: what paths begin with of what runs with an engine write, and nobody else looks at.

    Raises:
        SegdlError: the bucket cannot be listed.
    """

    def __init__(self, run: Run, prefix: S3Place, incoming: Path) -> None:
        self._run = run
        self._prefix = prefix
        self._incoming = incoming
        # What a shard has at work is nothing that another one may sweep away.
        shard = incoming.parent.name
        own = "" if shard == FOLDER else f"{shard}/"
        self.runs = f"{FOLDER}/{INCOMING}/{own}run-"
        self._large = f"{FOLDER}/{INCOMING}/{own}large/"
        self.store = Store(run)
        self._upload = Uploader(self.store, prefix, self._known)
        self._lock = threading.Lock()
        self._objects = self._listed()

    def _listed(self) -> dict[str, Object]:
        found: dict[str, Object] = {}
        token: str | None = None
        while True:
            last = token
            page, token = self.store.ask(0, lambda client: client.page(self._prefix, last))  # noqa: B023
            found |= page
            if token is None:
                return found

    def _known(self, place: S3Place) -> Object | None:
        with self._lock:
            return self._objects.get(place.key)

    needs_threads = True
    work = None

    def depot(self, least: int) -> Depot:
        """Return what takes in what workers send."""
        from segdl.mirror.engines.intobucket import BucketDepot

        return BucketDepot(self._run, self, least, self._incoming)

    def found(self, path: str) -> Object | None:
        """Return the object of a path; None where there is none."""
        return self._known(self.key(path))

    def keys(self, below: str) -> list[S3Place]:
        """Return the objects whose path begins with `below`, of those that were listed."""
        begins = self.key(below)
        with self._lock:
            keys = [key for key in self._objects if key.startswith(begins.key)]
        return [S3Place(begins.bucket, key) for key in keys]

    def has(self, path: str) -> bool:
        """Tell whether there is such an object."""
        return self.found(path) is not None

    def drop_parts(self, path: str) -> None:
        """Abort an upload that is not wanted any more."""
        apart = self.apart(path)
        self.abort(self.key(path))
        self.abort(apart)
        if self._known(apart) is not None:
            # All of it was there, but nobody had read it yet.
            self.delete(apart)

    def prune(self, path: str) -> None:
        """Do nothing: a bucket has no folders."""

    def abort(self, place: S3Place) -> None:
        """Throw an upload away that an earlier run began, if there is one.

        Raises:
            SegdlError: the store cannot be asked.
        """
        note = note_of(place)
        if self._known(note) is not None:
            unfinished = Unfinished(self.store, place, 0, None)
            unfinished.look()
            unfinished.clear()
            self._forget(note)

    def delete(self, place: S3Place) -> None:
        """Delete an object.

        Raises:
            SegdlError: the store cannot be asked.
        """
        self.store.ask(0, lambda client: client.delete(place))
        self._forget(place)

    def _forget(self, place: S3Place) -> None:
        with self._lock:
            self._objects.pop(place.key, None)

    def sweep(self) -> None:
        """Throw away what no run will go on with; see `Place`."""
        for place in self.keys(self._large):
            self.abort(S3Place(place.bucket, place.key.removesuffix(NOTE)))
            self.delete(place)

    def apart(self, path: str) -> S3Place:
        """Return where a file is put together that has to be read before it gets its key."""
        digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:40]
        return self.key(f"{self._large}{digest}")

    def has_apart(self, path: str) -> bool:
        """Tell whether it was begun there, or is whole."""
        place = self.apart(path)
        return any(self._known(each) is not None for each in (place, note_of(place)))

    def has_begun(self, path: str) -> bool:
        """Tell whether an upload to a path itself was begun, and not ended."""
        return self._known(note_of(self.key(path))) is not None

    def look(self, path: str) -> tuple[Stat | None, bool]:
        """Look at a file; nothing is in the way of a key."""
        found = self.found(path)
        return (None if found is None else stat_of(found)), False

    def key(self, path: str) -> S3Place:
        """Return the object of a path."""
        return S3Place(self._prefix.bucket, self._prefix.key + path)

    def carry_out(self, run: Run, job: Job, number: int) -> DownloadResult:
        """Make an object what the list says it is.

        Raises:
            SegdlError: it cannot be done; what was there is there still.
        """
        return self.at_hand(job, number) or self.send(run, job, number)

    def at_hand(self, job: Job, number: int) -> DownloadResult | None:
        """Return the result for a file that provably is there already; None where it is not.

        What was begun of it goes where it is.

        Raises:
            SegdlError: the store cannot be asked.
        """
        place = self.key(job.row.path)
        found = self._known(place)
        if found is not None and self._is_right(job, place, found, number):
            self.drop_parts(job.row.path)
            return found_right(job, None, found.size, place=str(place))
        return None

    def send(self, run: Run, job: Job, number: int) -> DownloadResult:
        """Send a file from here.

        Raises:
            SegdlError: it cannot be done; what was there is there still.
        """
        path = PurePosixPath(job.row.path)
        request = replace(
            job.request, directory=Path(path.parent), name=path.name, held=self.held(job, number)
        )
        result = self._upload(run._replace(transfer=job.transfer), request, number)
        self.took(job, result)
        return result

    def took(self, job: Job, result: DownloadResult) -> None:
        """Take note of what is there now, whoever sent it; what else was begun of it goes.

        Raises:
            SegdlError: the store cannot be asked.
        """
        self.drop_parts(job.row.path)
        now = result.stored
        assert now is not None
        with self._lock:
            self._objects[self.key(job.row.path).key] = now
        listed = job.row.listed.modified
        version = lasting(result.version)
        told = listed_for_good(listed, result.version, time.time() - result.seconds)
        if result.status == "skipped":
            job.how = "unchanged"
            before = job.row.had if job.row.had and job.row.had.stat == stat_of(now) else None
            job.had = replace(
                before or Had(stat_of(now)),
                version=version,
                listed_modified=told,
            )
            return
        checksum = read_checksum(result.checksum) if result.checksum else None
        job.verified = checksum.algorithm if checksum else None
        sha256 = checksum.hexdigest if checksum and checksum.algorithm == "sha256" else None
        job.had = Had(stat_of(now), version, told, checksum, sha256)

    def _is_right(self, job: Job, place: S3Place, found: Object, number: int) -> bool:
        """Tell whether an object that the ledger does not know has the digest that it must have.

        Nothing is read: a segdl that sent it had compared it, and noted that with the object.
        """
        listed = job.row.listed.checksum
        if job.row.need is not Need.READ or listed is None:
            return False
        if not (listed.algorithm == "md5" and is_md5(found.etag)):
            full = self.store.ask(number, lambda client: client.head(place))
            told = None if full is None else full.metadata.get(CHECKSUM_KEY)
            if full is None or full.etag != found.etag or told != str(listed):
                return False
        elif found.etag != listed.hexdigest:
            return False
        job.how, job.verified = "unchanged", None
        before = job.row.had if job.row.had and job.row.had.stat == stat_of(found) else None
        job.had = replace(before or Had(stat_of(found), Version(size=found.size)), checksum=listed)
        return True

    def held(self, job: Job, number: int) -> Version | None:
        """Return what the object that is there was when it was sent, where that may be asked.

        Raises:
            SegdlError: the store cannot be asked.
        """
        row, place = job.row, self.key(job.row.path)
        found = self._known(place)
        if found is None or row.need is Need.FETCH or row.listed.checksum is not None:
            return None
        if row.had is not None:
            return row.had.version if row.had.stat == stat_of(found) else None
        full = self.store.ask(number, lambda client: client.head(place))
        if full is None or full.etag != found.etag:
            return None
        version = version_of(full.metadata.get(VERSION_KEY))
        return None if version is None or version.size != full.size else lasting(version)

    def remove(self, path: str, expected: Stat | None, stamp: str | None, *, begun: bool) -> bool:
        """Take an object out; see :class:`segdl.mirror.place.Place`.

        Raises:
            SegdlError: it cannot be removed.
        """
        place = self.key(path)
        found = self.store.ask(0, lambda client: client.head(place))
        if found is None:
            return True
        if stat_of(found) != expected and not (begun and VERSION_KEY in found.metadata):
            return False
        if stamp is not None:
            self._keep(place, path, found, stamp)
        self.delete(place)
        return True

    def _keep(self, place: S3Place, path: str, found: Object, stamp: str) -> None:
        if found.size > _MOST_COPIED:
            raise DiskError(
                f"{place} is not deleted: stores move no more than 5 GiB into the trash",
                hint="delete it yourself, or use --delete=now",
            )
        kept = self.key(f"{FOLDER}/trash/{stamp}/{path}")
        self.store.ask(0, lambda client: client.copy(place, kept))

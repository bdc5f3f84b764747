"""Files that workers send to the mirror's bucket, by URLs that the driver signs for them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from segdl.core.multipart import LEAST_PART, MIB
from segdl.core.s3url import S3Place
from segdl.engine.run import TICK, Run
from segdl.errors import SegdlError
from segdl.mirror.bucket import InBucket
from segdl.mirror.engines.asking import Terms
from segdl.mirror.engines.camp import pitch, strike
from segdl.mirror.engines.orders import Camp
from segdl.mirror.engines.parcel import Parcel
from segdl.mirror.engines.signing import Signing
from segdl.mirror.engines.tobucket import ToBucket
from segdl.mirror.job import Job
from segdl.net.failures import TransferError
from segdl.net.s3 import S3
from segdl.s3.unfinished import md5_of

T = TypeVar("T")

# Seconds that a store gets in all, at the end of a run, to forget what is not wanted any more;
# and where somebody waits for the end.
_PARTING = 5.0
_HASTE = 0.5


class BucketDepot:
    """A mirror's bucket: see `Depot`.

    Args:
        run: the driver's surroundings.
        bucket: the mirror.
        least: bytes of a part, at least.
        folder: where workers of this machine meet.
    """

    def __init__(self, run: Run, bucket: InBucket, least: int, folder: Path) -> None:
        self._run = run
        self._bucket = bucket
        self._folder = folder
        self._least = max(LEAST_PART, -(-least // MIB) * MIB)
        self._store = bucket.store
        self._signing: Signing | None = None

    @contextmanager
    def camp(self, *, topics: bool) -> Iterator[Camp]:
        """Have an object meanwhile that workers look at, or a folder where all are here."""
        for left in self._bucket.keys(self._bucket.runs):
            self._bucket.delete(left)
        camp = pitch(self._folder, topics=topics)
        folder = self._bucket.key(f"{self._bucket.runs}{camp.nonce[:12]}/")
        signing = self._signing = Signing(self._run, self._store, folder, shared=topics)
        try:
            if topics:
                beacon, nonce = signing.at("driver"), camp.nonce.encode()
                self._store.ask(0, lambda client: client.put(beacon, nonce, md5_of(nonce)))
            yield signing.camp(camp)
        finally:
            strike(camp)
            self._sweep(folder)

    def fresh(self, camp: Camp) -> Camp:
        """Return the camp with URLs that are good for a while still."""
        assert self._signing is not None
        return self._signing.camp(camp)

    def parcel(self, terms: Terms, job: Job, number: int) -> Parcel:
        """Begin with a file."""
        assert self._signing is not None
        return ToBucket(terms, self._signing, self._bucket, job, number, self._least)

    def pause(self) -> float:
        """Return the seconds until the store may be sent anything."""
        return self._store.pause()

    def given_up(self) -> SegdlError | None:
        """Return why no file need wait for the store: it did not answer at any of the retries."""
        return self._store.given_up()

    def _sweep(self, folder: S3Place) -> None:
        """Delete what is left of a run, as far as that goes in moments: the next run does it."""
        began = self._run.clock()
        with contextlib.suppress(TransferError, SegdlError, FutureTimeout):
            page, _ = self._shortly(began, lambda client: client.page(folder, None))
            for key in page:
                place = S3Place(folder.bucket, key)
                self._shortly(began, lambda client: client.delete(place))  # noqa: B023

    def _shortly(self, began: float, work: Callable[[S3], T]) -> T:
        future = self._run.pool.submit(work, self._store.client)
        while wait([future], TICK).not_done:
            most = _HASTE if self._run.cancel.is_set() else _PARTING
            if self._run.clock() >= began + most:
                raise FutureTimeout
        return future.result()

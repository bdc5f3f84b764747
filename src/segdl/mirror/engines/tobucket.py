"""One file that workers send to the mirror's bucket: what is to be asked next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from segdl.core.identity import Match, Version, compare
from segdl.core.multipart import LEAST_PART
from segdl.core.spans import Span
from segdl.errors import SegdlError
from segdl.mirror.bucket import InBucket
from segdl.mirror.engines.answers import Failed, Hashed, PartSent, Seen, Sent, Told
from segdl.mirror.engines.asking import Terms, only
from segdl.mirror.engines.keying import Keying
from segdl.mirror.engines.large import LargeFile, claims_of
from segdl.mirror.engines.orders import HashObject, Order, Send, SendPart
from segdl.mirror.engines.parcel import Parcel
from segdl.mirror.engines.signing import Signing
from segdl.mirror.engines.uploaded import Uploaded
from segdl.mirror.job import Job
from segdl.results import DownloadResult


class ToBucket(Parcel):
    """A file on its way into a bucket. The driver's thread owns it.

    Args:
        terms: what all files have in common.
        signing: what orders get as they go out.
        bucket: where it goes.
        job: the file.
        number: its number, for events.
        least: bytes of a part, at least.
    """

    def __init__(
        self, terms: Terms, signing: Signing, bucket: InBucket, job: Job, number: int, least: int
    ) -> None:
        self._bucket = bucket
        self._store = bucket.store
        self._signing = signing
        self._keying = Keying(bucket, job, number, least)
        super().__init__(terms, job, number, str(self._keying.place))
        self._held: Version | None = None
        self._uploaded: Uploaded | None = None
        self._then: Callable[[], None] = self._begin
        path = job.row.path
        if bucket.found(path) or bucket.has_begun(path) or job.pieces:
            self.errand = self._at_hand
        else:
            self._begin()

    def _at_hand(self) -> DownloadResult | None:
        """Do without workers, where that can be, or must."""
        job, bucket = self.job, self._bucket
        result = bucket.at_hand(job, self.number)
        if result is not None:
            return result
        # Where it was put together apart, what was begun is the copy of that.
        apart = bucket.has_apart(job.row.path) or job.row.listed.checksum is None
        if (bucket.has_begun(job.row.path) and not apart) or job.pieces:
            return self._by_driver()
        self._held = bucket.held(job, self.number)
        return None

    def _by_driver(self) -> DownloadResult:
        """Send it from here: who goes on with parts for a digest reads them all, in order."""
        return self._bucket.send(self._terms.run, self.job, self.number)

    def _do(self, errand: Callable[[], DownloadResult | None], then: Callable[[], None]) -> None:
        """Have something done in another thread, and go on from there."""
        self.errand, self._then = errand, then

    def errand_done(self, result: DownloadResult | SegdlError | None) -> None:
        """Take what came of the errand."""
        if result is None:
            self._carefully(self._then)
        else:
            self.end(result)

    def dress(self, order: Order) -> Order:
        """Return an order with a URL that is signed now."""
        return self._signing.dress(order)

    # -- files that go at once --

    def _begin(self) -> None:
        listed = self.job.row.listed.size
        if listed is not None and listed > LEAST_PART:
            self.ready.append(self._asking.to_look())
        else:
            self.ready.append(self._send())

    def _send(self) -> Send:
        request = replace(self.job.request, held=self._held)
        key = self._keying.place
        return Send(head=self._asking.head(), request=request, key=key, most=LEAST_PART)

    def _again_whole(self, order: Order, failed: Failed | None) -> Order:
        del failed
        return self._send() if isinstance(order, Send) else order

    def _failed(self, order: Order, failed: Failed) -> None:
        if failed.by_store and failed.busy:
            self._signing.busy(failed)
        if failed.silent and self._store.silent(failed.error):
            failed = replace(failed, fatal=True)
        super()._failed(order, failed)

    def take(self, order: Order, told: Told) -> None:
        """Take what came of an order, and what that says of the store."""
        if isinstance(told, PartSent) or (isinstance(told, Sent) and told.stored is not None):
            self._store.answered()
        super().take(order, told)

    def _brought(self, order: Order, told: Told) -> None:
        if isinstance(told, Sent):
            self._requests += told.result.requests
            self._do(partial(self._receive, order, told), self._begin)
        elif isinstance(told, Hashed) and self._uploaded is not None:
            self._do(partial(self._compare, told), self._begin)

    def _receive(self, order: Order, sent: Sent) -> DownloadResult:
        """Give what a worker sent whole its key, or leave what has it."""
        result = replace(sent.result, requests=self._requests)
        if sent.stored is None:
            return self._keying.leave(result)
        return self._keying.receive(self._signing.place_of(order), sent.stored, result)

    # -- files that go in parts --

    def _begin_large(self, seen: Seen) -> None:
        version, held = seen.version, self._held
        if not seen.ranged or version.size is None:
            self._do(self._by_driver, self._begin)
        elif held is not None and held.proves and compare(held, version) is Match.SAME:
            left = self._result(version, 0, "skipped")
            self._do(lambda: self._keying.leave(left), self._begin)
        else:
            self._do(partial(self._look, seen), partial(self._go_on, seen))

    def _look(self, seen: Seen) -> None:
        """Find out what is there of it."""
        keying = self._keying
        place = keying.place
        if claims_of(self.job, seen):
            # It must be read before it gets its key, and so be put together elsewhere.
            place = keying.apart
            self._bucket.abort(keying.place)
        unfinished = keying.unfinished(place)
        uploaded = Uploaded(self._store, place, seen.version, unfinished, self.number)
        url = only(self.job.request, seen.url).url
        uploaded.look(keying.state(seen.version, url), fresh=self.job.transfer.fresh)
        self._uploaded = uploaded

    def _go_on(self, seen: Seen) -> None:
        uploaded = self._uploaded
        assert uploaded is not None

        def ask(span: Span, url: int) -> SendPart:
            return SendPart(
                head=self._asking.head(),
                request=only(self.job.request, url),
                span=span,
                version=uploaded.version,
                key=uploaded.place,
                upload=uploaded.upload,
                part=uploaded.number_at(span.start),
                length=uploaded.length,
            )

        self._go_on_in_pieces(seen, uploaded, ask)

    def _give_up_pieces(self, large: LargeFile) -> None:
        del large
        uploaded, self._uploaded = self._uploaded, None
        assert uploaded is not None
        self._do(uploaded.clear, lambda: self._put(self._asking.to_look(), 0.0))

    def _all_is_there(self, large: LargeFile) -> None:
        self._do(partial(self._finish, large), partial(self._hash, large))

    def _finish(self, large: LargeFile) -> DownloadResult | None:
        """Make the object; that is all where nothing tells a digest of it."""
        uploaded = self._uploaded
        assert uploaded is not None
        stored = uploaded.finish()
        if large.claims:
            return None
        result = self._result(uploaded.version, large.fetched)
        return self._keying.took(result, stored)

    def _hash(self, large: LargeFile) -> None:
        assert self._uploaded is not None
        stored = self._uploaded.stored
        assert stored is not None
        order = HashObject(
            head=replace(self._asking.head(), transfer=self.job.transfer),
            request=self.job.request,
            key=self._uploaded.place,
            size=stored.size,
            etag=stored.etag,
            algorithms=large.algorithms,
        )
        self._put(order, 0.0)

    def _compare(self, hashed: Hashed) -> DownloadResult:
        """Give an object that was read its key, where it is what it must be."""
        uploaded, large = self._uploaded, self._large
        assert uploaded is not None
        assert large is not None
        result = self._result(uploaded.version, large.fetched)
        return self._keying.publish(uploaded, large.claims, hashed.hexdigests, result)

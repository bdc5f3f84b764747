"""What workers do for a mirror in a bucket: what comes from a server goes on to a signed URL.

They know a URL for each thing that they may do, for some hours, and no credentials.
"""

from __future__ import annotations

from segdl.core.hashing import new_hash
from segdl.core.identity import Version, is_page
from segdl.core.s3answer import Meaning, Object
from segdl.core.s3answer import Told as Said
from segdl.core.spans import Span
from segdl.core.url import parse_url
from segdl.engine.attempt import OVERLAP
from segdl.engine.contact import Contact
from segdl.engine.download import is_held
from segdl.engine.ending import finished
from segdl.engine.opening import open_download
from segdl.engine.run import Run
from segdl.engine.task import Task, open_task
from segdl.engine.webpage import page_instead
from segdl.errors import CancelledError, IntegrityError, SegdlError, ServerError
from segdl.mirror.engines.answers import Differs, Failed, Hashed, Large, PartSent, Sent, Told
from segdl.mirror.engines.hashing import Hashing
from segdl.mirror.engines.orders import HashObject, Order, Send, SendPart
from segdl.mirror.engines.slices import failed, fetch_slice
from segdl.net.boto import StoreError
from segdl.net.failures import TransferError
from segdl.options import Request
from segdl.s3.piece import Sending
from segdl.s3.small import fetch_small
from segdl.s3.store import Store
from segdl.s3.uploading import Uploading
from segdl.store.part import TakenBackError

# What a store may say of a URL that ran out, where nobody reads what else it says.
_MAYBE_EXPIRED = frozenset({400, 403})


def send(run: Run, order: Order) -> Told:
    """Carry an order out that is about an object."""
    if isinstance(order, Send):
        return _send_whole(run, order)
    if isinstance(order, SendPart):
        return _send_part(run, order)
    assert isinstance(order, HashObject)
    return _hash(run, order)


def _send_whole(run: Run, order: Send) -> Told:
    requests = 1
    try:
        with open_download(run, order.request, order.number, lambda _: Span(0, order.most)) as (
            task,
            contact,
        ):
            try:
                return _with_contact(run, order, task, contact)
            finally:
                requests = task.sent
    except CancelledError:
        raise
    except TransferError as failure:
        return _not_taken(failure, requests)
    except SegdlError as error:
        return failed(run, order, error, requests, progressed=False)


def _with_contact(run: Run, order: Send, task: Task, contact: Contact) -> Told:
    request, version = order.request, contact.version
    if not request.expected.page and is_page(version):
        raise page_instead(task)
    if is_held(request.held, contact):
        return Sent(finished(task, None, version, 0, status="skipped", checksum=None), None)
    if version.size is None or version.size > order.most:
        return Large(task.sent)
    fetched = fetch_small(task, contact, str(order.key))
    if fetched is None:
        return Differs("its answers are of several versions", task.sent)
    data = fetched.data
    put = Store(run).put(parse_url(order.url), len(data))
    sending = Sending(str(order.key), 1, len(data), put)
    try:
        if data:
            sending.take(memoryview(data))
        etag = sending.end()
    finally:
        sending.close()
    version, size = fetched.version, len(data)
    result = finished(task, None, version, size, fetched=size, checksum=fetched.checksum)
    return Sent(result, Object(size, etag))


class _OnePart(Uploading):
    """The one part of an upload that a worker sends, by the URL that is for it.

    Attributes:
        trouble: why the store did not take it.
    """

    def __init__(self, run: Run, order: SendPart) -> None:
        size = order.version.size
        assert size is not None
        super().__init__(
            run,
            order.number,
            Store(run),
            order.key,
            order.upload,
            size=size,
            length=order.length,
            stored={},
            order=None,
        )
        self._order = order
        self.trouble: TransferError | None = None

    def _send(self, number: int, length: int) -> Sending:
        assert number == self._order.part
        put = self._store.put(parse_url(self._order.url), length)
        return Sending(f"{self.place}: part {number}", number, length, put)

    def lost(self, number: int, failure: TransferError) -> TakenBackError:
        """Note why the store did not take it."""
        self.trouble = failure
        return super().lost(number, failure)


def _send_part(run: Run, order: SendPart) -> Told:
    part, span = _OnePart(run, order), order.span
    with open_task(run, order.request, order.number) as task:
        try:
            before = fetch_slice(run, task, span, order.version, part)
        except CancelledError:
            raise
        except SegdlError as error:
            if part.trouble is not None:
                return _not_taken(part.trouble, task.sent)
            return failed(run, order, error, task.sent, progressed=False)
        finally:
            part.close()
        if isinstance(before, Differs):
            return before
        tail = part.read(Span(max(span.start, span.stop - OVERLAP), span.stop)) or b""
        return PartSent(span, before, task.sent, part.etags[order.part], tail)


def _not_taken(failure: TransferError, requests: int) -> Failed:
    """Say that the store failed, and not who has the file."""
    said = failure if isinstance(failure, StoreError) else StoreError(failure.error)
    return Failed(
        failure.error,
        requests,
        by_store=True,
        busy=said.told is not None,
        silent=said.silent,
        pause=said.after,
        fatal=failure.fatal,
    )


def _hash(run: Run, order: HashObject) -> Told:
    hashes = {algorithm: new_hash(algorithm) for algorithm in order.algorithms}
    version = Version(size=order.size, etag=f'"{order.etag}"')
    sink = Hashing(hashes.values(), run, order.number, order.size)
    with open_task(run, Request(url=order.url), order.number) as task:
        try:
            if order.size:
                read = fetch_slice(run, task, Span(0, order.size), version, sink)
                if isinstance(read, Differs):
                    what = f"{order.key}: the store sends something else than it has ({read.why})"
                    return Failed(IntegrityError(what), by_store=True, fatal=False)
        except CancelledError:
            raise
        except SegdlError as error:
            return _not_read(run, order, error)
    return Hashed({algorithm: digest.hexdigest() for algorithm, digest in hashes.items()})


def _not_read(run: Run, order: HashObject, error: SegdlError) -> Failed:
    """Say that the store did not send an object; it may be asked by a URL that is signed anew."""
    if not isinstance(error, ServerError) or error.status is None:
        return Failed(error, by_store=True)
    said = Said(error.status, str(error.status))
    busy = said.meaning is Meaning.BUSY
    return Failed(
        said.error(str(order.key)),
        by_store=True,
        busy=busy,
        pause=(run.gates.of(parse_url(order.url).origin).pause() or None) if busy else None,
        fatal=said.meaning is Meaning.FAILED and error.status not in _MAYBE_EXPIRED,
    )

"""What runs at a worker: one order is carried out, and what came of it is told.

A worker keeps nothing. Whatever a server or a disk does is told, not raised: only who loses
its worker hears an exception.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from segdl.core.identity import Match, compare
from segdl.core.spans import Span
from segdl.core.url import parse_url
from segdl.engine.contact import ONE_BYTE, Contact, Ranges
from segdl.engine.download import download
from segdl.engine.opening import open_download
from segdl.engine.run import Run
from segdl.engine.task import Task, open_task
from segdl.engine.versions import digest_is_of_the_part
from segdl.errors import CancelledError, SegdlError
from segdl.mirror.engines.answers import (
    Brought,
    Differs,
    Failed,
    Filled,
    Hashed,
    Large,
    Over,
    Seen,
    Told,
    Unfit,
)
from segdl.mirror.engines.camp import why_unfit, worker_name
from segdl.mirror.engines.orders import Hash, Look, Order, Piece, Whole
from segdl.mirror.engines.place import Place
from segdl.mirror.engines.slices import failed, fetch_slice
from segdl.mirror.engines.station import station_of
from segdl.mirror.engines.telling import Send
from segdl.mirror.stat import stat_of
from segdl.progress.events import Verifying
from segdl.store.digests import digests_of
from segdl.store.faults import shown
from segdl.store.target import Target

_TOKEN_BYTES = 4


class _LargeError(Exception):
    """The file is larger than is wanted whole."""

    def __init__(self, requests: int) -> None:
        super().__init__()
        self.requests = requests


def obey(order: Order, send: Send) -> Told:
    """Carry an order out.

    Args:
        order: what is wanted.
        send: takes messages about it, from several threads.
    """
    why = why_unfit(order.camp)
    if why is not None:
        return Unfit(worker_name(), why)
    try:
        with station_of(order).at_work(order, send) as run:
            return _obey(run, order)
    except CancelledError:
        return Over()
    except SegdlError as error:
        return Failed(error)


def _obey(run: Run, order: Order) -> Told:
    if isinstance(order, Whole):
        return _fetch_whole(run, order)
    if isinstance(order, Look):
        return _look(run, order)
    if isinstance(order, Piece):
        return _fetch_piece(run, order)
    if isinstance(order, Hash):
        return _hash(run, order)
    from segdl.mirror.engines.sending import send

    return send(run, order)


def _fetch_whole(run: Run, order: Whole) -> Told:
    """Fetch a file into one that no other attempt knows the name of."""
    if not order.anyway and stat_of(order.path) != order.seen:
        return Over()
    folder = order.camp.folder
    name = f"{order.number}.{order.head.attempt}.{secrets.token_hex(_TOKEN_BYTES)}"
    target = Target(folder / name)
    if order.left is not None:
        _take_over(Target(folder / order.left), target)
    held = _held(target)
    sent: list[Task] = []

    def on_contact(task: Task, contact: Contact) -> None:
        sent.append(task)
        size = contact.version.size
        large = order.most is not None and size is not None and size >= order.most
        if large and contact.ranges is Ranges.WORK and not contact.not_modified:
            raise _LargeError(task.sent)

    request = replace(order.request, directory=folder, name=name)
    try:
        result = download(run, request, order.number, on_contact=on_contact)
        if result.status == "skipped":
            return Brought("", result)
        checksum = result.checksum or ""
        sha256 = None
        if order.sha256 and not checksum.startswith("sha256="):
            (sha256,) = _digests(run, order, target.path, result.size, ["sha256"]).values()
        return Brought(name, result, sha256)
    except _LargeError as large:
        shutil.rmtree(target.workplace, ignore_errors=True)
        return Large(large.requests)
    except CancelledError:
        raise
    except SegdlError as error:
        requests = max((task.sent for task in sent), default=1)
        left = name if os.path.isdir(target.workplace) else None
        progressed = _held(target) > held
        # Nobody knows the name that it has here.
        error.message = error.message.replace(shown(target.path), shown(order.path))
        return failed(run, order, error, requests, progressed=progressed, left=left)


def _take_over(left: Target, target: Target) -> None:
    """Go on with what an attempt left that is over; whoever is first has it."""
    try:
        os.rename(left.workplace, target.workplace)
    except OSError:
        # It is gone, or somebody else's now: begin anew.
        return


def _held(target: Target) -> int:
    """Return how many bytes of a file are there, before it is whole."""
    try:
        return sum(entry.stat().st_size for entry in os.scandir(target.workplace))
    except OSError:
        return 0


def _look(run: Run, order: Look) -> Told:
    with open_download(run, order.request, order.number, lambda _: ONE_BYTE) as (task, contact):
        first, ranges = contact.version, contact.ranges
        contact.release()
        version = task.contacts.look(ranges)
        if compare(first, version) is Match.DOUBTFUL:
            version = version.without_etag()
        if version.digest is not None and digest_is_of_the_part(task):
            version = version.without_digest()
        urls = [parse_url(url).url for url in (order.request.url, *order.request.mirrors)]
        place = urls.index(task.source.asked.url)
        return Seen(version, ranges is Ranges.WORK, place, task.sent)


def _fetch_piece(run: Run, order: Piece) -> Told:
    try:
        place = Place(order.place, order.span)
    except SegdlError:
        if os.path.lexists(order.place):
            raise
        # The file is whole, or given up.
        return Over()
    try:
        with open_task(run, order.request, order.number) as task:
            return _fill(run, order, task, place)
    finally:
        place.close()


def _fill(run: Run, order: Piece, task: Task, place: Place) -> Told:
    span = order.span
    try:
        before = fetch_slice(run, task, span, order.version, place)
    except CancelledError:
        raise
    except SegdlError as error:
        place.sync()
        filled = Span(span.start, place.stop) if place.size else None
        progressed = filled is not None
        return failed(run, order, error, task.sent, progressed=progressed, filled=filled)
    if isinstance(before, Differs):
        return before
    place.sync()
    return Filled(span, before, task.sent)


def _hash(run: Run, order: Hash) -> Told:
    return Hashed(_digests(run, order, order.place, order.size, order.algorithms))


def _digests(
    run: Run, order: Order, path: Path, size: int, algorithms: Iterable[str]
) -> dict[str, str]:
    def tell(done: int) -> None:
        run.check_cancelled()
        run.emit(Verifying(order.number, done, size))

    return digests_of(path, algorithms, tell)

"""What orders get as they go out to workers: URLs that are signed at that moment.

Whoever wakes up late has one that ran out, or one to a key that nobody looks at any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from segdl.core.s3answer import Told
from segdl.core.s3url import S3Place
from segdl.core.url import Location
from segdl.engine.run import Run
from segdl.mirror.engines.answers import Failed
from segdl.mirror.engines.orders import Beacon, Camp, HashObject, Order, Send, SendPart
from segdl.net.boto import StoreError
from segdl.net.s3 import S3
from segdl.options import NetworkOptions, S3Options
from segdl.s3.store import Store

# A camp's URLs are signed anew after so much of the time that they are good for.
_ANEW = 1 / 6
# Who looks at a camp has other things to do, in seconds.
_PATIENCE = 10.0


class Signing:
    """Signs for one run. The driver's thread uses it, and threads that take in what came.

    Args:
        run: the driver's surroundings.
        store: where the bucket is; it knows the credentials.
        folder: a prefix that nobody else uses.
        shared: whether workers meet at an object, as they share no folder.
    """

    def __init__(self, run: Run, store: Store, folder: S3Place, *, shared: bool) -> None:
        self._run = run
        self.store = store
        self._folder = folder
        self._shared = shared
        self._token = secrets.token_hex(8)
        self._beacon: Beacon | None = None
        self._signed_at = 0.0

    def at(self, name: str) -> S3Place:
        """Return an object of this run's own."""
        return S3Place(self._folder.bucket, f"{self._folder.key}{name}")

    def place_of(self, order: Order) -> S3Place:
        """Return where a file goes that is sent whole; no other attempt goes there."""
        return self.at(f"{order.number}.{order.head.attempt}.{self._token}")

    def camp(self, camp: Camp) -> Camp:
        """Return a camp with URLs that are good for a while still.

        Raises:
            SegdlError: there are no credentials.
        """
        if not self._shared:
            return camp
        now = self._run.clock()
        if self._beacon is None or now > self._signed_at + _ANEW * self.store.client.valid:
            self._signed_at = now
            self._beacon = Beacon(
                read=self._sign(lambda client: client.sign_get(self.at("driver"))),
                write=self._sign(lambda client: client.sign_put(self.at("worker"))),
                network=_hasty(self._run.network),
            )
        return replace(camp, beacon=self._beacon)

    def dress(self, order: Order) -> Order:
        """Return an order with the URL that it needs.

        Raises:
            SegdlError: there are no credentials.
        """
        order = replace(order, head=replace(order.head, camp=self.camp(order.camp)))
        if isinstance(order, Send):
            place = self.place_of(order)
            return replace(order, url=self._sign(lambda client: client.sign_put(place)))
        if isinstance(order, SendPart):
            where, upload, part = order.key, order.upload, order.part
            url = self._sign(lambda client: client.sign_part(where, upload, part))
            return replace(order, url=url)
        if isinstance(order, HashObject):
            where = order.key
            return replace(order, url=self._sign(lambda client: client.sign_get(where)))
        return order

    def _sign(self, sign: Callable[[S3], Location]) -> str:
        try:
            return sign(self.store.client).url
        except StoreError as failure:
            raise failure.error from failure

    def busy(self, failed: Failed) -> None:
        """Have nothing sent to a store that asks to come back later.

        Raises:
            ServerError: nobody would wait so long.
        """
        told = StoreError(failed.error, Told(503), after=failed.pause)
        self.store.refused(told, 1)


def _hasty(network: NetworkOptions) -> NetworkOptions:
    return replace(
        network,
        s3=S3Options(),
        connect_timeout=min(_PATIENCE, network.connect_timeout),
        stall_timeout=min(_PATIENCE, network.stall_timeout),
    )

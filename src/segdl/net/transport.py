"""One request out, one response to read, nothing decided."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from segdl.core.s3url import place_of
from segdl.core.schedule import parse_schedule
from segdl.core.url import Location, Origin
from segdl.net.answer import Answer
from segdl.net.asked import Asked
from segdl.net.connector import Connector
from segdl.net.direct import Direct
from segdl.net.early import Early
from segdl.net.exchange import Exchange, failure_of
from segdl.net.failures import is_closed_unanswered, wire_errors
from segdl.net.idle import IdleConnections
from segdl.net.logged import log_answer
from segdl.net.proxies import Proxies, target_of
from segdl.net.tls import SharedContext
from segdl.net.wire import AbortedError, Wire
from segdl.options import NetworkOptions

if TYPE_CHECKING:
    from segdl.net.elsewhere import Elsewhere
    from segdl.net.limiter import Limiter
    from segdl.net.pools import Pools
    from segdl.net.put import Put
    from segdl.net.s3 import S3

# What is sent along with a signature, which is all that a store wants to know.
_NOT_SECRET = frozenset(
    {
        *("accept", "accept-encoding", "if-modified-since", "if-none-match", "if-range", "range"),
        "user-agent",
    }
)

# Connections that wait for another request, to all origins together.
_MOST_IDLE = 64


class Transport:
    """Sends requests, within the limit of the run.

    Threads share it; `_lock` owns `_made_pools`, `_s3` and `_other`, which are made when they
    are needed.

    Args:
        options: how to reach servers.
        connections: most idle ones to one origin that are kept.
        early: a connection that was begun already; it is closed with the others.
    """

    def __init__(
        self, options: NetworkOptions, *, connections: int, early: Early | None = None
    ) -> None:
        self._context = SharedContext(options)
        self._connections = connections
        self._silence = options.stall_timeout
        self._direct = Direct(
            Connector(self._context, options.connect_timeout),
            IdleConnections(connections, max(connections, _MOST_IDLE)),
            options.stall_timeout,
            early,
        )
        self._proxies = Proxies(options.proxy)
        self._patience = (options.connect_timeout, options.stall_timeout)
        schedule = parse_schedule(options.limit_rate)
        self._options = options
        self._lock = threading.Lock()
        self._made_pools: Pools | None = None
        self._s3: S3 | None = None
        self._other: Elsewhere | None = None
        self._limiter: Limiter | None = None
        if schedule.limits:
            from segdl.net.limiter import Limiter

            self._limiter = Limiter(schedule)

    def open(
        self, location: Location, headers: Mapping[str, str], wire: Wire, payer: object = None
    ) -> Exchange:
        """Send a GET and return its response, redirects included as they are.

        Args:
            location: what to ask for.
            headers: header fields.
            wire: what another thread aborts this by.
            payer: whose file it is: files share a limit evenly.

        Raises:
            TransferError: nothing usable came back.
        """
        if location.origin.scheme == "s3":
            return self._open_object(location, headers, wire, payer)
        if self._limiter is None:
            return Exchange(self._send(location, headers, wire), location, wire)
        from segdl.net.lane import Lane

        lane = Lane(self._limiter, payer, wire, tls=location.origin.scheme == "https")
        try:
            lane.prepare()
            return Exchange(self._send(location, headers, wire), location, wire, lane)
        except BaseException:
            lane.close()
            raise

    def _open_object(
        self, location: Location, headers: Mapping[str, str], wire: Wire, payer: object
    ) -> Exchange:
        # Signed for each request: what is signed runs out, and credentials are replaced.
        signed = self.s3.sign_get(place_of(location.url))
        kept = {name: value for name, value in headers.items() if name.lower() in _NOT_SECRET}
        exchange = self.open(signed, kept, wire, payer)
        exchange.location = location
        return exchange

    @property
    def s3(self) -> S3:
        """The store that ``s3://`` means."""
        with self._lock:
            if self._s3 is None:
                from segdl.net.s3 import S3

                self._s3 = S3(self._options)
            return self._s3

    def _pools(self) -> Pools:
        """Return what has urllib3's connections."""
        with self._lock:
            if self._made_pools is None:
                from segdl.net.pools import Pools

                self._made_pools = Pools(self._context, self._connections)
            return self._made_pools

    @property
    def _elsewhere(self) -> Elsewhere:
        """What is read by other protocols."""
        with self._lock:
            if self._other is None:
                from segdl.net.elsewhere import Elsewhere

                self._other = Elsewhere(self._options)
            return self._other

    def put(self, location: Location, length: int) -> Put:
        """Begin to send `length` bytes somewhere.

        Raises:
            TransferError: nobody takes them.
        """
        from segdl.net.put import Put

        return Put(location, length, self._context, self._proxies.of(location), *self._patience)

    def ask_ahead(self, location: Location, headers: Mapping[str, str], most: int) -> Asked | None:
        """Send a GET if it can be without a wait, over a connection that was used before.

        Args:
            location: what to ask for.
            headers: header fields.
            most: bytes of the longest body that is to be gathered.
        """
        if not self.goes_direct(location):
            return None
        line = self._direct.ask_ahead(location, headers)
        if line is None:
            return None
        return Asked(location, headers, line, silence=self._silence, most=most)

    def idle(self, location: Location) -> int:
        """Return how many connections wait for a request to a place, as far as is known."""
        return self._direct.idle(location.origin)

    def goes_direct(self, location: Location) -> bool:
        """Tell whether requests go to a place itself, at once."""
        if self._limiter is not None or not location.is_web:
            return False
        return self._proxies.of(location) is None

    def drop_all_idle(self, origin: Origin) -> None:
        """Close all connections that wait for a request to an origin."""
        while self._direct.idle(origin):
            self._direct.drop_idle(origin)

    def drop_idle(self, location: Location) -> None:
        """Close one connection that waits for a request to a place: another process makes one."""
        self._direct.drop_idle(location.origin)

    def _send(self, location: Location, headers: Mapping[str, str], wire: Wire) -> Answer:
        while True:
            try:
                if not location.is_web:
                    answer: Answer = self._elsewhere.open(location, headers, wire)
                    break
                answer = self._ask(location, headers, wire)
                break
            except wire_errors(AbortedError) as error:
                # An idle connection may be closed at the very moment that it is used again
                # (RFC 9112, 9.3.1): that says nothing of the request.
                if wire.connected or wire.aborted or not is_closed_unanswered(error):
                    raise failure_of(error, location, wire) from error
        log_answer(location, headers, answer)
        return answer

    def _ask(self, location: Location, headers: Mapping[str, str], wire: Wire) -> Answer:
        proxy = self._proxies.of(location)
        # What a limit on the rate counts on is what a library reads at once.
        if proxy is None and self._limiter is None:
            answer = self._direct.ask(location, headers, wire)
            if answer is not None:
                return answer
        return self._ask_library(location, headers, wire, proxy)

    def _ask_library(
        self, location: Location, headers: Mapping[str, str], wire: Wire, proxy: str | None
    ) -> Answer:
        import urllib3

        from segdl.net.answer import LibraryAnswer

        to_connect, silence = self._patience
        pool = self._pools().of(location, proxy)
        with wire.in_use():
            # What is tried again, and which redirects are followed, is not decided here.
            response = pool.urlopen(
                "GET",
                target_of(location, proxy),
                headers=headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=urllib3.Timeout(connect=to_connect, read=silence),
                preload_content=False,
                decode_content=False,
            )
        # What urlopen returns is one, whatever its annotation.
        assert isinstance(response, urllib3.HTTPResponse)
        return LibraryAnswer(response, keep=response.release_conn)

    def close(self) -> None:
        """Close every idle connection."""
        self._direct.close()
        for made in (self._made_pools, self._s3, self._other):
            if made is not None:
                made.close()

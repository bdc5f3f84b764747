"""One request out, one response to read, nothing decided."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

import urllib3

from segdl.core.schedule import parse_schedule
from segdl.core.text import printable
from segdl.core.url import Location
from segdl.net.answer import Answer, LibraryAnswer
from segdl.net.asked import Asked
from segdl.net.direct import Direct
from segdl.net.exchange import Exchange, failure_of
from segdl.net.failures import WIRE_ERRORS, is_closed_unanswered
from segdl.net.idle import IdleConnections
from segdl.net.pools import Pools, target_of
from segdl.net.proxies import Proxies
from segdl.net.tls import SharedContext
from segdl.net.wire import AbortedError, Wire
from segdl.options import NetworkOptions

if TYPE_CHECKING:
    from segdl.net.limiter import Limiter

# Connections that wait for another request, to all origins together.
_MOST_IDLE = 64

log = logging.getLogger("segdl")


class Transport:
    """Sends requests, within the limit of the run. Threads share it; nothing in it changes."""

    def __init__(self, options: NetworkOptions, *, connections: int) -> None:
        self._pools = Pools(SharedContext(options), connections)
        self._silence = options.stall_timeout
        self._direct = Direct(
            self._pools,
            IdleConnections(connections, max(connections, _MOST_IDLE)),
            (options.connect_timeout, options.stall_timeout),
        )
        self._proxies = Proxies(options.proxy)
        self._timeout = urllib3.Timeout(connect=options.connect_timeout, read=options.stall_timeout)
        schedule = parse_schedule(options.limit_rate)
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

    def ask_ahead(self, location: Location, headers: Mapping[str, str], most: int) -> Asked | None:
        """Send a GET if it can be without a wait, over a connection that was used before.

        Args:
            location: what to ask for.
            headers: header fields.
            most: bytes of the longest body that is to be gathered.
        """
        if self._limiter is not None or self._proxies.of(location) is not None:
            return None
        line = self._direct.ask_ahead(location, headers)
        if line is None:
            return None
        return Asked(location, headers, line, silence=self._silence, most=most)

    def _send(self, location: Location, headers: Mapping[str, str], wire: Wire) -> Answer:
        while True:
            try:
                answer = self._ask(location, headers, wire)
                break
            except (AbortedError, *WIRE_ERRORS) as error:
                # An idle connection may be closed at the very moment that it is used again
                # (RFC 9112, 9.3.1): that says nothing of the request.
                if wire.connected or wire.aborted or not is_closed_unanswered(error):
                    raise failure_of(error, location, wire) from error
        log.debug(
            "GET %s %s: %s %s",
            location,
            headers.get("Range", ""),
            answer.status,
            printable(answer.fields.get("Content-Range", "")),
        )
        return answer

    def _ask(self, location: Location, headers: Mapping[str, str], wire: Wire) -> Answer:
        proxy = self._proxies.of(location)
        # What a limit on the rate counts on is what a library reads at once.
        if proxy is None and self._limiter is None:
            answer = self._direct.ask(location, headers, wire)
            if answer is not None:
                return answer
        pool = self._pools.of(location, proxy)
        with wire.in_use():
            # What is tried again, and which redirects are followed, is not decided here.
            response = pool.urlopen(
                "GET",
                target_of(location, proxy),
                headers=headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
                preload_content=False,
                decode_content=False,
            )
        # What urlopen returns is one, whatever its annotation.
        assert isinstance(response, urllib3.HTTPResponse)
        return LibraryAnswer(response, keep=response.release_conn)

    def close(self) -> None:
        """Close every idle connection."""
        self._direct.close()
        self._pools.close()

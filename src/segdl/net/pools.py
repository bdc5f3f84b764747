"""Idle connections, by origin and by proxy; requests go out over them or over new ones.

urllib3's pools are made to be shared by threads. A Session of requests is not: its cookies,
headers and auth change under the threads that use it.
"""

from __future__ import annotations

import threading

import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from segdl.core.url import Location
from segdl.net.byproxy import proxy_manager
from segdl.net.tls import SharedContext
from segdl.net.watched import watched

_POOLS = 64


class Pools:
    """Pools whose connections can be woken, and share one TLS context.

    Threads share it; `_lock` owns `_managers`.

    Args:
        context: of every TLS connection.
        connections: most idle ones to one origin that are kept.
    """

    def __init__(self, context: SharedContext, connections: int) -> None:
        self._context = context
        self._connections = connections
        self._lock = threading.Lock()
        self._managers: dict[str | None, urllib3.PoolManager] = {}

    def of(self, location: Location, proxy: str | None) -> HTTPConnectionPool:
        """Return the pool of an origin, by way of a proxy where one is given.

        Raises:
            TransferError: the proxy cannot be used.
            urllib3.exceptions.LocationValueError: the host is no name of one.
        """
        origin = location.origin
        extra = {"ssl_context": self._context.get()} if origin.scheme == "https" else {}
        return self._manager(proxy).connection_from_host(
            origin.host, origin.port, origin.scheme, pool_kwargs=extra
        )

    def _manager(self, proxy: str | None) -> urllib3.PoolManager:
        with self._lock:
            manager = self._managers.get(proxy)
            if manager is None:
                manager = self._managers[proxy] = self._make(proxy)
            return manager

    def _make(self, proxy: str | None) -> urllib3.PoolManager:
        if proxy is None:
            manager = urllib3.PoolManager(num_pools=_POOLS, maxsize=self._connections)
        else:
            manager = proxy_manager(proxy, pools=_POOLS, connections=self._connections)
        classes = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {scheme: watched(pool) for scheme, pool in classes.items()}
        return manager

    def close(self) -> None:
        """Close idle connections now: clearing a manager leaves them to be collected."""
        with self._lock:
            managers = list(self._managers.values())
        for manager in managers:
            for key in manager.pools.keys():  # noqa: SIM118 - not a mapping: it has no __iter__
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
            manager.clear()

"""Connection pools of requests, made to be shared by threads."""

from __future__ import annotations

from typing import cast

import requests
import urllib3
from requests.adapters import HTTPAdapter

from segdl.net.tls import SharedContext
from segdl.net.wire import watched

_POOLS = 64


class Adapter(HTTPAdapter):
    """An adapter with one shared TLS context and connections that can be woken.

    Args:
        context: of every TLS connection.
        connections: most idle ones to one origin that are kept.
    """

    def __init__(self, context: SharedContext, connections: int) -> None:
        self._context = context
        super().__init__(pool_connections=_POOLS, pool_maxsize=connections)

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002 - the signature is requests'
        **pool_kwargs: object,
    ) -> None:
        """Make pools whose connections can be woken."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        _watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> urllib3.ProxyManager:
        """Make those for a proxy alike."""
        manager = cast("urllib3.ProxyManager", super().proxy_manager_for(proxy, **proxy_kwargs))
        _watch(manager)
        return manager

    def build_connection_pool_key_attributes(
        self,
        request: requests.PreparedRequest,
        verify: bool | str,  # noqa: FBT001 - the signature is requests'
        cert: str | tuple[str, str] | None = None,
    ) -> tuple[dict[str, object], dict[str, object]]:
        """Return what a pool is found by, with the shared context for TLS."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            return host, {"ssl_context": self._context.get()}
        return host, {}

    def close_pools(self) -> None:
        """Close idle connections now: clearing a manager leaves them to be collected."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - not a mapping: it has no __iter__
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        self.close()

    def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
        """Do nothing: the shared context holds the authorities and the client certificate."""


def _watch(manager: urllib3.PoolManager) -> None:
    pools = manager.pool_classes_by_scheme
    if not all(hasattr(pool, "watched") for pool in pools.values()):
        manager.pool_classes_by_scheme = {scheme: watched(pool) for scheme, pool in pools.items()}

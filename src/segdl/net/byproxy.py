"""Connections by way of a proxy."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import unquote

import urllib3
from urllib3.util import make_headers, parse_url

from segdl.errors import UsageError
from segdl.net.failures import TransferError
from segdl.net.proxies import is_socks


def proxy_manager(proxy: str, *, pools: int, connections: int) -> urllib3.PoolManager:
    """Return pools of connections by way of a proxy.

    Args:
        proxy: its URL, with user and password where it wants them.
        pools: most origins whose connections are kept.
        connections: most idle ones to one origin.

    Raises:
        TransferError: the proxy's URL cannot be used, or needs a package that is not there.
    """
    if is_socks(proxy) and find_spec("socks") is None:
        # urllib3 would warn besides.
        hint = "install it: pip install 'segdl[socks]'"
        raise TransferError(UsageError("this proxy needs SOCKS support", hint=hint), fatal=True)
    try:
        parts = parse_url(proxy)
        if not parts.host:
            raise urllib3.exceptions.LocationParseError(proxy)
        user, password = _user(parts.auth)
        if is_socks(proxy):
            from urllib3.contrib.socks import SOCKSProxyManager

            return SOCKSProxyManager(
                proxy, username=user, password=password, num_pools=pools, maxsize=connections
            )
        return urllib3.ProxyManager(
            proxy, num_pools=pools, maxsize=connections, proxy_headers=fields_for(parts.auth)
        )
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        hint = "see --proxy, and http_proxy and the like in the environment"
        raise TransferError(
            UsageError("the proxy's URL cannot be used", hint=hint), fatal=True
        ) from error


def fields_for(auth: str | None) -> dict[str, str] | None:
    """Return the header fields that a proxy knows its user by; `auth` is of its URL."""
    user, password = _user(auth)
    return dict(make_headers(proxy_basic_auth=f"{user}:{password}")) if user else None


def _user(auth: str | None) -> tuple[str | None, str | None]:
    """Return user and password of a URL's authority, decoded."""
    if auth is None:
        return None, None
    user, _, password = auth.partition(":")
    return unquote(user), unquote(password)

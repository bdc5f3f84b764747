"""The sections of a file of mirrors that are about single hosts: ``[host."NAME:PORT"]``."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Sequence

from segdl.cli.mirrorcheck import about
from segdl.cli.mirrortoml import Table, only, table_of, text_of
from segdl.core.fields import parse_header
from segdl.core.text import printable
from segdl.core.url import Origin, parse_url
from segdl.errors import UsageError
from segdl.mirror.options import HostProfile
from segdl.net.credentials import basic

Field = tuple[str, str]

_KEYS = ("connections", "header", "header-env", "user-env", "bearer-env", "netrc")
# A name, or an IPv6 address as URLs have it.
_NAME = re.compile(
    r"([^\s:/?#@*%\\\[\]]+|\[([0-9A-Fa-f:.]+)(?:%[^\s/?#@\\\[\]]+)?\])(?::([0-9]+))?"
)


def read_hosts(table: Table) -> list[HostProfile]:
    """Read what holds for single hosts; secrets come from the environment or ~/.netrc.

    Args:
        table: the sections by the names of their hosts.

    Raises:
        UsageError: what is wrong, and in which section.
    """
    profiles: dict[str, tuple[str, HostProfile]] = {}
    for name, value in table.items():
        where = f'[host."{printable(name, 100)}"]'
        section = table_of(value, where)
        with about(where):
            profile = _profile(name, section)
        if profile.host in profiles:
            earlier, _ = profiles[profile.host]
            raise UsageError(f"{earlier} and {where} are the same host", hint="make one of them")
        profiles[profile.host] = where, profile
    return [profile for _, profile in profiles.values()]


def _profile(name: str, section: Table) -> HostProfile:
    origin, port = read_host(name)
    only(section, _KEYS, "it")
    headers: list[Field] = []
    connections = None
    for key, value in section.items():
        with about(f"{key}:"):
            if key == "connections":
                connections = _connections(value)
            else:
                headers += _READERS[key](value, origin)
    if sum(field.lower() == "authorization" for field, _ in headers) > 1:
        raise UsageError(
            "tells more than once who asks",
            hint="give one of user-env, bearer-env, netrc, and the field Authorization",
        )
    host = origin.host if port is None else f"{origin.host}:{port}"
    return HostProfile(host=host, headers=tuple(headers), connections=connections)


def read_host(name: str) -> tuple[Origin, int | None]:
    """Read the name of a host as URLs have it, with or without a port.

    Returns:
        The host, as an http URL without another port would have it, and its port.

    Raises:
        UsageError: no URL has such a host.

    Example:
        >>> read_host("Example.org:8080")[0].host, read_host("[::1]")
        ('example.org', (Origin(scheme='http', host='::1', port=80), None))
    """
    if "://" in name or "/" in name or "@" in name:
        raise UsageError("is no host", hint="write its name alone, as example.org")
    if "*" in name or name.startswith("."):
        raise UsageError("is no host, but several", hint="give each its own section")
    found = _NAME.fullmatch(name)
    if found is None and _is_ipv6(name):
        raise UsageError("is no host", hint=f'write [host."[{name}]"]')
    if found is None or (found[2] and not _is_ipv6(found[2])):
        raise _no_host()
    try:
        origin = parse_url(f"http://{found[1]}/").origin
    except UsageError:
        raise _no_host() from None
    if found[3] is None:
        return origin, None
    # No number is made of more digits.
    port = int(found[3]) if len(found[3]) <= 5 else 0
    if not 1 <= port <= 65535:
        raise UsageError("has no port that there is", hint="ports are from 1 to 65535")
    return origin, port


def _no_host() -> UsageError:
    return UsageError("is no host", hint="write NAME or NAME:PORT, as example.org:8080")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _connections(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 64:
        raise UsageError("it is a number from 1 to 64")
    return value


def _plain(value: object, _: Origin) -> list[Field]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UsageError('it is a list of texts, as ["Name: value"]')
    return list(map(parse_header, value))


def _from_variables(value: object, _: Origin) -> list[Field]:
    if not isinstance(value, dict):
        raise UsageError('it is a table, as { "Name" = "VARIABLE" }')
    return [parse_header(f"{name}: {_environment(each)}") for name, each in value.items()]


def _bearer(value: object, _: Origin) -> list[Field]:
    return [parse_header(f"Authorization: Bearer {_environment(value)}")]


def _user(value: object, _: Origin) -> list[Field]:
    name, colon, password = _environment(value).partition(":")
    if not colon:
        raise UsageError("a user is NAME:PASS")
    return [basic(name, password)]


def _from_netrc(value: object, origin: Origin) -> list[Field]:
    if not isinstance(value, bool):
        raise UsageError("it is true or false")
    if not value:
        return []
    from segdl.net.credentials import load_netrc

    found = load_netrc()
    told = found.hosts.get(origin.host) if found else None
    if told is None:
        shown = printable(origin.host, 100)
        raise UsageError(f"~/.netrc has no {shown}", hint="add it, or leave it out")
    return [basic(told[0] or "", told[2] or "")]


def _environment(variable: object) -> str:
    name = text_of(variable, "the name of a variable")
    value = os.environ.get(name)
    if not value:
        shown = printable(name, 60)
        raise UsageError(f"the environment has no {shown}", hint="set it, or leave it out")
    return value


_READERS: dict[str, Callable[[object, Origin], Sequence[Field]]] = {
    "header": _plain,
    "header-env": _from_variables,
    "bearer-env": _bearer,
    "user-env": _user,
    "netrc": _from_netrc,
}

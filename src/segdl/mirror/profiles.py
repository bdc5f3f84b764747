"""What the user configured for single hosts, and whom its headers may be shown to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from segdl.core.text import printable
from segdl.core.url import USUAL_PORTS, Location, Origin, parse_url
from segdl.mirror.options import HostProfile
from segdl.options import Headers


class Profiles:
    """Those of a run. Threads share it; `_lock` owns `_withheld`.

    Args:
        hosts: what holds for each.
        source: where the list is; a remote one may not have headers sent unencrypted.
        say: takes lines for the operator, from any thread.
    """

    def __init__(
        self, hosts: Sequence[HostProfile], source: str, say: Callable[[str], None]
    ) -> None:
        self._profiles = {profile.host: profile for profile in hosts}
        self._source = parse_url(source).origin if "://" in source else None
        self._say = say
        self._lock = threading.Lock()
        self._withheld: set[str] = set()

    def of(self, origin: Origin) -> HostProfile | None:
        """Return what holds for a server; what names its port goes first."""
        found = self._profiles.get(f"{origin.host}:{origin.port}")
        return found or self._profiles.get(origin.host)

    def connections(self, host: str) -> int | None:
        """Return the most connections to a host, as :func:`segdl.mirror.intake.host_of` names it.

        None where nothing is said of that.
        """
        name, separator, _ = host.rpartition(":")
        others = [name] if separator else [f"{host}:{port}" for port in USUAL_PORTS.values()]
        profiles = map(self._profiles.get, (host, *others))
        profile = next(filter(None, profiles), None)
        return None if profile is None else profile.connections

    def headers(self, place: Location) -> Headers:
        """Return a host's own headers, as far as the server of `place` may have them."""
        profile = self.of(place.origin)
        if profile is None or not profile.headers:
            return ()
        if self._may_have(place.origin, profile):
            return profile.headers
        self._tell(place.origin, profile)
        return ()

    def _may_have(self, origin: Origin, profile: HostProfile) -> bool:
        """Tell whether headers go over https, or the user said that they need not."""
        if origin.scheme == "https" or self._source is None:
            return True
        if self._source.scheme == "http" and self._source.host == origin.host:
            return True
        return profile.host == _with_port(origin) and _is_plain(origin)

    def _tell(self, origin: Origin, profile: HostProfile) -> None:
        with self._lock:
            if profile.host in self._withheld:
                return
            self._withheld.add(profile.host)
        named = printable(_with_port(origin), 200)
        self._say(
            f'the list names http://{named}: what [host."{printable(profile.host, 200)}"] has for'
            " it is not sent unencrypted"
            + (f'; if it may be, say so: [host."{named}"]' if _is_plain(origin) else "")
        )


def _is_plain(origin: Origin) -> bool:
    # Whoever writes this port means https.
    return origin.port != USUAL_PORTS["https"]


def _with_port(origin: Origin) -> str:
    return f"{origin.host}:{origin.port}"

"""Which secrets go with the documents of a list: each to whom it was given for."""

from __future__ import annotations

import threading
from dataclasses import replace

from segdl.core.url import Location, Origin, parse_url
from segdl.mirror.options import ListingOptions
from segdl.mirror.profiles import Profiles
from segdl.net.credentials import Credentials
from segdl.options import NetworkOptions, Request


class Trust:
    """Credentials for each host that has documents. Threads share it; `_lock` owns `_known`.

    Those of the run are for the origin of the URL that the user gave; those of a host's
    profile for that host.

    Args:
        network: has the run's.
        options: the list.
        profiles: hosts' own.
    """

    def __init__(
        self, network: NetworkOptions, options: ListingOptions, profiles: Profiles
    ) -> None:
        self._network = network
        self._named = options.source if "://" in options.source else options.base_url or ""
        self._profiles = profiles
        self._lock = threading.Lock()
        self._known: dict[Origin | None, Credentials] = {}

    def credentials(self, place: Location) -> Credentials:
        """Return what may be shown to the server of a document."""
        has_profile = self._profiles.of(place.origin) is not None
        key = place.origin if has_profile else None
        with self._lock:
            if key not in self._known:
                self._known[key] = self._made(place, has_profile=has_profile)
            return self._known[key]

    def _made(self, place: Location, *, has_profile: bool) -> Credentials:
        own = self._profiles.headers(place)
        named = parse_url(self._named) if self._named else None
        if not has_profile or (named is not None and named.origin == place.origin):
            # Where nobody was named, nobody is entrusted with anything.
            asked = Request(url=self._named, headers=own, entrusted=None if named else "")
            return Credentials(self._network, asked, named or place)
        network = replace(self._network, headers=(), user=None, location_trusted=False)
        asked = Request(url=place.url, headers=own, named=self._named or None)
        return Credentials(network, asked, place)

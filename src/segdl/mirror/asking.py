"""What is asked for a file of a list: which URLs, with which secrets, and what must come."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from segdl.core.expected import Expected
from segdl.core.identity import Version
from segdl.core.mirrorpath import may_be_page
from segdl.core.pieces import Pieces
from segdl.core.url import parse_url
from segdl.mirror.listing import Entry
from segdl.mirror.mixture import LARGE
from segdl.mirror.options import MirrorOptions
from segdl.mirror.profiles import Profiles
from segdl.mirror.rows import Row
from segdl.mirror.stat import beginning_of
from segdl.mirror.terms import transfer_for_files
from segdl.net.credentials import basic
from segdl.options import NetworkOptions, Request, TransferOptions


class Asking:
    """Says what to ask for, file by file. The coordinator's thread uses it.

    Args:
        options: the mirror.
        network: has what is meant for the list's own server.
        transfer: how files are fetched; the number of connections is decided here.
        profiles: what holds for single hosts.
    """

    def __init__(
        self,
        options: MirrorOptions,
        network: NetworkOptions,
        transfer: TransferOptions,
        profiles: Profiles,
    ) -> None:
        self._options = options
        self._transfer = transfer_for_files(transfer)
        self._transfers: dict[str | int, TransferOptions] = {}
        # Files of one folder come one after another.
        self._folder = lru_cache(maxsize=64)(options.directory.joinpath)
        self._profiles = profiles
        source = options.listing.source
        # A list of the user's own names what the user names.
        self._named = source if "://" in source else None
        self._origin = None if self._named is None else parse_url(self._named).origin
        self._headers = network.headers
        if network.user is not None:
            self._headers = (basic(*network.user), *network.headers)

    def cap(self, host: str) -> int:
        """Return the most connections to a host, across all files."""
        return self._profiles.connections(host) or self._options.per_host

    def transfer(self, row: Row, *, once: bool = False) -> TransferOptions:
        """Return how to fetch a file; with `once` nothing of it is tried again."""
        size, cap = row.listed.size, self.cap(row.host)
        small = size is not None and size < LARGE
        connections = 1 if small or cap == 1 else f"auto:{cap}"
        made = self._transfers.get(connections)
        if made is None:
            made = self._transfers[connections] = replace(self._transfer, connections=connections)
        return replace(made, retries=1) if once else made

    def request(self, row: Row, entry: Entry | None, held: Version | None = None) -> Request:
        """Return the request for a file.

        Args:
            row: the file.
            entry: has what the ledger does not.
            held: what is here already, where the server is asked whether it has another.
        """
        urls = entry.urls if entry else row.urls
        place = parse_url(urls[0])
        own = (*self._profiles.headers(place), *(entry.headers if entry else ()))
        # What is meant for the list's own server is not for whom the list names.
        if self._origin is None or place.origin == self._origin:
            headers, entrusted = (*self._headers, *own), None
        else:
            headers, entrusted = own, urls[0] if own else ""
        directory, _, name = row.path.rpartition("/")
        return Request(
            url=urls[0],
            mirrors=urls[1:],
            directory=self._folder(directory),
            name=name,
            headers=headers,
            entrusted=entrusted,
            named=self._named,
            # A list may move to other URLs.
            supersedes=True,
            held=held,
            guessed=held is not None and row.had is None,
            expected=self._expected(row, entry.pieces if entry else None),
        )

    def _expected(self, row: Row, pieces: Pieces | None) -> Expected:
        told = Expected(
            size=row.listed.size,
            checksum=row.listed.checksum,
            pieces=pieces,
            source="the list",
        )
        if told.verifiable:
            return told
        beginning = beginning_of(self._options.directory / row.path)
        return told._replace(page=may_be_page(row.path, beginning))

"""What can be seen to be wrong with a mirror before any server is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from segdl.cli.mirroroptions import Wanted
from segdl.core.url import parse_url
from segdl.errors import SegdlError, UsageError
from segdl.options import Request
from segdl.store.faults import shown


def check_options(wanted: Wanted) -> None:
    """Refuse what no run can be made of, whatever is on the disk.

    Raises:
        UsageError: what is wrong, and with which option.
    """
    listing = wanted.mirror.listing
    checks: list[tuple[str, str | None, Callable[[str], object]]] = [
        ("source", listing.source if "://" in listing.source else None, parse_url),
        ("base-url", listing.base_url, parse_url),
        ("format", listing.format, _check_format),
        ("metrics", wanted.metrics, _check_address),
    ]
    for key, value, check in checks:
        if value is not None:
            with about(f"{key}:"):
                check(value)


def check_files(wanted: Wanted) -> None:
    """Refuse lists, secrets and certificates that no run could use as they are now.

    Raises:
        UsageError: what is wrong with which.
    """
    network, source = wanted.network, wanted.mirror.listing.source
    if "://" not in source and source != "-" and not os.path.exists(source):
        raise UsageError(f"source: {shown(Path(source))} is not there", hint="write a whole path")
    if network.cacert is not None or network.cert is not None:
        from segdl.net.tls import SharedContext

        SharedContext(network).get()
    if network.cookies is not None or network.netrc:
        from segdl.net.credentials import Credentials

        nowhere = "http://localhost/"
        Credentials(network, Request(url=nowhere), parse_url(nowhere))


def _check_format(name: str) -> None:
    from segdl.mirror.listing import Document
    from segdl.mirror.readers.registry import reader_for

    reader_for(b"", Document(name=""), name)


def _check_address(text: str) -> None:
    from segdl.mirror.seen.metrics import parse_address

    parse_address(text)


@contextmanager
def about(what: str) -> Iterator[None]:
    """Have errors begin with what they are about."""
    try:
        yield
    except SegdlError as error:
        raise UsageError(f"{what} {error.message}", hint=error.hint) from error

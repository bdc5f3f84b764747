"""What the command line asks for: a request a file, however long the lists are."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from segdl.core.checksum import AUTO
from segdl.core.url import parse_source, parse_url
from segdl.errors import SegdlError, UsageError
from segdl.options import Request

if TYPE_CHECKING:
    from segdl.engine.run import Run

_ENDING = re.compile(r"\.(meta4|metalink)(?=$|[?#])", re.IGNORECASE)


class Document(NamedTuple):
    """A Metalink document: `asked` has its URL or path, and what else is said of its files."""

    asked: Request


Wanted: TypeAlias = Request | Document | SegdlError


def check(options: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before a byte is asked for.

    Raises:
        UsageError: what is the matter.
    """
    named = len(options.urls) + len(options.metalink)
    if not named and options.input_file is None:
        raise UsageError("no URL", hint="write segdl URL, or see segdl --help")
    several = options.input_file is not None or named > 1
    for option in ("output", "checksum", "mirror"):
        if several and getattr(options, option) not in (None, AUTO, []):
            raise UsageError(
                f"--{option} goes with one URL",
                hint="write a list for -i, with out= and checksum= lines, mirrors after a TAB",
            )
    if options.mirror and _documents(options):
        raise UsageError(
            "--mirror goes with the URL of a file", hint="a Metalink document names its own"
        )
    for url in options.urls:
        if not _is_path(url, options):
            parse_source(url)
    for place in options.metalink:
        if "://" in place:
            parse_url(place)


def is_single(options: argparse.Namespace) -> bool:
    """Tell whether it is one file for sure."""
    return options.input_file is None and len(options.urls) == 1 and not _documents(options)


def requests(run: Run, options: argparse.Namespace) -> Iterator[Request | SegdlError | None]:
    """Yield a request for each file, or the error in its place; None where nothing came yet."""
    named = _named(options)
    if options.input_file is None and not _documents(options):
        return _expanded(run, named)
    from segdl.engine.background import read_ahead

    return read_ahead(_expanded(run, chain(named, _listed(options))))


def only_request(run: Run, options: argparse.Namespace) -> Request:
    """Return the request for the one file that is asked for.

    Raises:
        SegdlError: there is none, or there are several.
    """
    found = [request for request in requests(run, options) if request is not None]
    if len(found) != 1:
        raise UsageError(f"-o - goes with one file, not {len(found)}", hint="save them to a folder")
    if isinstance(found[0], SegdlError):
        raise found[0]
    return found[0]


def _documents(options: argparse.Namespace) -> bool:
    """Tell whether a document is named on the command line itself."""
    return bool(options.metalink) or any(_is_document(url, options) for url in options.urls)


def _is_document(place: str, options: argparse.Namespace) -> bool:
    if options.no_metalink:
        return False
    return (
        _ENDING.search(place if _is_path(place, options) else parse_source(place).path) is not None
    )


def _is_path(place: str, options: argparse.Namespace) -> bool:
    return not options.no_metalink and "://" not in place and bool(_ENDING.search(place))


def _named(options: argparse.Namespace) -> Iterator[Wanted]:
    name = None if options.output == "-" else options.output
    for place in (*options.urls, *options.metalink):
        request = Request(
            url=place,
            directory=options.dir,
            name=name,
            checksum=options.checksum,
            mirrors=tuple(options.mirror),
        )
        document = place in options.metalink or _is_document(place, options)
        yield Document(request) if document else request


def _listed(options: argparse.Namespace) -> Iterator[Wanted]:
    if options.input_file is None:
        return
    from segdl.cli.inputfile import read_requests

    for request in read_requests(options.input_file, options.dir):
        if isinstance(request, SegdlError):
            yield request
            continue
        # Where the list tells no digest, and that was asked for.
        looks = options.checksum == AUTO and request.checksum is None
        asked = replace(request, checksum=AUTO) if looks else request
        if not _is_document(request.url, options):
            yield asked
        elif request.mirrors:
            yield UsageError(
                f"{parse_url(request.url)}: mirrors go with the URL of a file",
                hint="a Metalink document names its own",
            )
        else:
            yield Document(asked)


def _expanded(run: Run, wanted: Iterator[Wanted]) -> Iterator[Request | SegdlError]:
    for item in wanted:
        if not isinstance(item, Document):
            yield item
            continue
        from segdl.engine.documents import read_document

        try:
            yield from read_document(run, item.asked)
        except SegdlError as error:
            yield error

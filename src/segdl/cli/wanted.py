"""What the command line asks for: a request a file, however long the lists are."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from segdl.cli.places import is_document, names_documents
from segdl.core.checksum import AUTO
from segdl.core.url import parse_url
from segdl.errors import SegdlError, UsageError
from segdl.options import Request

if TYPE_CHECKING:
    from segdl.engine.run import Run


class Document(NamedTuple):
    """A Metalink document: `asked` has its URL or path, and what else is said of its files."""

    asked: Request


Wanted: TypeAlias = Request | Document | SegdlError


def requests(run: Run, options: argparse.Namespace) -> Iterator[Request | SegdlError | None]:
    """Yield a request for each file, or the error in its place; None where nothing came yet."""
    named = _named(options)
    if options.input_file is None and not names_documents(options):
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
        document = place in options.metalink or is_document(place, options)
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
        if not is_document(request.url, options):
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

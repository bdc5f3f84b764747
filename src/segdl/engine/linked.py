"""Mirrors and documents that a server names in its Link fields (RFC 6249)."""

from __future__ import annotations

import os
from dataclasses import replace

from segdl.core.expected import Expected
from segdl.core.head import Head
from segdl.core.link import duplicates, metalinks, parse_links
from segdl.core.markup import MOST_BYTES
from segdl.core.metalink import parse_metalink
from segdl.core.metalinkfile import MetalinkFile
from segdl.core.mirrorurl import MOST_MIRRORS
from segdl.core.sums import file_name
from segdl.core.url import Location
from segdl.engine.contact import Contact
from segdl.engine.documents import expected_of
from segdl.engine.small import read_small
from segdl.engine.task import Task, mirrors_of
from segdl.errors import IntegrityError, NetworkError, ServerError, UsageError
from segdl.net.credentials import Credentials
from segdl.progress.events import Note


def with_linked(task: Task, contact: Contact) -> Task:
    """Return the download with what the server of its URL names, where that was asked for.

    Its word counts only where it told a digest of the whole file: mirrors are no worse then
    than the digest. A redirect is its word, too; what a mirror names is not.

    Args:
        task: the download.
        contact: what the server said; let go of where a document has to be fetched.
    """
    told = task.source.told
    if not task.run.transfer.metalink_over_http or told is None or not told.link:
        return task
    if task.source.asked.url != task.asked.url:
        return task
    sender = task.source.asked
    links = parse_links(told.link, sender)
    expected = task.request.expected
    urls: list[str] = []
    digest = told.version.digest
    if digest is not None and digest.checksum.proves:
        urls = [mirror.url for mirror in duplicates(links, sender)]
        expected = _told(expected, told, sender)
    near = [place for place in metalinks(links) if place.origin == sender.origin]
    if near and not task.request.expected.verifiable:
        contact.release()
        file = _described(task, near[0])
        found = None if file is None else _fitting(task, contact, file, near[0])
        if file is not None and found is not None:
            expected = found
            urls += [mirror.url for mirror in file.mirrors]
    return _with(task, contact, expected, urls)


def _told(expected: Expected, told: Head, sender: Location) -> Expected:
    """Add the digest of a redirect; that of an answer is heeded anyway."""
    claim = told.version.digest
    if expected.checksum is not None or claim is None or told.status < 300:
        return expected
    source = f"the {claim.source} of {sender.origin.host}"
    return expected._replace(checksum=claim.checksum, source=source)


def _described(task: Task, place: Location) -> MetalinkFile | None:
    """Return what a document says of the file; None, and a line, where it says nothing."""
    run = task.run
    source = task.source.sibling(place, Credentials(run.network, task.request, place))
    try:
        _, data = read_small(run, source, task.number, MOST_BYTES + 1)
        files = parse_metalink(data, str(place), windows=os.name == "nt")
    except (IntegrityError, NetworkError, ServerError, UsageError) as error:
        task.run.emit(Note(task.number, f"going on without the document: {error.message}"))
        return None
    finally:
        task.source.count(source.sent)
    name = file_name(task.asked)
    named = [file for file in files if file.name.rpartition("/")[2] == name]
    chosen = files if len(files) == 1 else named
    return chosen[0] if len(chosen) == 1 else None


def _fitting(task: Task, contact: Contact, file: MetalinkFile, place: Location) -> Expected | None:
    """Return what a document says, unless it is of another file or says nothing to go by."""
    found = expected_of(file, str(place))
    size = contact.version.size
    why = None if size is None else found.misfit(size)
    if why is not None:
        task.run.emit(Note(task.number, f"going on without the document: {why}"))
    return found if found.verifiable and why is None else None


def _with(task: Task, contact: Contact, expected: Expected, urls: list[str]) -> Task:
    known = {source.asked.url for source in (task.source, *task.mirrors)}
    known.add(contact.location.url)
    new = [url for url in dict.fromkeys(urls) if url not in known][:MOST_MIRRORS]
    request = replace(task.request, expected=expected)
    # The user did not name these.
    named = replace(request, entrusted=request.url) if request.entrusted is None else request
    sources = mirrors_of(task.run, named, task.source, new)
    return task._replace(request=request, mirrors=(*task.mirrors, *sources))

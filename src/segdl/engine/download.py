"""One file, from its URL to its final name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from segdl.core.identity import Match, Version, compare, is_page
from segdl.core.spans import Span
from segdl.core.url import parse_url
from segdl.engine.belonging import OtherFileError
from segdl.engine.contact import Contact, first_range
from segdl.engine.ending import finished, left
from segdl.engine.opening import open_download
from segdl.engine.outright import Outright
from segdl.engine.place import TakenError, choose_target, target_of
from segdl.engine.run import Run
from segdl.engine.task import Task
from segdl.engine.webpage import page_instead
from segdl.errors import NetworkError, ServerError, TargetLockedError
from segdl.options import Request
from segdl.progress.events import Note
from segdl.results import DownloadResult
from segdl.store.target import Target


def _go_on(task: Task, contact: Contact) -> None:
    """Let a download go on, whatever the server said."""


def download(
    run: Run,
    request: Request,
    number: int = 1,
    on_contact: Callable[[Task, Contact], None] = _go_on,
) -> DownloadResult:
    """Download one file; returns when it has its final name.

    Args:
        run: the surroundings.
        request: what is wanted.
        number: the file's number within the run, for events.
        on_contact: called with the first answer; what it raises ends the download.

    Raises:
        SegdlError: nothing new has the final name; what was fetched is kept.
    """

    def first(task: Task) -> Span:
        # What is taken on with its answer was looked at before that was asked for.
        if task.run.one_answer is not None:
            return task.run.one_answer
        return first_range(task.run.transfer, only_look=_left_something(task))

    skipped, patient = 0, False
    while True:
        with open_download(run, request, number, first, skipped=skipped, patient=patient) as (
            task,
            contact,
        ):
            on_contact(task, contact)
            try:
                return _with_contact(task, contact)
            except OtherFileError as error:
                if patient and not task.behind:
                    raise
                # The one whose file it is was asked once only.
                patient = patient or not task.behind
                run.emit(Note(number, error.message))
            except (NetworkError, ServerError) as error:
                if not task.behind or not request.expected.verifiable:
                    raise
                # Who answers next need not prove itself to one that is gone: the digest tells.
                host = parse_url(request.mirrors[-task.behind]).origin.host
                run.emit(Note(number, f"going on with {host}: {error.message}"))
        skipped = len(request.mirrors) + 1 - task.behind if task.behind else 0


def _left_something(task: Task) -> bool:
    """Tell whether an earlier run left something where this one would probably look."""
    target = target_of(task.request, task.asked.path)
    # A file that is known is left alone by the answer itself, or replaced.
    request = task.request
    replaces = task.run.transfer.if_exists == "overwrite" or request.held is not None
    finished = (request.guessed or not replaces) and os.path.lexists(target.path)
    return finished or os.path.lexists(target.workplace)


def _with_contact(task: Task, contact: Contact) -> DownloadResult:
    asked = target_of(task.request, task.asked.path, contact)
    if not task.request.expected.page and is_page(contact.version):
        raise page_instead(task)
    if is_held(task.request.held, contact):
        return left(task, asked, contact.version)
    busy: set[Path] = set()
    with Outright(task, contact) as outright:
        while True:
            target = choose_target(task, asked, contact.version, busy)
            try:
                return _at_target(task, target, contact, outright)
            except TargetLockedError:
                if task.run.transfer.if_exists != "rename":
                    raise
                busy.add(target.path)
            except TakenError:
                # The next choice is another.
                pass


def is_held(held: Version | None, contact: Contact) -> bool:
    """Tell whether the server has the version still that is here."""
    if held is None or contact.not_modified:
        return contact.not_modified
    same = compare(held, contact.version) is Match.SAME
    return held.proves and held.size == contact.version.size and same


def _at_target(task: Task, target: Target, contact: Contact, outright: Outright) -> DownloadResult:
    done, checksum = outright.fetch(target)
    if done:
        size = contact.version.size or 0
        return finished(task, target.path, contact.version, size, fetched=size, checksum=checksum)
    # Small files, which come outright, need not wait until these are loaded.
    if target.status() is not None:
        from segdl.engine.existing import is_left, leave

        if is_left(task, target, contact.version):
            return leave(task, target, contact.version)
    task.run.go_on()
    from segdl.engine.staged import fetch_staged

    return fetch_staged(task, target, contact, outright)

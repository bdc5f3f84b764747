"""The first word about a file: with its URL, or with the first mirror that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from segdl.core.checksum import AUTO
from segdl.core.spans import Span
from segdl.engine.claims import require_size
from segdl.engine.contact import ONE_BYTE, Contact, Ranges
from segdl.engine.run import Run
from segdl.engine.task import Task, open_task
from segdl.errors import IntegrityError, NetworkError, ServerError
from segdl.options import Request
from segdl.progress.events import Note, Probing

if TYPE_CHECKING:
    from segdl.engine.outcome import Opened


@contextmanager
def open_download(
    run: Run,
    request: Request,
    number: int,
    first: Callable[[Task], Span],
    *,
    skipped: int = 0,
    patient: bool = False,
) -> Iterator[tuple[Task, Contact]]:
    """Set up a download and make contact; a digest is looked for where that was asked for.

    Mirrors take the place of a URL that does not answer, or has another file than a list says.

    Args:
        run: the surroundings.
        request: what is wanted.
        number: the file's number within the run, for events.
        first: returns the bytes to ask for first.
        skipped: how many of the request's URLs are not asked any more.
        patient: ask the first of them as often as if there were no others.

    Raises:
        SegdlError: nobody has the file, or nobody can be asked.
    """
    look_for_digest = request.checksum == AUTO and request.expected.checksum is None
    for place in range(skipped, len(request.mirrors) + 1):
        with open_task(run, request, number, skipped=place) as task:
            run.emit(Probing(number, task.source.asked.public))
            only_look = look_for_digest or task.run.transfer.range is not None
            asked = ONE_BYTE if only_look else first(task)
            try:
                once = bool(task.mirrors) and not (patient and place == 0)
                contact = task.contacts.make(
                    asked, once=once, only_look=asked == ONE_BYTE, unless=request.unless
                )
                require_size(task, contact.version.size)
            except (NetworkError, ServerError, IntegrityError) as error:
                if not task.mirrors:
                    raise
                why = error.message.removeprefix(f"{task.source.asked}: ")
                host = task.source.asked.origin.host
                run.emit(Note(number, f"{host} is not asked any more: {why}"))
                continue
            try:
                if asked == ONE_BYTE and contact.ranges is Ranges.WORK:
                    contact.release()
                yield _looked(task, contact) if look_for_digest else _linked(task, contact), contact
            finally:
                contact.release()
            return


def taken(contact: Contact, *, begins: bool) -> Opened | None:
    """Take the open response where it brings the beginning of what is fetched first.

    Args:
        contact: its response is closed where it is of no use.
        begins: whether it does.
    """
    if not contact.is_open or not begins:
        contact.release()
        return None
    return contact.take(), contact.accept


# What only some downloads need is imported by them: starting takes longer than a small file.


def _linked(task: Task, contact: Contact) -> Task:
    """Add what the server names in Link fields, where that was asked for."""
    if not task.run.transfer.metalink_over_http:
        return task
    from segdl.engine.linked import with_linked

    return with_linked(task, contact)


def _looked(task: Task, contact: Contact) -> Task:
    """Add the digest that is found beside the URL."""
    from segdl.engine.beside import look_beside

    linked = _linked(task, contact)
    return linked._replace(claim=look_beside(linked, contact))

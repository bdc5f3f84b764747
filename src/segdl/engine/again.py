"""Bytes of a file that is all there, asked for once more."""

from __future__ import annotations

from collections.abc import Iterator

from segdl.core.selection import Selection
from segdl.core.spans import Span
from segdl.engine.contact import Contact, Ranges
from segdl.engine.contacts import Contacts
from segdl.engine.site import Site
from segdl.engine.task import Task
from segdl.errors import NetworkError, ServerError
from segdl.progress.events import Event, Progress

_STEP = 1024 * 1024


class Again:
    """Fetches bytes again, whatever breaks meanwhile. One thread uses it, and ends it.

    Args:
        task: the request.
        selection: which bytes of the remote file make the local one.
        size: bytes of the remote file.
    """

    def __init__(self, task: Task, selection: Selection, size: int | None) -> None:
        self._task = task
        self._selection = selection
        self._size = size
        self._contacts: dict[Site, Contacts] = {}

    def end(self) -> None:
        """Let go of every connection."""
        for contacts in self._contacts.values():
            contacts.release()

    def fetch(self, site: Site, span: Span, *, once: bool) -> Iterator[tuple[int, bytes]]:
        """Yield the bytes of `span` of the local file as a site has them, each with its place.

        Args:
            site: who is asked.
            span: may not cross from one piece of the selection into the next.
            once: without patience, as there are others who can be asked.

        Raises:
            SegdlError: it does not send them.
        """
        at = span.start
        while at < span.stop:
            contacts, contact = self._ask(site, Span(at, span.stop), once=once)
            begun, broken = at, None
            try:
                while (room := span.stop - at) and (
                    data := contacts.read(contact, min(_STEP, room))
                ):
                    yield at, data
                    at += len(data)
            except NetworkError as error:
                broken = error
            finally:
                contact.release()
            if at == begun or (broken and contacts.crawled):
                raise broken or NetworkError(
                    f"{site.name}: connection closed early", trouble="closed"
                )

    def _ask(self, site: Site, span: Span, *, once: bool) -> tuple[Contacts, Contact]:
        if site not in self._contacts:
            run = self._task.run._replace(emit=self._tell)
            self._contacts[site] = Contacts(run, site.source, self._task.number)
        contacts = self._contacts[site]
        contact = contacts.make(self._selection.remote(span), once=once)
        if contact.ranges is not Ranges.WORK or contact.version.size != self._size:
            contact.release()
            raise ServerError(f"{site.name}: it does not send pieces of this file")
        return contacts, contact

    def _tell(self, event: Event) -> None:
        # The file is all there: a wait does not take it back to its beginning.
        if not isinstance(event, Progress):
            self._task.run.emit(event)

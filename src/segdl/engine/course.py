"""Which version of a file is being had and from where, and what follows where it cannot be."""

from __future__ import annotations

from segdl.engine.aftermath import ChangedError, LiedError, UnrangedError
from segdl.engine.contact import Contact
from segdl.engine.site import Pin
from segdl.engine.sites import sites_of
from segdl.engine.task import Task
from segdl.engine.versions import (
    Keeping,
    changes_too_often,
    settle,
    start_over,
    write_down,
)
from segdl.engine.webpage import refuse_page
from segdl.errors import IntegrityError

# How often a file is begun anew before it is said that it keeps changing.
_MOST_RESTARTS = 3


class Course:
    """The way to one whole version. The file's own thread uses it.

    Args:
        task: the request.
        place: where the bytes wait.
        contact: the first answer.
        pin: the version, as `place` was reconciled with it.

    Attributes:
        contact: the last answer that may bring the beginning of the file.
        pin: the version that is to be fetched now.
        sites: where from.
    """

    def __init__(self, task: Task, place: Keeping, contact: Contact, pin: Pin) -> None:
        self._task = task
        self._place = place
        self.contact = contact
        self.pin = pin
        self.sites = sites_of(task, pin)
        self._restarts = 0

    def expel(self, lie: LiedError) -> None:
        """Go on without mirrors that sent other bytes, and without what they brought.

        Raises:
            IntegrityError: nobody is left whose word counts.
        """
        for mirror in lie.mirrors:
            if not self.sites.drop(mirror, f"it sent other bytes than the file's ({lie})"):
                raise IntegrityError(
                    f"{self._place.name}: the mirrors disagree ({lie})",
                    instead="mirrors",
                )
            self._place.drop(mirror.brought)
            mirror.brought.clear()

    def change(self, why: UnrangedError | ChangedError) -> None:
        """Go on in one piece, or with the version that there is now.

        Raises:
            RemoteChangedError: it keeps changing.
            SegdlError: there is nothing to go on with; the bytes are kept.
        """
        if isinstance(why, UnrangedError):
            self._in_one_piece(why)
        else:
            self._with_what_is_there(why)
        self.count_restart()

    def count_restart(self) -> None:
        """Take note that the file begins anew; not so where only mirrors are done without.

        Raises:
            RemoteChangedError: it did so too often.
        """
        self._restarts += 1
        if self._restarts > _MOST_RESTARTS:
            raise changes_too_often(self._place)

    def _in_one_piece(self, why: UnrangedError) -> None:
        task = self._task
        self.contact.release()
        self.contact = task.contacts.make(None)
        refuse_page(task, self.pin.version, self.contact.version)
        # Not before there is something to have instead.
        start_over(task, self._place, f"{why}: fetching in one piece")
        self.pin = Pin(self.contact.version, self.contact.ranges)
        self.sites = sites_of(task, self.pin)
        write_down(task, self._place, self.pin)

    def _with_what_is_there(self, why: ChangedError) -> None:
        self.pin, useless = settle(self._task, self.pin, why)
        if useless:
            start_over(self._task, self._place, useless)
        write_down(self._task, self._place, self.pin)
        self.sites.start_over(self.pin)

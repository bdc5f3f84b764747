"""What takes in what the workers of an engine bring: a mirror's folder, or its bucket."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from segdl.errors import SegdlError
from segdl.mirror.engines.asking import Terms
from segdl.mirror.engines.orders import Camp
from segdl.mirror.engines.parcel import Parcel
from segdl.mirror.job import Job


class Depot(Protocol):
    """Where the files of a run with an engine go. The driver's thread uses it."""

    def camp(self, *, topics: bool) -> AbstractContextManager[Camp]:
        """Have a place meanwhile where the workers of a run meet.

        Args:
            topics: whether they tell of their progress by a topic.

        Raises:
            SegdlError: it cannot be made.
        """

    def fresh(self, camp: Camp) -> Camp:
        """Return a camp as workers need it now: what is signed in it runs out.

        Raises:
            SegdlError: there are no credentials.
        """

    def parcel(self, terms: Terms, job: Job, number: int) -> Parcel:
        """Begin with a file.

        Args:
            terms: what all files have in common.
            job: the file.
            number: its number, for events.
        """

    def pause(self) -> float:
        """Return the seconds until anything may be brought."""

    def given_up(self) -> SegdlError | None:
        """Return why no file need wait for that; None where they are to."""

"""A wait that a server asks for, and that keeps everything."""

from __future__ import annotations

from segdl.core.causes import cause_of
from segdl.core.pace import LONGEST_WAIT
from segdl.core.verdict import Refused
from segdl.engine.contact import asks_too_long
from segdl.engine.run import Run
from segdl.engine.sites import Sites
from segdl.errors import ServerError
from segdl.progress.events import Waiting


class Pause:
    """Tells of waits, each once. The coordinator's thread owns it.

    Args:
        run: the surroundings.
        sites: where the file can be had.
        number: the file's, for events.
    """

    def __init__(self, run: Run, sites: Sites, number: int) -> None:
        self._run = run
        self._sites = sites
        self._number = number
        self._told = 0.0

    def tell(self, refusal: Refused | None) -> None:
        """Name the wait until a site may be asked, or end where nobody would wait so long.

        Args:
            refusal: the last one.

        Raises:
            ServerError: it takes too long.
        """
        pause = self._sites.pause()
        if not pause:
            return
        if pause > LONGEST_WAIT:
            other = ServerError(f"{self._sites.origin.name}: not asked again")
            raise asks_too_long(refusal.error if refusal else other, pause)
        until = self._run.clock() + pause
        if until > self._told + 0.5:
            self._told = until
            unasked = refusal is not None and refusal.after is None
            reason = refusal.error.message if refusal and unasked else "server asks to wait"
            cause = cause_of(refusal.error) if refusal else None
            self._run.emit(Waiting(self._number, pause, reason, cause))

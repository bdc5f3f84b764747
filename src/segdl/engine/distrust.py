"""What mirrors brought, had from the origin where the digest says that something is wrong."""

from __future__ import annotations

from segdl.core.checksum import Checksum
from segdl.core.plan import plan
from segdl.core.spans import Span, gaps
from segdl.engine.again import Again
from segdl.engine.planning import selection_of
from segdl.engine.site import Site
from segdl.engine.sites import Sites
from segdl.engine.task import Task
from segdl.engine.verify import Verification
from segdl.errors import ChecksumMismatchError, IntegrityError, NetworkError, ServerError
from segdl.progress.events import Note
from segdl.store.patch import Patch
from segdl.store.workplace import Workplace


class Distrust:
    """Has the origin's word for every byte of a joined file that is not right. One thread uses it.

    Samples do not show every lie, and a digest of the whole does not tell where it is wrong.

    Args:
        task: the request.
        place: where the joined file is.
        sites: who brought what in this run.
        size: its bytes.
    """

    def __init__(self, task: Task, place: Workplace, sites: Sites, size: int) -> None:
        self._task = task
        self._place = place
        self._sites = sites
        self._size = size
        self._selection = selection_of(task, sites.origin.pin)
        self._again = Again(task, self._selection, sites.origin.pin.version.size)

    def mend(
        self, verification: Verification, wrong: ChecksumMismatchError
    ) -> tuple[Checksum | None, int]:
        """Fetch what mirrors brought from the origin, and hash again if that is anything else.

        Args:
            verification: hashes the file.
            wrong: what it said.

        Returns the digest that was expected, and the bytes that were fetched again.

        Raises:
            ChecksumMismatchError: the digest is still wrong, or the origin does not send them.
        """
        origin = self._sites.origin
        try:
            fetched, liars = self._fetch()
        except (IntegrityError, NetworkError, ServerError) as error:
            why = error.message.removeprefix(f"{origin.name}: ")
            raise self._of(wrong, f", and {origin.host} does not send them: {why}") from error
        finally:
            self._again.end()
        if not liars:
            raise self._of(wrong)
        verification.begin_again()
        try:
            checksum = verification.check(self._size)
        except ChecksumMismatchError as still:
            raise self._of(still) from None
        for host in liars:
            text = f"{host} sent other bytes than the file's: fetched again from {origin.host}"
            self._task.run.emit(Note(self._task.number, text))
        return checksum, fetched

    def _fetch(self) -> tuple[int, list[str]]:
        """Replace what mirrors brought; return how much that is, and who sent other bytes."""
        fetched, liars = 0, dict[str, None]()
        origin = self._sites.origin
        mirrors = [site for site in self._sites.all if site is not origin and site.brought]
        if not mirrors:
            return 0, []
        hosts = ", ".join(dict.fromkeys(mirror.host for mirror in mirrors))
        text = f"the digest is not right: what {hosts} brought is fetched again from {origin.host}"
        self._task.run.emit(Note(self._task.number, text))
        with Patch(self._place.parts.whole) as file:
            for mirror in mirrors:
                for span in self._brought(mirror):
                    fetched += len(span)
                    if self._replace(file, span):
                        liars[mirror.host] = None
                origin.brought += mirror.brought
                mirror.brought.clear()
        return fetched, list(liars)

    def _brought(self, site: Site) -> list[Span]:
        """Return what a site brought, nothing across a cut of the selection."""
        others = gaps(Span(0, self._size), site.brought)
        return plan(self._size, others, connections=1, cuts=self._selection.cuts)

    def _replace(self, file: Patch, span: Span) -> bool:
        """Write `span` as the origin has it; tell whether that is anything else."""
        origin = self._sites.origin
        other = False
        for at, data in self._again.fetch(origin, span, once=not self._sites.asks(origin)):
            if file.read(at, len(data)) != data:
                file.write(at, data)
                other = True
        return other

    def _of(self, wrong: ChecksumMismatchError, why: str = "") -> ChecksumMismatchError:
        """Return the error, with who may be to blame but the digest."""
        task = self._task
        if not (task.mirrors or task.request.mirrors):
            return wrong
        # Of those that a list names the first is no better than the others.
        named = task.request.entrusted in {None, task.request.url}
        url = task.asked.url if named else None
        others = [site for site in self._sites.all if site.source.asked.url != url]
        hosts = list(dict.fromkeys(site.host for site in others if site.brought))
        known = [span for site in self._sites.all for span in site.brought]
        message = wrong.message
        if hosts:
            message += f": {', '.join(hosts)} brought bytes of it{why}"
        elif not gaps(Span(0, self._size), known):
            return wrong
        # Who brought what an earlier run left is not known.
        return ChecksumMismatchError(message, hint=wrong.advice, instead="alone")

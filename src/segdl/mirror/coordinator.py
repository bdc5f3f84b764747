"""One run of a mirror: reads the list, has files fetched, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from segdl.core.url import parse_url
from segdl.engine.gate import Gate
from segdl.engine.many import download_all
from segdl.engine.run import TICK, Run
from segdl.mirror.asking import Asking
from segdl.mirror.deleting import list_name
from segdl.mirror.endings import Endings
from segdl.mirror.feed import Feed
from segdl.mirror.happenings import Happening, Said, Taken
from segdl.mirror.hosts import Hosts
from segdl.mirror.intake import Intake
from segdl.mirror.job import Job
from segdl.mirror.ledger import Ledger
from segdl.mirror.listing import Found
from segdl.mirror.options import MirrorOptions
from segdl.mirror.place import Place
from segdl.mirror.profiles import Profiles
from segdl.mirror.reading import Reading
from segdl.mirror.result import RoundResult
from segdl.mirror.rotted import Rotted
from segdl.mirror.rows import Row
from segdl.mirror.successes import Successes
from segdl.mirror.terms import network_for_files
from segdl.mirror.underway import Underway
from segdl.options import Request, TransferOptions
from segdl.progress.events import Event, Progress
from segdl.results import DownloadResult

if TYPE_CHECKING:
    from segdl.mirror.engines.carrier import Carrier

# Seconds between two writes of what succeeded.
_WRITE_EVERY = 0.25


class Coordinator:
    """Owns the state of one round; its thread is the one that calls `go`.

    Args:
        run: the surroundings.
        options: the mirror.
        transfer: how files are fetched; the number of connections is decided here.
        ledger: what is known.
        tell: takes what happens; called from several threads, one at a time.
        read: begins to read the list; the list is what it yields.
        place: where the files are.
    """

    def __init__(
        self,
        run: Run,
        options: MirrorOptions,
        transfer: TransferOptions,
        ledger: Ledger,
        tell: Callable[[Happening], None],
        read: Callable[[], Generator[Found, None, None]],
        place: Place,
    ) -> None:
        network = run.network
        self._run = run._replace(network=network_for_files(network), emit=self._emit, puts_off=True)
        self._emit_on = run.emit
        self._options = options
        source = options.listing.source
        profiles = Profiles(options.hosts, source, lambda text: tell(Said(text)))
        self._asking = Asking(options, network, transfer, profiles)
        self._ledger = ledger
        self._tell = tell
        self._read = read
        self._place = place
        self._jobs: dict[int, Job] = {}
        self._numbers = 0
        self._underway = Underway()
        self._successes = Successes(ledger, run.clock)
        self._first = 0
        self._rotted = Rotted(tell)
        self._endings = Endings(
            ledger, self._successes, self._underway, self._rotted, tell, run.clock
        )
        self._carrier: Carrier | None = None

    @contextmanager
    def workers(self) -> Iterator[None]:
        """Have workers meanwhile, where the files are not fetched by this process.

        Raises:
            SegdlError: there are none, or they cannot work.
        """
        if self._options.engine is None:
            yield
            return
        from segdl.mirror.engines.camp import portable
        from segdl.mirror.engines.setting_up import open_carrier

        self._run = self._run._replace(network=portable(self._run.network))
        with open_carrier(
            self._run,
            self._options,
            self._options.engine,
            self._place.depot(self._options.engine.piece),
            self._tell,
            self._asking.cap,
        ) as self._carrier:
            yield

    def go(self) -> RoundResult:
        """Read the list once and carry it out.

        Raises:
            SegdlError: the list cannot be read at all, or the ledger cannot be written.
            CancelledError: the run was cancelled; everything that ended is written down.
        """
        hosts = Hosts(
            self._ledger,
            max_files=self._options.max_files,
            cap=self._asking.cap,
            pause=lambda url: self._gate_of(url).pause(),
            streams=lambda url: self._gate_of(url).streaming,
            patience=self._options.patience,
            clock=self._run.clock,
            is_ending=self._underway.is_ending,
        )
        listing = self._ledger.begin_listing(list_name(self._options.listing.source))
        self._first = self._first or listing
        intake = Intake(self._ledger, hosts, self._options, listing, self._place.look, self._first)
        this = RoundResult(intake)
        try:
            self._carry_out_list(this, hosts)
        finally:
            self._successes.write()
            done = this.done + intake.kept
            figures = (intake.files, intake.bytes, done, this.fetched, this.failed, 0)
            self._ledger.end_listing(intake.listing, figures, complete=this.clean)
        # Who has had enough ends the run as a signal does.
        if not self._is_enough(this):
            self._run.check_cancelled()
        return this

    def _carry_out_list(self, this: RoundResult, hosts: Hosts) -> None:
        most, first = self._options.max_files, self._numbers + 1
        with Reading(self._read, self._run.cancel) as reading, ExitStack() as stack:
            feed = Feed(this.intake, reading, self._options, self._tell, self._run.clock)
            requests = self._requests(this, hosts, feed)
            if self._carrier is None:
                outcomes = download_all(
                    self._run,
                    requests,
                    self._carry_out,
                    most,
                    first,
                    needs_thread=self._needs_thread,
                    settle=self._settle,
                )
            else:
                outcomes = self._carrier.carry(requests, self._jobs, most, first)
            stack.enter_context(closing(outcomes))
            for number, outcome in outcomes:
                self._endings.ended(this, hosts, self._jobs.pop(number), outcome)
                if self._is_enough(this):
                    # Who reads a pipe for the list would wait for its end.
                    self._run.cancel.set()
                    return

    def _gate_of(self, url: str) -> Gate:
        return self._run.gates.of(parse_url(url).origin)

    def _emit(self, event: Event) -> None:
        """Tell on what is told of a file, in its thread, and see how much of it is here."""
        self._emit_on(event)
        if isinstance(event, Progress):
            job = self._jobs.get(event.file)
            if job is not None:
                self._underway.note(job.row, event.done, event.size)

    def _needs_thread(self, number: int) -> bool:
        job = self._jobs[number]
        return self._place.needs_threads or job.large or not job.only_fetches

    def _is_enough(self, this: RoundResult) -> bool:
        most = 1 if self._options.fail_fast else self._options.max_failures
        return most is not None and this.failed >= most

    def _requests(
        self, this: RoundResult, hosts: Hosts, feed: Feed
    ) -> Generator[Request | None, None, None]:
        """Yield what to fetch next, None where nothing can be now; take the list in meanwhile."""
        while True:
            idle = not hosts.at_work
            feed.take_in(wait=idle and not hosts.left)
            self._successes.write(unless=_WRITE_EVERY)
            self._endings.give_up(this, hosts)
            if self._is_enough(this):
                self._run.cancel.set()
                return
            if self._rotted and this.intake.ended:
                self._successes.write()
                self._rotted.read_again(this.intake)
            for path, size in self._underway.sizes():
                hosts.mixture.learn(path, size)
            late = this.intake.ended and not hosts.has_early()
            row = hosts.next(late=late)
            for url, crowded in hosts.crowds(more=not this.intake.ended, late=late):
                self._gate_of(url).crowded = crowded
            if row is not None:
                if row.late and this.failed and row.had is not None:
                    self._endings.hold_back(this, hosts, row)
                    continue
                away = hosts.of(row.host).outage.away
                yield self._begin(this.intake, row, large=hosts.mixture.is_large(row), once=away)
            elif this.intake.ended and not hosts.left and idle:
                return
            else:
                if idle and hosts.left:
                    # Every host that has files waits.
                    self._run.cancel.wait(TICK)
                yield None

    def _begin(self, intake: Intake, row: Row, *, large: bool, once: bool) -> Request:
        self._numbers += 1
        entry = intake.apart.get(row.host, row.path)
        held, work = None, self._place.work
        if work is not None:
            row = work.seen_anew(row)
            held = work.held(row) if self._carrier is None else None
        request = self._asking.request(row, entry, held)
        taken = Taken(self._numbers, row.path, row.host, row.listed.size)
        job = Job(
            taken,
            row,
            request,
            # Whether a host is there again is soon seen.
            self._asking.transfer(row, once=once),
            self._twins(row),
            plain=not (self._options.exec or self._options.notes_digests),
            large=large,
            once=once,
        )
        self._jobs[self._numbers] = job
        self._tell(taken)
        return request

    def _twins(self, row: Row) -> tuple[Row, ...]:
        wanted = row.listed.checksum
        if wanted is None or not (row.has_twin and wanted.proves):
            return ()
        self._successes.write()
        return tuple(self._ledger.twins(wanted, row.id))

    def _carry_out(self, run: Run, request: Request, number: int) -> DownloadResult:  # noqa: ARG002
        return self._place.carry_out(run, self._jobs[number], number)

    def _settle(self, run: Run, number: int, result: DownloadResult) -> DownloadResult:
        assert self._place.work is not None
        return self._place.work.settle(run, self._jobs[number], number, result)

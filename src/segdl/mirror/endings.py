"""What came of a file, or of all that a host has: counted, written down and told."""

from __future__ import annotations

from collections.abc import Callable

from segdl.core.mirrorneed import Had
from segdl.core.pace import LONGEST_WAIT
from segdl.engine.busy import PutOffError
from segdl.engine.many import Failure, Outcome
from segdl.errors import CancelledError, NetworkError, SegdlError, ServerError
from segdl.mirror.advice import OF_A_FILE
from segdl.mirror.happenings import GaveUp, Happening, Paused, Said, lost
from segdl.mirror.host import Host
from segdl.mirror.hosts import Hosts
from segdl.mirror.job import Job, done
from segdl.mirror.ledger import Ledger
from segdl.mirror.result import RoundResult
from segdl.mirror.rotted import Rotted
from segdl.mirror.rows import Row
from segdl.mirror.successes import Successes
from segdl.mirror.underway import Underway
from segdl.results import DownloadResult

_OF_SERVERS = 500


class Endings:
    """Takes note of how files end. The coordinator's thread owns it.

    Args:
        ledger: where it is written down.
        successes: those that it does not know of yet.
        underway: how far files at work are.
        rotted: files that were found corrupt.
        tell: takes what happens.
        clock: seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        successes: Successes,
        underway: Underway,
        rotted: Rotted,
        tell: Callable[[Happening], None],
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._successes = successes
        self._underway = underway
        self._rotted = rotted
        self._tell = tell
        self._clock = clock

    def ended(self, this: RoundResult, hosts: Hosts, job: Job, outcome: Outcome) -> None:
        """Take note of what came of a file: it is right, lost, or waits for its host again."""
        for twin in job.rotted:
            # This run may end before it is mended.
            self._ledger.doubt(twin)
            self._rotted.note(twin)
        error = outcome.error if isinstance(outcome, Failure) else None
        size_told = self._underway.ended(job.row)
        if isinstance(error, PutOffError):
            if not hosts.put_off(job.row, error):
                self._lost(this, job, error.refusal)
            return
        trouble = error.message if error is not None and _is_outage(job, error) else None
        # What is done without its server says nothing of that.
        heard = isinstance(outcome, Failure) or outcome.requests > 0
        refused = _is_refusal(error)
        again = hosts.ended(job.row, trouble, heard=heard and not refused)
        if refused:
            hosts.busy(hosts.of(job.row.host))
        outage = hosts.of(job.row.host).outage
        if trouble is not None and outage.away:
            seconds = max(0.0, outage.not_before - self._clock())
            self._tell(Paused(job.row.host, seconds, trouble))
        if isinstance(outcome, DownloadResult):
            assert job.had is not None
            if not size_told:
                hosts.mixture.learn(job.row.path, job.had.stat.size)
            self._right(this, job, job.had, outcome)
        elif not again and not isinstance(outcome.error, CancelledError):
            self._lost(this, job, outcome.error)

    def _right(self, this: RoundResult, job: Job, had: Had, result: DownloadResult) -> None:
        unrun = job.hook_failed is not None or (job.row.unrun and not job.hook_ran)
        self._successes.add(job.row, had, unrun=unrun)
        this.intake.apart.forget(job.row.host, job.row.path)
        this.done += 1
        this.fetched += job.how != "unchanged"
        this.repaired += job.how == "repaired"
        if job.hook_failed:
            this.failures.note(SegdlError(job.hook_failed))
            self._tell(Said(job.hook_failed))
        self._tell(done(job, had, result))

    def _lost(self, this: RoundResult, job: Job, error: SegdlError) -> None:
        error.advise(OF_A_FILE)
        this.intake.apart.forget(job.row.host, job.row.path)
        with self._ledger.transaction():
            self._ledger.failed(job.row, error)
        this.failures.note(error)
        this.failed += 1
        self._tell(lost(job.taken, job.request.url, error, job.row.listed.checksum))

    def hold_back(self, this: RoundResult, hosts: Hosts, row: Row) -> None:
        """Leave a list as it was: it may name what could not be had."""
        hosts.ended(row, heard=False)
        this.intake.apart.forget(row.host, row.path)
        with self._ledger.transaction():
            self._ledger.put_back(row)
        this.held_back += 1
        self._tell(Said(f"{row.path} is left as it was: files failed that it may name"))

    def give_up(self, this: RoundResult, hosts: Hosts) -> None:
        """Leave the files of hosts that are hopeless to the next run."""
        for host, rows in hosts.given_up():
            why, error = _given_up(host, hosts.pause(host))
            with self._ledger.transaction():
                for row in rows:
                    self._ledger.failed(row, error)
            files, size = self._ledger.give_up(host.name, error)
            files += len(rows)
            size += sum(row.listed.size or 0 for row in rows)
            at_work = {row.path for row in host.working.values()}
            this.intake.apart.forget_waiting(host.name, at_work)
            # Those that the list names later are given up as they are read.
            if host.name not in this.given_up:
                this.failures.note(error)
                this.given_up.add(host.name)
            this.failed += files
            self._tell(GaveUp(host.name, files, size, why))


def _is_outage(job: Job, error: SegdlError) -> bool:
    """Tell whether a failure is its host's: a proxy before one that is away answers for it."""
    if isinstance(error, ServerError) and job.once:
        return error.status is not None and error.status >= _OF_SERVERS
    return isinstance(error, NetworkError)


def _is_refusal(error: SegdlError | None) -> bool:
    return isinstance(error, ServerError) and error.status in {429, 503}


def _given_up(host: Host, pause: float) -> tuple[str, SegdlError]:
    """Return why the files of a host are left to the next run."""
    away = host.outage.away
    if away:
        why = host.trouble
    elif host.refusing and pause <= LONGEST_WAIT:
        why = f"it has asked to come back later for {host.refusing.seconds:.0f} s"
    else:
        why = f"it asks to wait {pause:.0f} s"
    kind = NetworkError if away else ServerError
    return why, kind(f"{host.name} is given up: {why}", hint="its files wait for the next run")

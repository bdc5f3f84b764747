"""One file of a mirror, in the thread that it was given to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from segdl.core.checksum import read_checksum
from segdl.core.identity import Version
from segdl.core.mirrorneed import Had, Need, Stat, lasting, listed_for_good, need_of
from segdl.core.pieces import covers
from segdl.core.text import human_size
from segdl.core.url import parse_url
from segdl.engine.download import download
from segdl.engine.run import Run
from segdl.errors import ChecksumMismatchError
from segdl.mirror.aside import Aside, drop_parts, keep_right_pieces, kept_as
from segdl.mirror.happenings import Happening, Said
from segdl.mirror.job import Job, found_right
from segdl.mirror.options import MirrorOptions
from segdl.mirror.rows import Row
from segdl.mirror.stat import stat_of
from segdl.mirror.twins import link_twin
from segdl.options import Request
from segdl.results import DownloadResult
from segdl.store.digests import digests_of
from segdl.store.faults import disk_errors, shown
from segdl.store.record import is_own
from segdl.store.state import State
from segdl.store.target import Target


class Work:
    """Carries jobs out. Threads share it; nothing of it changes.

    Args:
        options: the mirror.
        say: takes what happens.

    Attributes:
        aside: takes files that are not what they should be.
    """

    def __init__(self, options: MirrorOptions, say: Callable[[Happening], None]) -> None:
        self._options = options
        self.say = say
        self.aside = Aside(options.directory)

    def carry_out(self, run: Run, job: Job, number: int) -> DownloadResult:
        """Make a file what the list says it is.

        Raises:
            SegdlError: it cannot be done; what was there, and was right, is there still.
        """
        result = self.at_hand(run, job) or self.fetch(run, job, number)
        return self.ended(run, job, result)

    def at_hand(self, run: Run, job: Job) -> DownloadResult | None:
        """Do without its server: with what is here, or another file that is the same."""
        if job.row.need is not Need.READ and not job.twins:
            return None
        path = self._options.directory / job.row.path
        return self._here(run, job, path) or self._from_twin(run, job, path, run.clock())

    def settle(self, run: Run, job: Job, number: int, result: DownloadResult) -> DownloadResult:
        """Do what `carry_out` does for a file once another process has downloaded it.

        Raises:
            SegdlError: it cannot be done.
        """
        if result.status == "skipped" and self.held(job.row) != job.request.held:
            # What the server was told of was touched meanwhile.
            return self.carry_out(run, job, number)
        self.fetched(run, job, self._path(job, result), result)
        return self.ended(run, job, result)

    def ended(self, run: Run, job: Job, result: DownloadResult) -> DownloadResult:
        """Run the program that is to be run for a file that is new here."""
        if result.status == "skipped":
            # A run that was killed may have left something beside it.
            drop_parts(self._options.directory, job.row.path)
        if self._options.exec and (job.how != "unchanged" or _is_news(job)):
            # Few have one, and what starts a program takes time to load.
            from segdl.mirror.hook import run_hook

            path = self._options.directory / job.row.path
            job.hook_ran = True
            job.hook_failed = run_hook(run, self._options.exec, path)
        return result

    def _here(self, run: Run, job: Job, path: Path) -> DownloadResult | None:
        """Hash what is here, and return it as the result if it is what the list wants."""
        row = job.row
        if row.need is not Need.READ:
            return None
        found = stat_of(path)
        if found is None:
            return None
        had = row.had if row.had is not None and row.had.stat == found else None
        listed = row.listed.checksum
        first = listed or (had.checksum if had else None)
        algorithms = {first.algorithm if first else "sha256"}
        if self._options.sums:
            algorithms.add("sha256")
        # Nothing is to be learnt of a file of another size that nobody knows.
        is_worth_it = row.had is not None or row.listed.size in {None, found.size}
        digests = _digests(run, path, algorithms) if is_worth_it else {}
        checksum = first if first and digests.get(first.algorithm) == first.hexdigest else None
        # Who wrote into it may have meant to, unless the list knows what it is.
        doubtful = had is not None or (listed is not None and checksum is None)
        if doubtful and _is_another(path, digests, row.had):
            self._set_aside(run, job, path, untouched=had is not None)
            return None
        before = had or Had(found, Version(size=found.size))
        job.had = replace(
            before,
            checksum=checksum or before.checksum,
            sha256=digests.get("sha256", before.sha256),
        )
        if need_of(row.listed, job.had, found) is not Need.NOTHING:
            return None
        job.how, job.verified = "unchanged", checksum.algorithm if checksum else None
        return found_right(job, path, found.size)

    def _set_aside(self, run: Run, job: Job, path: Path, *, untouched: bool) -> None:
        """Move a file away that is not any more what it was, and keep of it what is right."""
        pieces, had = job.pieces, job.row.had
        with disk_errors(path, "look at"):
            size = os.stat(path).st_size
        held = self.aside.move(run, path, job.row.path, fetched=untouched)
        why = "is not what the list says" if had is None else "is corrupt"
        self.say(Said(f"{shown(path)} {why}: it is kept as {shown(held.name)}"))
        job.how = "fetched" if had is None else "repaired"
        if pieces is None or had is None or not covers(pieces, size):
            return
        expected = job.request.expected.proof
        state = State(
            url=parse_url(job.request.url).public,
            version=had.version,
            listed=None if expected is None else str(expected),
        )
        again = keep_right_pieces(run, path, held, state, pieces)
        self.say(Said(f"{shown(path)}: {human_size(again)} of it are fetched again"))

    def _from_twin(self, run: Run, job: Job, path: Path, began: float) -> DownloadResult | None:
        """Have another file of the mirror that is the same under this name, too."""
        if not link_twin(run, self._options, job, path):
            return None
        assert job.had is not None
        self._add_sum(run, job, path)
        return found_right(job, path, job.had.stat.size, seconds=run.clock() - began)

    def fetch(self, run: Run, job: Job, number: int) -> DownloadResult:
        """Have it from its server, in this process.

        Raises:
            SegdlError: it cannot be had.
        """
        # It may have been touched since, or nobody has looked yet.
        request = self.asking(job.row, job.request)
        try:
            result = download(run._replace(transfer=job.transfer), request, number)
        except ChecksumMismatchError as error:
            target = Target(self._options.directory / job.row.path)
            aside = self.aside.move_fetched(run, target, job.transfer.layout, job.row.path)
            if aside is not None:
                error.resolve(kept_as(aside))
            raise
        self.fetched(run, job, self._path(job, result), result)
        return result

    def _path(self, job: Job, result: DownloadResult) -> Path:
        return result.path or self._options.directory / job.row.path

    def fetched(
        self, run: Run, job: Job, path: Path, result: DownloadResult, sha256: str | None = None
    ) -> None:
        """Take note of what is here now, whoever fetched it.

        Args:
            run: can be cancelled.
            job: the file.
            path: where it is.
            result: how it was fetched.
            sha256: its SHA-256, where somebody computed that.
        """
        row = job.row
        with disk_errors(path, "look at"):
            status = os.stat(path)
        found = Stat.of(status)
        version = lasting(result.version)
        told = listed_for_good(row.listed.modified, result.version, time.time() - result.seconds)
        if result.status == "skipped":
            job.how = "unchanged"
            before = job.had or (row.had if row.had and row.had.stat == found else None)
            job.had = replace(before or Had(found), version=version, listed_modified=told)
            self._add_sum(run, job, path)
            return
        checksum = row.listed.checksum
        if checksum is None or str(checksum) != result.checksum:
            checksum = read_checksum(result.checksum) if result.checksum else None
        job.verified = checksum.algorithm if checksum else None
        if checksum is not None and checksum.algorithm == "sha256":
            sha256 = checksum.hexdigest
        job.had = Had(found, version, told, checksum, sha256)
        self._add_sum(run, job, path)

    def _add_sum(self, run: Run, job: Job, path: Path) -> None:
        """Have the SHA-256 of a file be known where it is wanted, or nothing else will prove it."""
        wanted = self._options.sums or (self._options.verify and job.had and not job.had.checksum)
        if wanted and job.had is not None and job.had.sha256 is None:
            job.had = replace(job.had, sha256=_digests(run, path, {"sha256"})["sha256"])

    def seen_anew(self, row: Row) -> Row:
        """Return a file as it is to be begun with: what was put there since is not just replaced.

        Hours may have passed since the list was compared with what is here.
        """
        if row.need is not Need.FETCH or row.listed.checksum is None:
            return row
        found = stat_of(self._options.directory / row.path)
        known = found is None or (row.had is not None and row.had.stat == found)
        return row if known else replace(row, need=Need.READ)

    def asking(self, row: Row, request: Request) -> Request:
        """Return a request that asks for what is here, where that may be: see `Request.held`."""
        held = self.held(row)
        if held == request.held:
            return request
        return replace(request, held=held, guessed=held is not None and row.had is None)

    def held(self, row: Row) -> Version | None:
        """Return what the file that is here was when it was fetched, where that may be asked."""
        if row.need is Need.FETCH or row.listed.checksum is not None:
            return None
        found = stat_of(self._options.directory / row.path)
        if found is None:
            return None
        if row.had is not None:
            return row.had.version if row.had.stat == found else None
        # It takes time to load, and most lists tell what their files are.
        from email.utils import formatdate

        # Mirrors of all kinds leave the server's time on their files.
        modified = formatdate(found.modified // 1_000_000_000, usegmt=True)
        return Version(size=found.size, last_modified=modified)


def _is_news(job: Job) -> bool:
    """Tell whether an earlier run has put a file here, and its program was not run, or failed."""
    before, now = job.row.had, job.had
    same = before is not None and now is not None and before.stat == now.stat
    return job.row.unrun or (job.row.open and not same)


def _is_another(path: Path, digests: Mapping[str, str], had: Had | None) -> bool:
    """Tell whether a file is not what was fetched, whenever that was.

    Args:
        path: where it is.
        digests: what it has now.
        had: what is known of what was fetched; None where nothing is.
    """
    said = {name: known for name in digests if had and (known := had.known(name))}
    if said and all(digests[name] == known for name, known in said.items()):
        return False
    with disk_errors(path, "look at"):
        status = os.lstat(path)
    if had is not None and had.stat.is_of(status):
        return bool(said)
    # A run that was killed, or whose ledger is gone, may have fetched it.
    return not is_own(path, status)


def _digests(run: Run, path: Path, algorithms: set[str]) -> dict[str, str]:
    return digests_of(path, algorithms, lambda _: run.check_cancelled())

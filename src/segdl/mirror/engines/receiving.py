"""What workers brought gets its final name, once the driver has seen that it is right."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from segdl.core.checksum import Claim
from segdl.core.httpdate import parse_date
from segdl.engine.run import Run
from segdl.errors import ChecksumMismatchError, IntegrityError
from segdl.mirror.aside import kept_as
from segdl.mirror.engines.answers import Brought
from segdl.mirror.engines.pieced import Pieced
from segdl.mirror.job import Job
from segdl.mirror.moving import move
from segdl.mirror.stat import stat_of
from segdl.mirror.work import Work
from segdl.results import DownloadResult
from segdl.store.faults import disk_errors, shown
from segdl.store.files import EXISTING
from segdl.store.record import write_record
from segdl.store.target import Target


@dataclass(frozen=True, slots=True)
class Landing:
    """Where what workers bring gets its name.

    Attributes:
        run: the driver's surroundings.
        incoming: where they leave whole files.
        directory: the mirror.
        work: takes note of what is there.
    """

    run: Run
    incoming: Path
    directory: Path
    work: Work


def receive(landing: Landing, job: Job, brought: Brought) -> DownloadResult:
    """Take a whole file over from the camp.

    Raises:
        SegdlError: it is not what it should be, or the disk failed.
    """
    path = landing.directory / job.row.path
    result = replace(brought.result, path=path)
    if result.status == "skipped":
        found = stat_of(path)
        result = replace(result, size=found.size if found else 0)
    else:
        _require_right(job, brought, landing.incoming / brought.name)
        move(landing.run, landing.incoming / brought.name, path)
    landing.work.fetched(landing.run, job, path, result, brought.sha256)
    return landing.work.ended(landing.run, job, result)


def _require_right(job: Job, brought: Brought, place: Path) -> None:
    found, result = stat_of(place), brought.result
    if found is None or found.size != result.size:
        raise IntegrityError(
            f"{shown(job.row.path)}: what a worker brought is not here as it says",
            hint="the mirror's folder has to be the same for all",
        )
    listed = job.row.listed.checksum
    if listed is not None and result.checksum != str(listed):
        raise ChecksumMismatchError(
            f"{shown(job.row.path)}: a worker found {result.checksum}, the list has {listed}"
        )


def receive_pieced(
    landing: Landing,
    job: Job,
    pieced: Pieced,
    claims: tuple[Claim, ...],
    hexdigests: Mapping[str, str],
    result: DownloadResult,
) -> DownloadResult:
    """Give a file that was brought in pieces its name.

    Args:
        landing: where it goes.
        job: the file.
        pieced: its pieces, all of them.
        claims: the digests that it must have; they were computed.
        hexdigests: its digests.
        result: how it was fetched.

    Raises:
        SegdlError: it is not what it should be, or the disk failed.
    """
    path = landing.directory / job.row.path
    for claim in claims:
        found = hexdigests[claim.checksum.algorithm]
        if found != claim.checksum.hexdigest:
            place = landing.work.aside.move(landing.run, pieced.place, job.row.path, fetched=True)
            pieced.forget()
            raise ChecksumMismatchError(
                f"{shown(path)}: its {claim.checksum.algorithm} is {found}, "
                f"not {claim.checksum.hexdigest} as {claim.source} says",
                hint=kept_as(place),
            )
    with disk_errors(path, "write"):
        descriptor = os.open(pieced.place, EXISTING)
        try:
            modified = parse_date(pieced.version.last_modified)
            if modified is not None:
                os.utime(pieced.place, (modified, modified))
            write_record(descriptor, pieced.version, None, result.url)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    move(landing.run, pieced.place, path)
    pieced.forget()
    checksum = claims[0].checksum if claims else None
    result = replace(result, path=path, checksum=None if checksum is None else str(checksum))
    landing.work.fetched(landing.run, job, path, result, hexdigests.get("sha256"))
    return landing.work.ended(landing.run, job, result)


def set_brought_aside(landing: Landing, job: Job, left: str) -> Path | None:
    """Keep what was fetched whole, and is wrong, beside where it would be; return where."""
    target = Target(landing.incoming / left)
    return landing.work.aside.move_fetched(landing.run, target, "parts", job.row.path)

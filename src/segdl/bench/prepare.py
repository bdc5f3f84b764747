"""What a benchmark is going to do, from what the server says and the user wants."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from segdl.bench.contenders import Contender, LeftOut, own_contenders, peer_contenders
from segdl.bench.job import Job, default_cap
from segdl.core.checksum import Checksum
from segdl.core.url import parse_url
from segdl.engine.inspect import RemoteFile, inspect
from segdl.engine.surroundings import open_run
from segdl.errors import UsageError
from segdl.options import NetworkOptions, Request, TransferOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user asked for.

    Attributes:
        url: http or https.
        network: how to reach it.
        connections: what `-j` takes, each to be tried.
        against: names of other programs.
        rounds: how often each contender runs.
        most: bytes of the file to fetch; 0 is all of them, None leaves it to segdl.
        checksum: that every copy of the whole file must have.
    """

    url: str = field(repr=False)
    network: NetworkOptions
    connections: tuple[str, ...]
    against: tuple[str, ...]
    rounds: int
    most: int | None
    checksum: Checksum | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is going to be done.

    Attributes:
        wishes: what was asked for.
        job: what each contender fetches.
        name: of the file.
        contenders: who takes part.
        left_out: who does not.
    """

    wishes: Wishes
    job: Job
    name: str
    contenders: tuple[Contender, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def runs(self) -> int:
        """How many runs there will be."""
        return self.wishes.rounds * len(self.contenders)

    @property
    def total(self) -> int | None:
        """Bytes of all runs together; None where the server does not tell the size."""
        return None if self.job.length is None else self.job.length * self.runs


def prepare(wishes: Wishes, cancel: threading.Event) -> Plan:
    """Ask the server what it has, and plan.

    Raises:
        SegdlError: the server cannot be asked or says no, or there is nothing to measure.
    """
    transfer = TransferOptions()
    with open_run(wishes.network, transfer, lambda _: None, cancel, max_files=1) as run:
        remote = inspect(run, Request(url=wishes.url))
    return plan(wishes, remote)


def plan(wishes: Wishes, remote: RemoteFile) -> Plan:
    """Return what is going to be done with a file that is `remote`.

    Raises:
        UsageError: it is empty, or the checksum is of more than is to be fetched.
    """
    if remote.size == 0:
        raise UsageError(f"{remote.url} is empty", hint="measure with a larger file")
    location = parse_url(wishes.url)
    job = Job(
        url=location.url,
        public=location.public,
        size=remote.size,
        part=None,
        network=wishes.network,
        user=wishes.network.user or location.user,
    )
    connections = wishes.connections if remote.ranges else ("1",)
    # Whoever cannot fetch a part does not count in how large it may be.
    fewest, _ = _contenders(replace(job, part=1), connections, wishes.against)
    job = replace(job, part=_part(wishes, remote, len(fewest)))
    contenders, left_out = _contenders(job, connections, wishes.against)
    if not remote.ranges:
        reason = "the server does not send parts of this file"
        left_out = [LeftOut("more than one connection", reason), *left_out]
    return Plan(
        wishes=wishes,
        job=job,
        name=remote.name,
        contenders=tuple(contenders),
        left_out=tuple(left_out),
    )


def _contenders(
    job: Job, connections: Sequence[str], against: Sequence[str]
) -> tuple[list[Contender], list[LeftOut]]:
    own = own_contenders(job, connections)
    counts = [contender.connections for contender in own if contender.connections is not None]
    others, left_out = peer_contenders(job, against, counts)
    return own + others, left_out


def _part(wishes: Wishes, remote: RemoteFile, contenders: int) -> int | None:
    """Return how many bytes to fetch from the beginning of the file; None is all of them."""
    if not remote.ranges or remote.size is None:
        return None
    most = wishes.most
    if most is None and wishes.checksum is None:
        most = default_cap(wishes.rounds * contenders)
    if not most or most >= remote.size:
        return None
    if wishes.checksum is not None:
        raise UsageError(
            "the checksum is of the whole file, and --max-bytes fetches a part of it",
            hint="leave one of them out",
        )
    return most

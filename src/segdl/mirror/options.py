"""What the user asked a mirror to be, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from segdl.core.shards import Shard
from segdl.core.turns import Order
from segdl.errors import UsageError
from segdl.options import Headers

# What segdl keeps of a mirror in its folder: the ledger, the lock, reports, the trash.
FOLDER = ".segdl"
# In it, what workers bring, before it has its name.
INCOMING = "incoming"

MIB = 1024 * 1024

Delete = Literal["no", "trash", "now"]
EngineKind = Literal["processes", "dask"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingOptions:
    """How a list of files is read.

    Attributes:
        source: a path, ``-`` for standard input, or an http or https URL.
        formerly: sources that it had before, for what it named there is its own to delete.
        format: the name of the reader; None recognises it by content.
        base_url: what relative names are resolved against; None is where the list came from.
        depth: levels of folders that index pages are followed down; None is all.
        include: globs of which a path must match one; none lets everything in.
        exclude: globs of which a path may match none.
        robots: whether robots.txt is honoured where index pages are followed.
    """

    source: str = field(repr=False)
    formerly: tuple[str, ...] = field(default=(), repr=False)
    format: str | None = None
    base_url: str | None = field(default=None, repr=False)
    depth: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    robots: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HostProfile:
    """What holds for one host.

    Attributes:
        host: its name, lower case, with ``:PORT`` where it is meant for that port only.
        headers: sent to it, and to no other; unencrypted only where the user says so, see
            :mod:`segdl.mirror.profiles`.
        connections: the most at once, across all files; None is the run's.
    """

    host: str
    headers: Headers = field(default=(), repr=False)
    connections: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Other processes that fetch the files.

    Attributes:
        kind: where they are.
        workers: how many, of ``processes``.
        address: where the scheduler of ``dask`` is, as Dask writes it.
        piece: bytes; files of twice that and more are brought in pieces of at least that. Into a
            bucket all are that are sent in several parts.
        silence: seconds without a word after which a worker is taken for lost.
    """

    kind: EngineKind
    workers: int = 1
    address: str = ""
    piece: int = 64 * MIB
    silence: float = 60.0

    def __post_init__(self) -> None:
        if self.workers < 1 or self.piece < 1 or not self.silence > 0:
            raise UsageError("workers, piece and silence must be more than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOptions:
    """One mirror.

    Attributes:
        directory: the folder that is to be equal to the list.
        listing: the list.
        name: what reports call it; empty takes the folder's name.
        max_files: files at once.
        per_host: connections a host, across all files.
        order: ``largest`` files first, or as the ``list`` has them.
        delete: what is done with files that the list no longer has.
        max_delete: the share of the mirror's files that one run deletes at most, 0 to 1.
        verify: read what is on disk again, and repair it.
        rounds: how often the list is read at most, where it changes during the run.
        sums: write SHA256SUMS at the end.
        fail_fast: end with the first failure.
        max_failures: failures after which the run ends; None goes through the list.
        patience: seconds that a host may not answer before it is given up for this run.
        exec: program and arguments run for each file that was fetched; its path is added.
        hosts: what holds for single hosts.
        engine: other processes that fetch the files; None has this one do so.
        shard: the share of the list that this run sees to; None is all of it.
    """

    directory: Path
    listing: ListingOptions
    name: str = ""
    max_files: int = 16
    per_host: int = 6
    order: Order = "largest"
    delete: Delete = "no"
    max_delete: float = 0.1
    verify: bool = False
    rounds: int = 2
    sums: bool = False
    fail_fast: bool = False
    max_failures: int | None = None
    patience: float = 150.0
    exec: tuple[str, ...] = ()
    hosts: tuple[HostProfile, ...] = ()
    engine: EngineOptions | None = None
    shard: Shard | None = None

    @property
    def folder(self) -> Path:
        """Where ledger, lock, reports and trash are: a shard has its own."""
        return state_folder(self.directory, self.shard)

    @property
    def notes_digests(self) -> bool:
        """Whether files that nothing else proves are hashed as they come, to be compared later."""
        return self.sums or self.verify

    def __post_init__(self) -> None:
        if self.order not in get_args(Order) or self.delete not in get_args(Delete):
            raise UsageError("order is largest or list; delete is no, trash or now")
        if min(self.max_files, self.per_host, self.rounds) < 1:
            raise UsageError("max_files, per_host and rounds must be at least 1")
        if not 0 <= self.max_delete <= 1:
            raise UsageError("max_delete is a share from 0 to 1")


def state_folder(directory: Path, shard: Shard | None) -> Path:
    """Return where what segdl keeps of a mirror is, or of a shard of it."""
    folder = directory / FOLDER
    return folder if shard is None else folder / shard.name

"""What a command line of `segdl mirror` asks for."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from segdl.cli.asoptions import network_options
from segdl.cli.mirrorstate import check_bucket, prefix_of, state_of
from segdl.core.s3url import S3Place
from segdl.errors import UsageError
from segdl.mirror.options import (
    EngineOptions,
    HostProfile,
    ListingOptions,
    MirrorOptions,
)
from segdl.options import NetworkOptions, TransferOptions

# Files at once, with a thread each.
_MOST_HERE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A mirror as it was asked for, and what is shown and kept of its run."""

    mirror: MirrorOptions
    network: NetworkOptions
    transfer: TransferOptions
    report: Path
    log_json: Path | None
    metrics: str | None
    progress: str
    json: bool
    quiet: bool
    verbose: bool
    dry_run: bool = False
    prefix: S3Place | None = None

    @property
    def name(self) -> str:
        """What reports call it."""
        if self.prefix is not None:
            return self.mirror.name or str(self.prefix)
        return self.mirror.name or self.mirror.directory.resolve().name

    @property
    def where(self) -> str:
        """Where its files are."""
        return os.fspath(self.mirror.directory) if self.prefix is None else str(self.prefix)

    def result(self, exit_code: int) -> dict[str, object]:
        """Return what begins the object that ``--json`` prints."""
        return {"v": 1, "name": self.name, "directory": self.where, "exit_code": exit_code}


def _max_files(asked: int | None, engine: EngineOptions | None) -> int:
    if engine is not None:
        usual = 2 * engine.workers if engine.kind == "processes" else 256
        return asked or max(16, usual)
    if asked is not None and asked > _MOST_HERE:
        raise UsageError(f"--max-files is {_MOST_HERE} at most without --engine")
    return asked or 16


def wanted_of(
    options: argparse.Namespace, hosts: Iterable[HostProfile] = (), name: str = ""
) -> Wanted:
    """Return what a command line asks for.

    Raises:
        UsageError: it lacks something, or something cannot be meant.
    """
    if len(options.urls) != 2:
        hint = "write segdl mirror SOURCE DIR, or see segdl mirror --help"
        if options.delete != "no" and (how := {"trash", "now"}.intersection(options.urls)):
            # It could as well be a list of that name.
            hint = f"write --delete={how.pop()}, with the sign, where that is meant"
        raise UsageError("a mirror has a list and a folder", hint=hint)
    source, directory = options.urls
    network = replace(
        network_options(options), limit_rate=options.limit_rate, contact=options.contact
    )
    prefix = prefix_of(directory)
    if prefix is not None:
        check_bucket(options)
    elif options.state is not None:
        raise UsageError("--state is for mirrors in a bucket", hint="a folder holds its own")
    mirror = MirrorOptions(
        directory=folder_of(directory, options),
        name=name,
        listing=ListingOptions(
            source=source,
            formerly=tuple(options.formerly),
            format=options.format,
            base_url=options.base_url,
            depth=options.depth,
            include=tuple(options.include),
            exclude=tuple(options.exclude),
            robots=not options.no_robots,
        ),
        max_files=_max_files(options.max_files, options.engine),
        per_host=options.per_host,
        order=options.order,
        delete=options.delete,
        max_delete=options.max_delete,
        verify=options.verify,
        rounds=options.rounds,
        sums=options.sums,
        fail_fast=options.fail_fast,
        max_failures=options.max_failures,
        patience=options.patience,
        exec=_command(options.exec),
        hosts=tuple(hosts),
        engine=None if options.engine is None else replace(options.engine, piece=options.piece),
        shard=options.shard,
    )
    most = max([mirror.per_host, *(each.connections or 0 for each in mirror.hosts)])
    return Wanted(
        mirror=mirror,
        network=network,
        transfer=TransferOptions(
            connections=f"auto:{most}", retries=options.retries, layout=options.layout
        ),
        report=options.report_to or mirror.folder,
        log_json=options.log_json,
        metrics=options.metrics,
        progress="none" if options.quiet else options.progress,
        json=options.json,
        quiet=options.quiet,
        verbose=options.verbose,
        dry_run=options.dry_run,
        prefix=prefix,
    )


def folder_of(text: str, options: argparse.Namespace) -> Path:
    """Return the folder of a mirror's ledger: the mirror itself, or beside a bucket."""
    prefix = prefix_of(text)
    return state_of(prefix, options.state, options.endpoint_url) if prefix else Path(text)


def _command(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    try:
        command = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--exec cannot be read: {error}", hint="check its quotes") from None
    if not command:
        raise UsageError("--exec is empty", hint="name a program, or leave it out")
    return command

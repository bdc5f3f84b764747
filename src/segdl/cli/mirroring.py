"""One mirror that `segdl mirror` keeps: carried out, told of, and reported."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timezone

from segdl.cli.mirroroptions import Wanted
from segdl.cli.session import Printer, cancelled_by_signals, logging_to
from segdl.core.text import printable
from segdl.core.url import Origin, parse_url
from segdl.engine.helper import Helper, helping
from segdl.engine.surroundings import load_what_follows, open_run
from segdl.errors import DiskError, SegdlError, TargetLockedError
from segdl.mirror.advice import OF_THE_RUN, in_terms_of
from segdl.mirror.happenings import Ended, Happening, Said
from segdl.mirror.profiles import Profiles
from segdl.mirror.relist import Listing
from segdl.mirror.result import Result
from segdl.mirror.seen.audience import Audience, SeenOptions, audience
from segdl.mirror.session import Session
from segdl.mirror.terms import network_for_files, transfer_for_files
from segdl.progress.view import make_view
from segdl.store.faults import disk_errors, shown

_MANY_CONNECTIONS = 10
_MOST_ERRORS = 20


def mirror_one(wanted: Wanted) -> int:
    """Carry one mirror out, and return its exit code.

    Raises:
        SegdlError: it could not be begun, or not gone on with.
    """
    try:
        if wanted.dry_run:
            from segdl.cli.mirrorpreview import preview

            return preview(wanted)
        return _mirror_one(wanted)
    except SegdlError as error:
        if wanted.json:
            told = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
            printer = Printer(make_view("none", sys.stderr))
            try:
                printer.json({**wanted.result(error.exit_code), **told})
            except DiskError as unwritten:
                printer.error(unwritten)
        raise


def _mirror_one(wanted: Wanted) -> int:
    options = SeenOptions(progress=wanted.progress, log=wanted.log_json, metrics=wanted.metrics)
    insecure = wanted.network.insecure
    if wanted.mirror.engine is None:
        # Beside threads that are at work it would take several times as long.
        load_what_follows()
    with (
        cancelled_by_signals() as cancel,
        _helping(wanted) as helper,
        audience(options, sys.stderr, wanted.name) as told,
        logging_to(told, verbose=wanted.verbose, insecure=insecure),
    ):
        printer = Printer(told)
        if max(_per_host(wanted)) > _MANY_CONNECTIONS and not wanted.quiet:
            text = "more than 10 connections a host: many servers refuse that, or ban for it"
            printer.line(f"segdl: {text}", to_error=True)
        began = datetime.now(timezone.utc)
        try:
            with in_terms_of(OF_THE_RUN):
                result = _carry_out(wanted, told, cancel, helper)
        except TargetLockedError as error:
            # The report is that of the run that is at work.
            told(Ended(error.exit_code, printable(str(error), 2000)))
            raise
        except SegdlError as error:
            told.keep(str(error))
            told(Ended(error.exit_code, printable(str(error), 2000)))
            failed = _report(wanted, told, began, error.exit_code)
            if failed is not None and not isinstance(error, DiskError):
                printer.error(failed)
            raise
        exit_code = result.exit_code
        failed = _report(wanted, told, began, exit_code)
        if failed is not None:
            printer.error(failed)
            exit_code = exit_code or failed.exit_code
        told(Ended(exit_code))
        _say(wanted, result, exit_code, told, printer)
        return exit_code


def _helping(wanted: Wanted) -> AbstractContextManager[Helper | None]:
    """Have another process ready for small files; None where nothing is for it."""
    mirror = wanted.mirror
    # What it would log is not seen; and what a host may have of its own is counted here alone.
    alone = wanted.verbose or any(host.connections for host in mirror.hosts)
    if alone or wanted.prefix is not None or mirror.engine is not None:
        return nullcontext()
    transfer = transfer_for_files(wanted.transfer, connections=1)
    return helping(network_for_files(wanted.network), transfer, mirror.max_files)


def _carry_out(
    wanted: Wanted, told: Audience, cancel: threading.Event, helper: Helper | None
) -> Result:
    lock = threading.Lock()

    def tell(happening: Happening) -> None:
        with lock:
            told(happening)

    with open_run(
        wanted.network,
        wanted.transfer,
        tell,
        cancel,
        max_files=wanted.mirror.max_files,
        per_origin=wanted.mirror.per_host,
        own_caps=_own_caps(wanted),
        idle=max(_per_host(wanted)),
        helper=helper,
    ) as run:
        listing = Listing(run, wanted.mirror, lambda text: tell(Said(text)))
        place = None
        if wanted.prefix is not None:
            from segdl.mirror.bucket import InBucket
            from segdl.mirror.options import INCOMING

            place = InBucket(run, wanted.prefix, wanted.mirror.folder / INCOMING)
        session = Session(wanted.mirror, wanted.transfer, tell)
        return session.carry_out(
            run, listing.read, has_to_read_again=listing.has_to_be_read_again, place=place
        )


def _report(wanted: Wanted, told: Audience, began: datetime, exit_code: int) -> DiskError | None:
    """Write the report; return why that cannot be: the files matter more."""
    from segdl.mirror.seen.report import About
    from segdl.mirror.seen.report_files import write_report

    source = wanted.mirror.listing.source
    named = parse_url(source).public if "://" in source else printable(source, 1000)
    about = About(name=wanted.name, source=named, began=began, exit_code=exit_code)
    try:
        with in_terms_of(OF_THE_RUN):
            with disk_errors(wanted.report, "make"):
                wanted.report.mkdir(parents=True, exist_ok=True)
            write_report(wanted.report, told.report(about))
    except DiskError as error:
        return error
    return None


def _own_caps(wanted: Wanted) -> Callable[[Origin], int | None]:
    """Return what tells how many connections the user allows to an origin in particular."""
    profiles = Profiles(wanted.mirror.hosts, wanted.mirror.listing.source, lambda _: None)

    def own(origin: Origin) -> int | None:
        profile = profiles.of(origin)
        return None if profile is None else profile.connections

    return own


def _per_host(wanted: Wanted) -> list[int]:
    own = [each.connections or 0 for each in wanted.mirror.hosts]
    return [wanted.mirror.per_host, *own]


def _say(wanted: Wanted, result: Result, exit_code: int, told: Audience, printer: Printer) -> None:
    """Say how the run ended."""
    if wanted.progress == "none":
        # Nobody has said them yet.
        for failure in result.failures.first[:_MOST_ERRORS]:
            printer.error(failure)
        more = result.failures.count - _MOST_ERRORS
        if more > 0:
            text = f"segdl: and {more} failures more: see {shown(wanted.report / 'report.html')}"
            printer.line(text, to_error=True)
        repaired = sum(each.repaired for each in result.rounds)
        if repaired:
            text = f"files here that were not what they had been, and are repaired: {repaired}"
            printer.line(f"segdl: {text}", to_error=True)
    if wanted.json:
        printer.json({**wanted.result(exit_code), **_figures(result)})
    elif not wanted.quiet:
        printer.line(f"{shown(wanted.where)}  {told.summary()}")


def _figures(result: Result) -> dict[str, int]:
    last = result.rounds[-1]
    fetched = sum(each.fetched for each in result.rounds)
    return {
        "files": last.intake.files,
        "bytes": last.intake.bytes,
        "fetched": fetched,
        # The last round finds what those before it fetched.
        "kept": max(0, last.intake.kept + last.done - fetched),
        "failed": last.failed,
        "removed": result.removed,
    }

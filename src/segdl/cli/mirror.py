"""`segdl mirror`: keep a folder equal to a remote list of files."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from segdl.cli.mirroroptions import Wanted, wanted_of
from segdl.cli.mirrorparser import read_arguments
from segdl.cli.session import Printer
from segdl.errors import CancelledError, SegdlError, UsageError
from segdl.mirror.advice import OF_THE_RUN, in_terms_of
from segdl.progress.view import make_view


def mirror(arguments: Sequence[str]) -> int:
    """Carry out `segdl mirror` and return its exit code.

    Raises:
        SegdlError: it could not be begun, or not gone on with.
    """
    with in_terms_of(OF_THE_RUN):
        return _mirror(arguments)


def _mirror(arguments: Sequence[str]) -> int:
    options = read_arguments(arguments)
    if options.config is not None or options.check_config:
        from segdl.cli.mirrorconfig import read_config

        if options.config is None:
            raise UsageError("--check-config checks the file of --config", hint="give it")
        if options.report:
            raise UsageError("--report wants folders, not --config", hint="name them")
        mirrors = read_config(
            options.config,
            options.urls,
            arguments,
            thorough=options.check_config,
            ask=not options.status,
        )
        if options.check_config:
            return 0
        if options.status:
            from segdl.cli.mirrorstatus import status

            folders = [(each.mirror.directory, each.mirror.shard) for each in mirrors]
            return status(folders, as_json=options.json)
    elif options.report:
        from segdl.cli.mirrormerge import merge_reports

        return merge_reports(options)
    elif options.status:
        from segdl.cli.mirrorstatus import status_of_folders

        return status_of_folders(options)
    else:
        mirrors = [wanted_of(options)]
    return _mirror_all(mirrors)


def _mirror_all(mirrors: Sequence[Wanted]) -> int:
    """Carry several out, one after the other; return the first failure's code."""
    # Imported here: it takes time, which a wrong option must not wait for.
    from segdl.cli.mirroring import mirror_one

    if len(mirrors) == 1:
        return mirror_one(mirrors[0])
    first = 0
    for wanted in mirrors:
        try:
            with in_terms_of(OF_THE_RUN):
                code = mirror_one(wanted)
        except CancelledError:
            raise
        except SegdlError as error:
            Printer(make_view("none", sys.stderr)).error(error)
            code = error.exit_code
        first = first or code
    return first

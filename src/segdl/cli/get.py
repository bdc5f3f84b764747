"""`segdl [get]`: download each URL.

A connection is begun as soon as the command line has been read: to load what downloads takes
as long as to make one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from segdl.cli import places
from segdl.cli.bucket import take_prefix
from segdl.cli.getparser import get_parser
from segdl.core.url import parse_source
from segdl.errors import UsageError
from segdl.net.early import Early
from segdl.net.systemproxies import system_may_name_one


def get(arguments: Sequence[str]) -> int:
    """Carry out `segdl get` and return its exit code.

    Raises:
        SegdlError: nothing was begun.
    """
    options = get_parser().read(arguments)
    prefix = take_prefix(options)
    _check(options)
    early = _begin_to_connect(options)
    try:
        from segdl.cli.asoptions import network_options, transfer_options
        from segdl.cli.downloading import carry_out
        from segdl.cli.session import cancelled_by_signals

        # It may ask for a password: while it does, a signal ends the program at once.
        network, transfer = network_options(options), transfer_options(options)
        with cancelled_by_signals() as cancel:
            return carry_out(options, network, transfer, prefix=prefix, cancel=cancel, early=early)
    finally:
        if early is not None:
            early.close()


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before a byte is asked for."""
    places.check(options)
    if options.output == "":
        raise UsageError("--output is empty", hint="give a file name, or leave it out")
    for option in ("json", "dry_run"):
        if options.output == "-" and getattr(options, option):
            raise UsageError(
                f"-o - and --{option.replace('_', '-')} both want standard output",
                hint="leave one out",
            )


def _begin_to_connect(options: argparse.Namespace) -> Early | None:
    """Connect to the server of the one file that is wanted; None where others may be asked."""
    if not places.is_single(options) or options.if_exists == "skip":
        return None
    location = parse_source(options.urls[0])
    by_proxy = system_may_name_one() if options.proxy is None else bool(options.proxy)
    # Who has a limit says before connecting how much may come at once.
    if not location.is_web or by_proxy or options.limit_rate or _is_unsettled(options):
        return None
    try:
        return Early(location.origin, within=options.connect_timeout)
    except RuntimeError:
        # No thread for it: it will be told who needs one.
        return None


def _is_unsettled(options: argparse.Namespace) -> bool:
    """Tell whether more is to be asked of the user, or to be found wrong with the options."""
    asks_for_password = options.user is not None and ":" not in options.user
    return asks_for_password or options.key is not None or options.endpoint_url is not None

"""What a command line names: URLs of files, and documents that list some."""

from __future__ import annotations

import argparse
import re

from segdl.core.url import parse_source, parse_url
from segdl.errors import UsageError

_WORD = re.compile("[a-z]+")
_ENDING = re.compile(r"\.(meta4|metalink)(?=$|[?#])", re.IGNORECASE)


def check(options: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before a byte is asked for.

    Raises:
        UsageError: what is the matter.
    """
    named = len(options.urls) + len(options.metalink)
    if not named and options.input_file is None:
        raise UsageError("no URL", hint="write segdl URL, or see segdl --help")
    if options.input_file is not None or named > 1:
        _refuse_what_goes_with_one(options)
    if options.mirror and names_documents(options):
        raise UsageError(
            "--mirror goes with the URL of a file", hint="a Metalink document names its own"
        )
    for url in options.urls:
        if not _is_path(url, options):
            _refuse_word(url)
            parse_source(url)
    for place in options.metalink:
        if "://" in place:
            parse_url(place)


def _refuse_word(text: str) -> None:
    if _WORD.fullmatch(text):
        what = f"{text!r} is neither a URL nor, as first word, a command"
        raise UsageError(what, hint="see segdl --help")


def _refuse_what_goes_with_one(options: argparse.Namespace) -> None:
    # Not before it is needed: see segdl.cli.values.
    from segdl.core.checksum import AUTO

    for option in ("output", "checksum", "mirror"):
        if getattr(options, option) not in (None, AUTO, []):
            raise UsageError(
                f"--{option} goes with one URL",
                hint="write a list for -i, with out= and checksum= lines, mirrors after a TAB",
            )


def is_single(options: argparse.Namespace) -> bool:
    """Tell whether it is one file for sure."""
    return options.input_file is None and len(options.urls) == 1 and not names_documents(options)


def names_documents(options: argparse.Namespace) -> bool:
    """Tell whether a document is named on the command line itself."""
    return bool(options.metalink) or any(is_document(url, options) for url in options.urls)


def is_document(place: str, options: argparse.Namespace) -> bool:
    """Tell whether a URL or a path is that of a document."""
    if options.no_metalink:
        return False
    return (
        _ENDING.search(place if _is_path(place, options) else parse_source(place).path) is not None
    )


def _is_path(place: str, options: argparse.Namespace) -> bool:
    return not options.no_metalink and "://" not in place and bool(_ENDING.search(place))

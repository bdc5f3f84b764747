"""Requests and their answers, as the log shows them."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from segdl.core.text import printable
from segdl.core.url import Location
from segdl.net.answer import Answer

_log = logging.getLogger("segdl")


def log_answer(location: Location, headers: Mapping[str, str], answer: Answer) -> None:
    """Write down what was asked for, and what came for it.

    Args:
        location: where it was asked for; it is shown without user, password and query.
        headers: the request's header fields.
        answer: its answer.
    """
    if _log.isEnabledFor(logging.DEBUG):
        _log.debug(
            "GET %s %s: %s %s",
            location,
            headers.get("Range", ""),
            answer.status,
            printable(answer.fields.get("Content-Range", "")),
        )

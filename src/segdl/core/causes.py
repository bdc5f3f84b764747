"""Why a request has to be made again, in a few kinds that can be counted."""

from __future__ import annotations

from typing import Literal, TypeAlias

from segdl.errors import NetworkError, SegdlError, ServerError, Trouble

Cause: TypeAlias = Trouble | Literal["busy", "failing"]

CAUSES: dict[Cause, str] = {
    "name": "the host's name could not be resolved",
    "connect": "no connection came about",
    "proxy": "the proxy failed",
    "closed": "the connection was closed early",
    "silent": "nothing, or hardly anything, came any more",
    "slow": "far slower than other connections",
    "busy": "the server asked to come back later (429, 503)",
    "failing": "the server failed (other 5xx, 408)",
    "answer": "the answer was not what was asked for",
    "other": "something else",
}


def cause_of(error: SegdlError) -> Cause:
    """Return the kind of trouble that an error is about.

    Example:
        >>> cause_of(ServerError("h: the server answered 429", status=429))
        'busy'
    """
    match error:
        case NetworkError(trouble=trouble):
            return trouble
        case ServerError(status=429 | 503):
            return "busy"
        case ServerError(status=int(status)) if status >= 400:
            return "failing"
        case ServerError():
            return "answer"
        case _:
            return "other"

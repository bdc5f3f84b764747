"""One small frozen value for each way in which a server misbehaves.

A fault may act at two moments: `prepare` changes what the origin heeds (request
headers, validators) before the correct answer is made, `apply` rewrites that
answer. So faults combine: ``(FreshEtag(), CutAfter(1000, "reset"))``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from support.faults.answers import (
    LoginPage,
    RedirectTo,
    RefuseHead,
    Status,
)
from support.faults.base import Fault
from support.faults.ranges import (
    IgnoreRange,
    LongerBody,
    Multipart,
    ShiftedRange,
    ShorterRange,
    Unsatisfiable,
    WrongTotal,
)
from support.faults.validators import (
    FreshEtag,
    IgnorePreconditions,
    NoRangeWithPreconditions,
    NoValidators,
    WeakEtag,
)
from support.faults.wire import (
    Chunked,
    ChunkedCut,
    CutAfter,
    Drip,
    DripAndHold,
    EarlyHints,
    EmptyReply,
    EndlessHeaders,
    Garbage,
    Gzip,
    Http10,
    HugeHeader,
    NoLength,
    Silence,
    StallAfter,
    WrongLength,
)
from support.request import Request

__all__ = [
    "HUGE",
    "Answer",
    "Chunked",
    "ChunkedCut",
    "CutAfter",
    "Drip",
    "DripAndHold",
    "EarlyHints",
    "EmptyReply",
    "EndlessHeaders",
    "Fault",
    "FaultPlan",
    "FreshEtag",
    "Garbage",
    "Gzip",
    "Http10",
    "HugeHeader",
    "IgnorePreconditions",
    "IgnoreRange",
    "LoginPage",
    "LongerBody",
    "Multipart",
    "NoLength",
    "NoRangeWithPreconditions",
    "NoValidators",
    "RedirectTo",
    "RefuseHead",
    "ShiftedRange",
    "ShorterRange",
    "Silence",
    "StallAfter",
    "Status",
    "Unsatisfiable",
    "WeakEtag",
    "WrongLength",
    "WrongTotal",
    "always",
    "on",
    "sequence",
]

Answer = Fault | Sequence[Fault] | None
FaultPlan = Callable[[Request, int], Answer]

HUGE = 2**60  # a length that no disk has


def sequence(*faults: Answer) -> FaultPlan:
    """Give the first request the first fault, and so on; the rest none.

    Example: ``origin(content, faults=sequence(Status(503), None, CutAfter(100)))``
    """
    return lambda request, index: faults[index] if index < len(faults) else None


def always(*faults: Fault) -> FaultPlan:
    """Give every request all of these."""
    return lambda request, index: faults


def on(*indexes: int, fault: Answer) -> FaultPlan:
    """Give `fault` to the requests of these numbers, counted from 0."""
    return lambda request, index: fault if index in indexes else None

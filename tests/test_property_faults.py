"""Whatever faults in whatever order: the exact file or a SegdlError, and then the file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segdl.progress.events import Finished
from support import data
from support import faults as f
from support.fetching import NAME, fetch
from support.leaks import Leaks
from support.origin import Origin

SHORT = {"connect_timeout": 0.1, "stall_timeout": 0.1}
KIB = 1024

sizes = st.one_of(st.sampled_from([0, 1, 4096, 65536, 131072]), st.integers(0, 400 * KIB))
places = st.one_of(st.sampled_from([0, 1, 4096, 65536]), st.integers(0, 200_000))
ends = st.sampled_from(["close", "reset"])

# Every one of these either tells the truth or breaks a rule that a client can see.
single = st.one_of(
    st.builds(f.CutAfter, places, ends),
    st.builds(f.ChunkedCut, places, ends),
    st.builds(f.ShorterRange, st.integers(1, 100_000)),
    st.builds(f.ShiftedRange, st.integers(-5000, 5000).filter(bool)),
    st.builds(f.WrongTotal, st.sampled_from(["*", f.HUGE, 7])),
    st.builds(f.WrongLength, st.integers(1, 100_000)),
    st.builds(f.Chunked, st.integers(1000, 50_000)),
    st.builds(f.Status, st.sampled_from([400, 403, 404, 408, 416, 429, 500, 502, 503])),
    st.builds(f.Status, st.just(503), st.just(0)),
    st.builds(f.Unsatisfiable, st.sampled_from([None, "*", 3])),
    st.builds(f.EmptyReply, ends),
    st.sampled_from(
        [
            f.IgnoreRange(),
            f.Multipart(),
            f.Gzip(),
            f.Garbage(),
            f.LoginPage(),
            f.NoValidators(),
            f.FreshEtag(),
            f.FreshEtag(dated=True),
            f.WeakEtag(),
            f.IgnorePreconditions(),
            f.NoRangeWithPreconditions(),
            f.RedirectTo("/file.bin"),
            f.RedirectTo("file:///etc/passwd"),
            f.StallAfter(1000),
        ]
    ),
)
answers = st.one_of(st.just(()), st.lists(single, min_size=1, max_size=3).map(tuple))


def is_honest(faults: tuple[f.Fault, ...], first: bool) -> bool:
    """Leave out what nobody could see through: a page or another size at first contact."""
    kinds = {type(fault) for fault in faults}
    return not (first and kinds & {f.LoginPage, f.WrongTotal, f.Unsatisfiable})


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    size=sizes,
    connections=st.integers(1, 6),
    min_split=st.sampled_from([4096, 65536, 1024 * KIB]),
    plan=st.lists(answers, max_size=12),
    validators=st.booleans(),
    layout=st.sampled_from(["parts", "inplace"]),
)
def test_any_faults_in_any_order(
    size: int,
    connections: int,
    min_split: int,
    plan: list[tuple[f.Fault, ...]],
    validators: bool,
    layout: str,
) -> None:
    content = data.content(size, 7)
    plan = [faults if is_honest(faults, not index) else () for index, faults in enumerate(plan)]
    leaks = Leaks()
    how: dict[str, Any] = {
        "connections": connections,
        "min_split": min_split,
        "network": SHORT,
        "retries": 3,
        "layout": layout,
    }
    quiet: dict[str, Any] = {} if validators else {"etag": None, "last_modified": None}
    with (
        tempfile.TemporaryDirectory() as folder,
        Origin(content, faults=f.sequence(*plan), **quiet) as origin,
    ):
        fetched = fetch(origin.url, Path(folder), **how)
        assert len(origin.requests) < 120
        if fetched.error is None:
            fetched.is_whole(content)
        else:
            assert not (Path(folder) / NAME).exists()
            assert not fetched.told(Finished)
            origin.faults = None
            fetch(origin.url, Path(folder), **how).is_whole(content)
    leaks.check()

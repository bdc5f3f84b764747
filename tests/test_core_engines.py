"""Where files are cut, which share they are in, and how many of a host's are out at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.core.cutting import cut, is_large
from segdl.core.hostwindow import back, gone, may_go, opening, refused
from segdl.core.shards import Shard, parse_shard
from segdl.core.spans import Span, union
from segdl.errors import UsageError

MIB = 1024 * 1024


@given(st.integers(1, 1 << 50), st.integers(1, 1 << 40))
def test_pieces_tile_the_file_and_are_of_the_size_that_was_asked_for(size: int, least: int) -> None:
    if size // least > 2000:
        least = size // 2000 + 1
    pieces = cut(size, least)
    assert union(pieces) == [Span(0, size)]
    assert sum(map(len, pieces)) == size
    if is_large(size, max(least, 16 * MIB)) and least >= 16 * MIB:
        assert all(least <= len(each) < 2 * least + MIB for each in pieces[:-1])
        assert all(each.start % MIB == 0 for each in pieces)


@given(st.lists(st.text(min_size=1), unique=True), st.integers(1, 20))
def test_each_path_is_in_one_shard(paths: list[str], count: int) -> None:
    shards = [Shard(index, count) for index in range(count)]
    usable = [path for path in paths if path.isprintable()]
    assert all(sum(shard.has(path) for shard in shards) == 1 for path in usable)


def test_shards_are_of_about_the_same_size_and_never_change() -> None:
    paths = [f"d{n % 7}/f{n}" for n in range(10_000)]
    counts = [sum(Shard(index, 8).has(path) for path in paths) for index in range(8)]
    assert min(counts) > 1100
    # A run of another version must come to the same shares.
    assert [Shard(index, 8).has("pub/a.iso") for index in range(8)].index(True) == 5
    assert Shard(0, 1).has("\udcff")


@pytest.mark.parametrize("text", ["", "/", "1/", "/2", "2/2", "-1/2", "a/b", "1/0", "1/2/3", "٣/8"])
def test_what_is_no_shard_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_shard(text)


def test_a_window_shrinks_to_what_the_host_takes_and_opens_again() -> None:
    state = opening(6)
    while may_go(state, 0.0):
        state = gone(state, 0.0)
    assert state.out == 6
    for _ in range(4):
        state = refused(state, 1.0, None, 5.0)
    # Four of six were refused while two went on.
    assert (state.out, state.limit) == (2, 2)
    state = back(state)
    assert may_go(state, 1.0)
    state = gone(state, 1.0)
    assert not may_go(state, 1.0)
    assert may_go(state, 11.0), "one more is tried after a while"
    state = gone(state, 11.0)
    assert (state.out, state.limit) == (3, 3)
    assert not may_go(state, 11.5)
    assert may_go(state, 12.0), "and the next one soon, where that was taken"


def test_who_asks_to_wait_is_asked_nothing_until_then() -> None:
    state = gone(gone(opening(4), 0.0), 0.0)
    state = refused(state, 0.0, 30.0, 1.0)
    assert not may_go(state, 29.9)
    assert may_go(back(state), 30.0)
    alone = refused(gone(opening(4), 0.0), 0.0, None, 7.0)
    assert (alone.limit, alone.not_before) == (4, 7.0)


@given(st.lists(st.sampled_from(["go", "back", "refused", "wait"]), max_size=80), st.integers(1, 9))
def test_there_is_always_room_again_and_never_more_than_the_cap(did: list[str], cap: int) -> None:
    state, now = opening(cap), 0.0
    for what in did:
        if what == "go" and may_go(state, now):
            state = gone(state, now)
        elif what == "back" and state.out:
            state = back(state)
        elif what == "refused" and state.out:
            state = refused(state, now, None, 1.0)
        elif what == "wait":
            now += 3.0
        assert 0 <= state.out <= cap
        assert 1 <= state.limit <= cap
    while state.out:
        state = back(state)
    assert may_go(state, now + 10.0)

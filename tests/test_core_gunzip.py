"""gzip data, decompressed as they come, and never a part of them taken for the whole."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tracemalloc
from itertools import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.gunzip import gunzip
from segdl.errors import IntegrityError

TEXT = b"".join(b"%d https://example.org/%d\n" % (n, n * n) for n in range(1000))


def whole(*chunks: bytes) -> bytes:
    return b"".join(gunzip(chunks, "the list"))


@settings(deadline=None)
@given(
    members=st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    size=st.integers(1, 50),
    padding=st.integers(0, 20),
)
def test_any_members_in_any_pieces(members: list[bytes], size: int, padding: int) -> None:
    data = b"".join(map(gzip.compress, members)) + b"\0" * padding
    assert whole(*(data[at : at + size] for at in range(0, len(data), size))) == b"".join(members)


@settings(deadline=None)
@given(cut=st.integers(0, len(gzip.compress(TEXT)) - 1), size=st.sampled_from([1, 100, 10**6]))
def test_every_cut_is_an_error(cut: int, size: int) -> None:
    data = gzip.compress(TEXT)[:cut]
    with pytest.raises(IntegrityError, match="the list: the gzip data end too early"):
        whole(*(data[at : at + size] for at in range(0, len(data), size)))


def test_a_cut_second_member_is_an_error() -> None:
    with pytest.raises(IntegrityError, match="end too early"):
        whole(gzip.compress(TEXT), gzip.compress(TEXT)[:-1])


@pytest.mark.parametrize("at", [3, 40, -15, -5, -1])
def test_a_flipped_bit_is_an_error(at: int) -> None:
    data = bytearray(gzip.compress(TEXT))
    data[at] ^= 0x10
    with pytest.raises(IntegrityError):
        whole(bytes(data))


def test_what_is_behind_the_end_is_an_error() -> None:
    with pytest.raises(IntegrityError, match="damaged"):
        whole(gzip.compress(TEXT) + b"<html>")


def test_a_bomb_takes_no_memory() -> None:
    # 1 GiB of zeros in 1 MiB.
    bomb = gzip.compress(bytes(2**20)) * 1024
    tracemalloc.start()
    try:
        assert sum(map(len, gunzip([bomb], "the list"))) == 2**30
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_an_endless_one_is_decompressed_as_it_comes() -> None:
    endless = gunzip(repeat(gzip.compress(TEXT)), "the list")
    assert next(endless)[:10] == TEXT[:10]


def test_what_the_program_itself_makes() -> None:
    program = shutil.which("gzip")
    assert program is not None
    data = subprocess.run([program, "-9"], input=TEXT, capture_output=True, check=True).stdout
    assert whole(data) == TEXT

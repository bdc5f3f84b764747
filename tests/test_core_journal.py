"""The journal: whatever happened to it, it never claims a byte more than was there."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.journal import NO_BOOT, Kind, claim, header, place_of, read_journal
from segdl.core.spans import OPEN, Span, union

PURE = settings(deadline=None, derandomize=True, max_examples=150)
NOW, BEFORE = b"now" * 5 + b"!", b"before" * 2 + b"!!!!"
KEY, SIZE = 0xFEED5EED, 1_000_000
# start, written, synced
SLOTS = [(0, 5000, 4096), (100_000, 70, 0), (200_000, 0, 0), (300_000, 700_000, 1)]


def journal(
    slots: list[tuple[int, int, int]], *, size: int = SIZE, boot: bytes = NOW, key: int = KEY
) -> bytes:
    told = bytearray(header(size, key, boot))
    for slot, (start, written, synced) in enumerate(slots):
        told += claim(slot, Kind.WRITTEN, start, written, key)
        told += claim(slot, Kind.SYNCED, start, synced, key)
    return bytes(told) + bytes(200)


def held(slots: list[tuple[int, int, int]], which: int) -> list[Span]:
    return union(Span(slot[0], slot[0] + slot[which]) for slot in slots)


def within(spans: tuple[Span, ...], truth: list[Span]) -> bool:
    return all(any(t.start <= s.start and s.stop <= t.stop for t in truth) for s in spans)


def test_it_tells_what_it_was_told() -> None:
    told = read_journal(journal(SLOTS), NOW)
    assert (told.size, told.key) == (SIZE, KEY)
    assert (
        list(told.held)
        == held(SLOTS, 1)
        == [Span(0, 5000), Span(100_000, 100_070), Span(300_000, SIZE)]
    )


def test_the_documented_bytes() -> None:
    # Put together by hand from docs/inplace.md.
    head = b"\x89segdl\r\n" + struct.pack("<IIQ", 1, 0xABCD, 5000) + NOW
    written = struct.pack("<QQIII", 1000, 500, 0, 1, 0)
    flushed = struct.pack("<QQIII", 1000, 400, 0, 2, 0)
    told = (head + struct.pack("<I", zlib.crc32(head))).ljust(512, b"\0")
    told += written + struct.pack("<I", zlib.crc32(written, 0xABCD))
    told += flushed + struct.pack("<I", zlib.crc32(flushed, 0xABCD))
    assert read_journal(told, NOW).held == (Span(1000, 1500),)
    assert read_journal(told, BEFORE).held == (Span(1000, 1400),)
    assert told == header(5000, 0xABCD, NOW) + claim(0, Kind.WRITTEN, 1000, 500, 0xABCD) + claim(
        0, Kind.SYNCED, 1000, 400, 0xABCD
    )


@pytest.mark.parametrize(("written_in", "now"), [(BEFORE, NOW), (NO_BOOT, NO_BOOT), (NO_BOOT, NOW)])
def test_only_what_is_on_the_disk_counts_after_a_power_cut(written_in: bytes, now: bytes) -> None:
    told = read_journal(journal(SLOTS, boot=written_in), now)
    assert list(told.held) == held(SLOTS, 2) == [Span(0, 4096), Span(300_000, 300_001)]


def test_claims_that_touch_are_joined() -> None:
    told = read_journal(journal([(10, 10, 0), (0, 10, 0), (20, 5, 0)]), NOW)
    assert told.held == (Span(0, 25),)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cut short"),
        (journal([])[:511], "cut short"),
        (bytes(4096), "header is damaged"),
        (b"x" + journal(SLOTS)[1:], "header is damaged"),
        (journal([(0, 11, 0), (10, 5, 0)]), "overlap"),
        (journal([(0, 5, 0), (0, 5, 0)]), "overlap"),
        (journal([(0, 100, 0), (10, 5, 0)]), "overlap"),
        (journal([(0, SIZE + 1, 0)]), "behind the end"),
        (journal([(SIZE, 1, 0)]), "behind the end"),
        (journal([((1 << 64) - 1, (1 << 64) - 1, 0)], size=OPEN), "behind the end"),
        (journal([], size=OPEN + 1), "cannot be"),
    ],
)
def test_what_does_not_tile_the_file_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_journal(data, NOW)


def test_another_version_is_refused() -> None:
    fields = bytearray(header(SIZE, KEY, NOW)[:40])
    struct.pack_into("<I", fields, 8, 2)
    with pytest.raises(ValueError, match="version 2"):
        read_journal(bytes(fields) + struct.pack("<I", zlib.crc32(fields)) + bytes(468), NOW)


@pytest.mark.parametrize("boot", [NOW, BEFORE])
def test_cut_at_every_byte(boot: bytes) -> None:
    data, truth = journal(SLOTS), held(SLOTS, 1 if boot == NOW else 2)
    seen = set()
    for length in range(len(data) + 1):
        try:
            told = read_journal(data[:length], boot)
        except ValueError:
            assert length < 512
            continue
        assert within(told.held, truth)
        seen.add(told.held)
    # One claim after the other appears: what is before the cut is kept.
    assert len(seen) == len(truth) + 1
    assert list(read_journal(data, boot).held) == truth


@pytest.mark.parametrize("boot", [NOW, BEFORE])
def test_every_byte_flipped(boot: bytes) -> None:
    data, truth = bytearray(journal(SLOTS)), held(SLOTS, 1)
    damaged = 0
    for place in range(len(data)):
        for bit in (0x01, 0x10, 0x80, 0xFF):
            data[place] ^= bit
            try:
                told = read_journal(bytes(data), boot)
            except ValueError:
                assert place < 44
                damaged += 1
            else:
                assert within(told.held, truth)
                # No more than the slot that was hit is lost.
                lost = [span for span in truth if span not in told.held]
                assert len(lost) <= 1 or boot == BEFORE
            data[place] ^= bit
    assert damaged == 44 * 4


def test_a_torn_claim_counts_as_the_other_of_its_slot() -> None:
    data = bytearray(journal(SLOTS))
    data[place_of(0, Kind.WRITTEN)] ^= 1
    assert read_journal(bytes(data), NOW).held[0] == Span(0, 4096)
    data[place_of(0, Kind.SYNCED)] ^= 1
    assert read_journal(bytes(data), NOW).held[0] == Span(100_000, 100_070)


def test_claims_of_another_place_or_journal_are_none() -> None:
    for moved in (
        claim(1, Kind.WRITTEN, 0, 9, KEY),
        claim(0, Kind.SYNCED, 0, 9, KEY),
        claim(0, Kind.WRITTEN, 0, 9, KEY + 1),
    ):
        assert read_journal(header(SIZE, KEY, NOW) + moved, NOW).held == ()
    assert read_journal(header(SIZE, KEY, NOW) + claim(0, Kind.WRITTEN, 0, 9, KEY), NOW).held


sizes = st.integers(0, 1000)


@PURE
@given(
    slots=st.lists(st.tuples(sizes, sizes, sizes), max_size=6),
    damage=st.lists(
        st.tuples(st.integers(0, 1000), st.binary(min_size=1, max_size=40)), max_size=4
    ),
    cut=st.integers(0, 1200),
    boot=st.sampled_from([NOW, BEFORE]),
)
def test_it_never_crashes_and_always_tiles(
    slots: list[tuple[int, int, int]],
    damage: list[tuple[int, bytes]],
    cut: int,
    boot: bytes,
) -> None:
    data = bytearray(journal(slots))
    for place, noise in damage:
        data[place : place + len(noise)] = noise
    try:
        told = read_journal(bytes(data[:cut]), boot)
    except ValueError:
        return
    assert list(told.held) == union(told.held)
    # In a slot whose newer claim is torn the older one counts.
    truths = [union([Span(s, s + w), Span(s, s + d)]) for s, w, d in slots]
    bytes_claimed = {at for span in told.held for at in range(span.start, span.stop)}
    bytes_there = {at for truth in truths for span in truth for at in range(span.start, span.stop)}
    assert bytes_claimed <= bytes_there


@PURE
@given(data=st.binary(max_size=2000))
def test_any_bytes_are_no_journal(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut short|damaged"):
        read_journal(data, NOW)

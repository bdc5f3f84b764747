"""The journal of a file that is filled in place: which of its bytes are there.

A header, then slots. A slot holds two claims about the bytes from one place on: how many
were written, and how many of them are on the disk for sure. What was written outlives the
process, but a power cut only where it was brought to the disk: so the first claim counts
while the machine runs on, the second one always. `docs/inplace.md` describes the bytes.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from segdl.core.spans import OPEN, Span, union

VERSION = 1
BOOT_BYTES = 16
# Of a system that does not tell its starts apart: what was written is never believed.
NO_BOOT = bytes(BOOT_BYTES)

_MAGIC = b"\x89segdl\r\n"
_HEADER = struct.Struct("<8sIIQ16s")
_CLAIM = struct.Struct("<QQIII")
_CHECK = struct.Struct("<I")
# Nothing crosses a sector: a disk writes a header or a claim whole or not at all.
_SLOTS_AT = 512
_CLAIM_BYTES = 32
_SLOT_BYTES = 2 * _CLAIM_BYTES


class Kind(IntEnum):
    """What a claim says of its bytes."""

    WRITTEN = 1
    """They were written."""
    SYNCED = 2
    """They are on the disk."""


class Journal(NamedTuple):
    """What a journal tells.

    Attributes:
        size: bytes of the whole file; OPEN where that is not known.
        key: seeds the check of every claim, so that those of another journal are none.
        held: the bytes that are there, in order, those that touch joined.
    """

    size: int
    key: int
    held: tuple[Span, ...]


def header(size: int, key: int, boot: bytes) -> bytes:
    """Return the first bytes of a journal; slots begin behind them.

    Args:
        size: bytes of the whole file, or OPEN.
        key: any 32 bits, another one for each journal.
        boot: BOOT_BYTES that name the time since the machine was started, or NO_BOOT.
    """
    fields = _HEADER.pack(_MAGIC, VERSION, key, size, boot)
    return (fields + _CHECK.pack(zlib.crc32(fields))).ljust(_SLOTS_AT, b"\0")


def claim(slot: int, kind: Kind, start: int, length: int, key: int) -> bytes:
    """Return a claim: the file's `length` bytes from `start` on are there."""
    fields = _CLAIM.pack(start, length, slot, kind, 0)
    return fields + _CHECK.pack(zlib.crc32(fields, key))


def place_of(slot: int, kind: Kind) -> int:
    """Return where in the journal a claim belongs.

    Example:
        >>> place_of(0, Kind.WRITTEN), place_of(0, Kind.SYNCED), place_of(1, Kind.WRITTEN)
        (512, 544, 576)
    """
    return _SLOTS_AT + slot * _SLOT_BYTES + (kind - 1) * _CLAIM_BYTES


def read_journal(data: bytes, boot: bytes) -> Journal:
    """Return what a journal tells, whatever happened to it.

    A claim that was torn counts as the other one of its slot, or as nothing.

    Args:
        data: the journal, perhaps cut or damaged.
        boot: names the time since the machine was started.

    Raises:
        ValueError: it is no journal, or its claims do not tile the file.

    Example:
        >>> told = header(9, 7, NO_BOOT) + claim(0, Kind.WRITTEN, 0, 5, 7)
        >>> read_journal(told + claim(0, Kind.SYNCED, 0, 4, 7), NO_BOOT).held
        (Span(start=0, stop=4),)
    """
    size, key, written_in = _read_header(data)
    believed = written_in == boot != NO_BOOT
    held = []
    for slot in range((max(len(data) - _SLOTS_AT, 0) + _SLOT_BYTES - 1) // _SLOT_BYTES):
        span = _read_claim(data, slot, Kind.WRITTEN, key) if believed else None
        if span is None:
            span = _read_claim(data, slot, Kind.SYNCED, key)
        # Not its len: what a damaged journal says may be longer than that can be.
        if span is not None and span.start < span.stop:
            held.append(span)
    held.sort()
    if any(one.stop > other.start for one, other in pairwise(held)):
        raise ValueError("its claims overlap")
    if held and held[-1].stop > size:
        raise ValueError("it claims bytes behind the end of the file")
    return Journal(size, key, tuple(union(held)))


def _read_header(data: bytes) -> tuple[int, int, bytes]:
    if len(data) < _SLOTS_AT:
        raise ValueError("it is cut short")
    fields = data[: _HEADER.size]
    (check,) = _CHECK.unpack_from(data, _HEADER.size)
    magic, version, key, size, boot = _HEADER.unpack(fields)
    if magic != _MAGIC or check != zlib.crc32(fields):
        raise ValueError("its header is damaged")
    if version != VERSION:
        raise ValueError(f"it is of version {version}")
    if size > OPEN:
        raise ValueError("it is of a file that cannot be")
    return size, key, boot


def _read_claim(data: bytes, slot: int, kind: Kind, key: int) -> Span | None:
    place = place_of(slot, kind)
    raw = data[place : place + _CLAIM_BYTES]
    if len(raw) < _CLAIM_BYTES:
        return None
    start, length, own_slot, own_kind, _ = _CLAIM.unpack_from(raw)
    (check,) = _CHECK.unpack_from(raw, _CLAIM.size)
    whole = check == zlib.crc32(raw[: _CLAIM.size], key)
    if not whole or (own_slot, own_kind) != (slot, kind):
        return None
    return Span(start, start + length)

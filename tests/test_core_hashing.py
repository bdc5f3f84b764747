"""Objects that hash: every algorithm that is known, and CRC-32C with and without its library."""

from __future__ import annotations

import hashlib
import sys

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.checksum import DIGITS, parse_checksum, parse_wanted, read_checksum, weakness
from segdl.core.expected import Expected
from segdl.core.hashing import can_hash, new_hash
from segdl.core.pieces import Pieces
from segdl.errors import UsageError

PURE = settings(deadline=None, derandomize=True, max_examples=100)
# The check value of the algorithm's definition.
NINE = "crc32c=e3069283"


@pytest.fixture(params=["missing", "slow"])
def no_library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "missing":
        monkeypatch.setitem(sys.modules, "google_crc32c", None)
    else:
        monkeypatch.setattr(google_crc32c, "implementation", "python")


@PURE
@given(st.sampled_from([*DIGITS]), st.lists(st.binary(max_size=50)))
def test_bytes_and_views_make_the_digest_of_all(algorithm: str, blocks: list[bytes]) -> None:
    digest = new_hash(algorithm)
    for place, block in enumerate(blocks):
        digest.update(memoryview(block) if place % 2 else block)
    whole = b"".join(blocks)
    if algorithm == "crc32c":
        assert digest.hexdigest() == f"{google_crc32c.value(whole):08x}"
    else:
        assert digest.hexdigest() == hashlib.new(algorithm, whole).hexdigest()
    assert len(digest.hexdigest()) == DIGITS[algorithm]


def test_the_check_value() -> None:
    digest = new_hash("crc32c")
    assert digest.hexdigest() == "00000000"
    digest.update(b"123456789")
    assert f"crc32c={digest.hexdigest()}" == NINE
    assert str(parse_checksum("CRC32C=E3069283")) == NINE


def test_it_is_the_weakest_and_stands_for_no_file() -> None:
    assert max(DIGITS, key=weakness) == "crc32c"
    every = [read_checksum(f"{name}={'0' * digits}") for name, digits in DIGITS.items()]
    assert [each.algorithm for each in every if not each.proves] == ["crc32c"]
    weak, strong = parse_checksum(NINE), parse_checksum("md5=" + "0" * 32)
    assert not Expected(checksum=weak).verifiable
    assert Expected(checksum=strong).verifiable
    assert Expected(checksum=weak, pieces=Pieces("md5", 1, ("0" * 32,))).verifiable


@pytest.mark.usefixtures("no_library")
def test_without_the_library() -> None:
    assert not can_hash("crc32c")
    assert can_hash("md5")
    for ask in (parse_checksum, parse_wanted, lambda _: new_hash("crc32c")):
        with pytest.raises(UsageError) as caught:
            ask(NINE)
        assert "pip install 'segdl[crc32c]'" in caught.value.hint
    # What an earlier run wrote down is understood.
    assert str(read_checksum(NINE)) == NINE
    with pytest.raises(UsageError, match="8 hexadecimal digits"):
        parse_checksum("crc32c=1")

"""Parts on their way that are ended in the moment in which their connection is made."""

from __future__ import annotations

import socket

import pytest

from segdl.core.spans import Span
from segdl.core.url import parse_url
from segdl.net.failures import TransferError
from segdl.net.put import Put
from segdl.net.tls import SharedContext
from segdl.options import NetworkOptions
from segdl.s3.inorder import InOrder
from segdl.s3.piece import Collecting, Comparing, Piece, Sending
from segdl.s3.writer import Writer
from segdl.store.part import TakenBackError


class Ending:
    """Parts whose writer is ended while the first one is begun."""

    length = 100
    order: InOrder | None = None

    def __init__(self) -> None:
        self.writer = Writer(self, 0)
        self.begun = Comparing(1, self.length, "")

    def number_at(self, start: int) -> int:
        return start // self.length + 1

    def piece(self, number: int) -> Piece:
        self.writer.abort()
        return self.begun

    def whole(self, number: int, etag: str, tail: bytes) -> None:
        raise AssertionError

    def lost(self, number: int, failure: TransferError) -> TakenBackError:
        raise AssertionError

    def forget(self, spans: list[Span]) -> None:
        raise AssertionError


def test_who_ends_a_writer_while_it_connects_has_ended_it() -> None:
    parts = Ending()
    with pytest.raises(TakenBackError):
        parts.writer.append(b"few")
    assert (parts.begun.room, parts.writer.size) == (parts.length, 0)


def test_who_ends_what_was_collected_while_it_connects_waits_for_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        location = parse_url(f"http://127.0.0.1:{silent.getsockname()[1]}/bucket/key")

        def send(length: int) -> Sending:
            put = Put(location, length, SharedContext(NetworkOptions()), None, 5.0, 5.0)
            collected.abort()
            return Sending("part 1", 1, length, put)

        collected = Collecting(1, 100, send)
        collected.take(memoryview(b"few"))
        with pytest.raises(TransferError) as caught:
            collected.end()
    assert "aborted" in caught.value.error.message

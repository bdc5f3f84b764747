"""The system gives a run fewer threads than it asks for."""

from __future__ import annotations

import hashlib
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import segdl
from segdl.cli.main import main
from segdl.engine.threads import Threads
from segdl.errors import SegdlError
from segdl.progress.events import Note
from support.data import content
from support.faults import CutAfter, Drip, always
from support.fetching import fetch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.origin import Origin

CONTENT = content(3_000_000)
SLOW = always(Drip(32 * 1024, 0.005))


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have no more than so many threads whose names begin like this be started."""

    def limit(most: int, *names: str) -> None:
        start, started = threading.Thread.start, 0

        def limited(thread: threading.Thread) -> None:
            nonlocal started
            if thread.name.startswith(names):
                if started == most:
                    raise RuntimeError("can't start new thread")
                started += 1
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)

    return limit


@pytest.mark.parametrize("layout", ["parts", "inplace"])
@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_file_is_fetched_with_the_threads_that_there_are(
    origin: Callable[..., Origin],
    tmp_path: Path,
    limit: Callable[..., None],
    most: int,
    layout: str,
) -> None:
    limit(most, "segdl-fetch")
    # What they do is done at the end then.
    limit(0, "segdl-flush", "segdl-hash")
    checksum = f"sha256={hashlib.sha256(CONTENT).hexdigest()}"
    server = origin(CONTENT, faults=SLOW)
    # It hands back what it claimed at the server's gate: `fetch` checks that.
    fetched = fetch(server.url, tmp_path, checksum=checksum, layout=layout).is_whole(CONTENT)
    notes = [note.text for note in fetched.told(Note) if "threads" in note.text]
    assert notes == [f"the system gives no more threads: going on with {most}"]


def test_threads_that_are_free_again_go_on(
    origin: Callable[..., Origin], tmp_path: Path, limit: Callable[..., None]
) -> None:
    limit(2, "segdl-fetch")
    server = origin(CONTENT, faults=always(CutAfter(50_000)))
    fetch(server.url, tmp_path, retries=50).is_whole(CONTENT)


def test_to_standard_output(
    origin: Callable[..., Origin], tmp_path: Path, limit: Callable[..., None]
) -> None:
    limit(2, "segdl-fetch")
    server = origin(CONTENT, faults=SLOW)
    with (tmp_path / "out").open("wb") as out:
        assert fetch(server.url, tmp_path, out=out).error is None
    assert (tmp_path / "out").read_bytes() == CONTENT


@pytest.mark.parametrize("most", [1, 2, 3])
def test_mirrors_share_the_threads_that_there_are(
    origin: Callable[..., Origin], tmp_path: Path, limit: Callable[..., None], most: int
) -> None:
    limit(most, "segdl-fetch")
    one, other = origin(CONTENT, faults=SLOW), origin(CONTENT, faults=SLOW)
    segdl.download(one.url, tmp_path / "f", mirrors=[other.url], connections=6)
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("segdl-fetch", len(CONTENT)),
        ("segdl-lookout", 1000),
        ("segdl-file", 1000),
        ("segdl-write", len(CONTENT)),
        ("segdl-", 1000),
    ],
)
def test_without_any_thread_it_says_so(
    origin: Callable[..., Origin],
    tmp_path: Path,
    limit: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    name: str,
    size: int,
) -> None:
    server = origin(CONTENT[:size], faults=SLOW)
    place = ["-o", "-"] if name == "segdl-write" else ["-d", str(tmp_path)]
    limit(0, name)
    code = main(["-q", "-j", "4", *place, server.url])
    said = capsys.readouterr().err
    assert code == 1
    assert "cannot start another thread; raise `ulimit -u`, or use fewer with -j" in said
    assert "internal error" not in said


class TestThreads:
    def test_what_no_thread_was_free_for_is_never_done(self, limit: Callable[..., None]) -> None:
        limit(1, "few")
        done: list[str] = []
        go = threading.Event()
        with Threads(4, thread_name_prefix="few") as threads:
            first = threads.submit(go.wait)
            assert threads.submit_beside(1, lambda: done.append("refused")) is None
            queued = threads.submit(done.append, "queued")
            assert not queued.done()
            go.set()
            assert first.result(10)
            queued.result(10)
        assert done == ["queued"]

    def test_a_thread_that_took_on_what_waited_is_not_free(
        self, limit: Callable[..., None]
    ) -> None:
        limit(1, "few")
        told, end, go = threading.Event(), threading.Event(), threading.Event()

        def tell() -> bool:
            told.set()
            return end.wait(10)

        with Threads(4, thread_name_prefix="few") as threads:
            first = threads.submit(tell)
            assert told.wait(10)
            # The caller knows what came of it, so it counts none as busy.
            second = threads.submit_beside(0, partial(go.wait, 10))
            assert second is not None
            end.set()
            assert first.result(10)
            while not second.running():
                time.sleep(0.001)
            assert threads.submit_beside(1, print) is None
            go.set()
            assert second.result(10)
            # It is free when it has counted that, which is a moment later than the result.
            assert threads.submit(int, "7").result(10) == 7

    def test_none_at_all(self, limit: Callable[..., None]) -> None:
        limit(0, "few")
        threads = Threads(4, thread_name_prefix="few")
        with pytest.raises(SegdlError, match="ulimit -u"):
            threads.submit(print)
        threads.shutdown()

    def test_it_is_a_pool_like_others(self) -> None:
        threads = Threads(1)
        assert threads.submit(int, "7", base=8).result(10) == 7
        failed: Any = threads.submit(int, "x")
        with pytest.raises(ValueError, match="x"):
            failed.result(10)
        begun, go = threading.Event(), threading.Event()

        def hold() -> bool:
            begun.set()
            return go.wait(10)

        running = threads.submit(hold)
        waiting = threads.submit(print)
        assert begun.wait(10)
        threads.shutdown(wait=False, cancel_futures=True)
        assert waiting.cancelled()
        go.set()
        assert running.result(10)
        with pytest.raises(RuntimeError, match="shutdown"):
            threads.submit(print)

"""robots.txt: what it forbids, and what it means that it cannot be had."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from segdl.errors import NetworkError, ServerError
from segdl.mirror.fetcher import Pace
from segdl.mirror.robots import LONGEST_DELAY, MOST_BYTES, parse_robots
from segdl.version import __version__
from support.scripted import ScriptedServer
from support.tree import Cut, Tree, answer, moved, page
from support.walking import a_run, walked

if TYPE_CHECKING:
    from pathlib import Path

    from support.connection import Connection
    from support.request import Request

PAGES = {
    "/pub/": page("open/", "private/", "file", "secret.iso"),
    "/pub/open/": page("a"),
    "/pub/private/": page("b"),
    "/pub/private/deep/": page("c"),
}
WHOLE = ["file", "open/a", "private/b", "secret.iso"]


def robots(*lines: str) -> bytes:
    return answer(200, "\n".join(lines).encode(), "Content-Type: text/plain")


# -- what it says --


@pytest.mark.parametrize(
    ("lines", "allowed", "forbidden"),
    [
        (["User-agent: *", "Disallow: /a"], ["/", "/b"], ["/a", "/ab/c"]),
        (["User-agent: *", "Disallow:"], ["/", "/a"], []),
        (["User-agent: *", "Disallow: /"], ["/robots.txt"], ["/", "/a"]),
        (["User-agent: *", "Disallow: /", "Allow: /a/"], ["/a/b"], ["/b"]),
        (["User-agent: *", "Disallow: /*.iso$"], ["/a.iso.txt"], ["/a.iso", "/b/c.iso"]),
        (["User-agent: *", "Disallow: /p%C3%BCb/"], ["/pub/"], ["/p%c3%bcb/"]),
        (["User-agent: *", "Disallow: /a%20b/"], ["/ab/"], ["/a%20b/c"]),
        (["User-agent: other", "Disallow: /"], ["/a"], []),
        (["User-agent: other", "User-agent: segdl", "Disallow: /"], [], ["/a"]),
        (["User-agent: *", "Disallow: /", "", "User-agent: segdl", "Allow: /"], ["/a"], []),
        (["User-agent: SegDL/1.0", "Disallow: /a"], ["/a"], []),
        (["User-agent: SEGDL", "Disallow: /a"], ["/b"], ["/a"]),
        (["# nothing"], ["/a"], []),
        (["<html><body>Not a robots.txt</body></html>"], ["/a"], []),
        (["Disallow: /"], ["/a"], []),
        (["\ufeffUser-agent: *", "Disallow: /a"], ["/b"], ["/a"]),
        (["User-agent: *\rDisallow: /a\r"], ["/b"], ["/a"]),
    ],
)
def test_rules(lines: list[str], allowed: list[str], forbidden: list[str]) -> None:
    rules = parse_robots("\n".join(lines).encode())
    assert [path for path in allowed if not rules.allows(f"http://h{path}")] == []
    assert [path for path in forbidden if rules.allows(f"http://h{path}")] == []


@pytest.mark.parametrize(
    ("lines", "delay"),
    [
        ([], 0.0),
        (["Crawl-delay: 2"], 2.0),
        (["Crawl-delay: 0.5"], 0.5),
        (["Crawl-delay: -1"], 0.0),
        (["Crawl-delay: nan"], 0.0),
        (["Crawl-delay: inf"], 0.0),
        (["Crawl-delay: soon"], 0.0),
        (["Crawl-delay: 86400"], LONGEST_DELAY),
        (["Request-rate: 1/5"], 5.0),
        (["Request-rate: 10/1m"], 6.0),
        (["Request-rate: 0/0"], 0.0),
        (["Crawl-delay: 1", "Request-rate: 1/5"], 5.0),
    ],
)
def test_delays(lines: list[str], delay: float) -> None:
    assert parse_robots("\n".join(["User-agent: *", *lines]).encode()).delay == delay


@pytest.mark.parametrize("agent", ["segdl", "SEGDL", f"segdl/{__version__}"])
def test_a_group_may_name_the_version_that_a_log_shows(agent: str) -> None:
    robots = parse_robots(f"User-agent: {agent}\nDisallow: /\n".encode())
    assert not robots.allows("http://h/a")


def test_no_more_is_heeded_than_has_to_be() -> None:
    first = b"User-agent: *\nDisallow: /a\n#"
    half = b"\nDisallow: /"
    text = first + b"x" * (MOST_BYTES - len(first) - len(half)) + half + b"b/c\n"
    rules = parse_robots(text)
    assert not rules.allows("http://h/a")
    # Half a line would forbid everything.
    assert rules.allows("http://h/b")
    assert rules.allows("http://h/b/c")


def test_bytes_that_are_no_text() -> None:
    rules = parse_robots(b"\x00\xff\xfe\nUser-agent: *\nDisallow: /a\n")
    assert not rules.allows("http://h/a")


def test_rules_that_mean_harm_take_no_time() -> None:
    # Expressions of old would look at this for longer than there is.
    rules = parse_robots(b"User-agent: *\nDisallow: /" + b"*a" * 2000 + b"b\n")
    assert rules.allows("http://h/" + "a" * 2000)


# -- what it means for a walk --


def test_what_it_forbids_is_not_asked_for_and_told_of() -> None:
    rules = robots("User-agent: *", "Disallow: /pub/private/", "Disallow: /*.iso$")
    with Tree(PAGES, robots=rules) as tree:
        found = walked(tree.url("/pub/"))
        assert found.error is None
        assert found.paths == ["file", "open/a"]
        assert [unlisted.where for unlisted in found.unlisted] == [
            tree.url("/pub/"),
            tree.url("/pub/private/"),
        ]
        files, folder = (unlisted.error for unlisted in found.unlisted)
        assert "not to read 1 of its files, such as 'secret.iso'" in files.message
        assert folder.hint == "leave it out with --exclude 'private/', or go on with --no-robots"
        assert tree.asked["/pub/private/"] == 0
        assert tree.asked["/robots.txt"] == 1


def test_what_is_left_out_anyway_is_not_told_of() -> None:
    rules = robots("User-agent: *", "Disallow: /pub/private/", "Disallow: /*.iso$")
    with Tree(PAGES, robots=rules) as tree:
        found = walked(tree.url("/pub/"), exclude=("private/", "*.iso")).whole
        assert found.paths == ["file", "open/a"]


def test_a_start_that_it_forbids_is_an_error() -> None:
    with Tree(PAGES, robots=robots("User-agent: segdl", "Disallow: /pub/")) as tree:
        found = walked(tree.url("/pub/"))
        assert isinstance(found.error, ServerError)
        assert found.error.hint == "go on with --no-robots"
        assert found.entries == []


def test_the_user_may_go_on_without() -> None:
    with Tree(PAGES, robots=robots("User-agent: *", "Disallow: /")) as tree:
        assert walked(tree.url("/pub/"), robots=False).whole.paths == WHOLE
        assert tree.asked["/robots.txt"] == 0


def test_lists_that_are_no_index_pages_are_no_links(tmp_path: Path) -> None:
    pages = {"/list.txt": answer(200, b"http://127.0.0.1:1/a\n", "Content-Type: text/plain")}
    with Tree(pages, robots=robots("User-agent: *", "Disallow: /")) as tree:
        assert walked(tree.url("/list.txt")).whole.paths == ["a"]
        assert tree.asked["/robots.txt"] == 0


def test_the_rules_are_those_of_the_host_that_is_walked() -> None:
    with (
        Tree(PAGES, robots=robots("User-agent: *", "Disallow: /pub/private/")) as there,
        Tree({"/go": moved(there.url("/pub/"))}, robots=answer(500)) as here,
    ):
        found = walked(here.url("/go"))
        assert len(found.unlisted) == 1
        assert here.asked["/robots.txt"] == 0


def test_a_folder_that_leads_to_a_forbidden_one() -> None:
    pages = {**PAGES, "/pub/open/": moved("/pub/private/")}
    with Tree(pages, robots=robots("User-agent: *", "Disallow: /pub/private/")) as tree:
        found = walked(tree.url("/pub/"))
        assert found.paths == ["file", "secret.iso"]
        assert len(found.unlisted) == 2


# -- what it means that it cannot be had --


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 451])
def test_where_there_is_none_all_is_allowed(status: int) -> None:
    with Tree(PAGES, robots=answer(status, b"User-agent: *\nDisallow: /\n")) as tree:
        assert walked(tree.url("/pub/")).whole.paths == WHOLE


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (answer(500), ServerError),
        (answer(503), ServerError),
        (answer(429), ServerError),
        (Cut(b""), NetworkError),
        (Cut(answer(200, b"User-agent: *\nDisallow: /private/\n")[:-4]), NetworkError),
        (moved("/robots.txt"), ServerError),
    ],
    ids=repr,
)
def test_where_nobody_can_tell_nothing_is_allowed(bad: bytes, kind: type[Exception]) -> None:
    with Tree(PAGES, robots=bad) as tree:
        found = walked(tree.url("/pub/"), retries=2)
        assert type(found.error) is kind
        assert "nobody knows which folders may be read" in str(found.error)
        assert found.error is not None
        assert found.error.hint.endswith("--no-robots")
        assert found.entries == []


def test_rules_that_drip() -> None:
    def drip(request: Request, connection: Connection) -> None:
        if request.target != "/robots.txt":
            connection.send(PAGES["/pub/"])
            return
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.send(b"#")
            connection.pause(0.1)

    with ScriptedServer(drip) as server:
        found = walked(server.url("/pub/"), retries=1, network={"stall_timeout": 0.5})
        assert [request.target for request in server.requests] == ["/pub/", "/robots.txt"]
    assert type(found.error) is NetworkError
    assert "hardly anything comes: without" in str(found.error)


def test_it_may_be_elsewhere() -> None:
    with (
        Tree({"/rules": robots("User-agent: *", "Disallow: /pub/private/")}) as there,
        Tree(PAGES, robots=moved(there.url("/rules"))) as tree,
    ):
        assert len(walked(tree.url("/pub/")).unlisted) == 1


# -- its delay --


def test_a_delay_is_told_of() -> None:
    with Tree(PAGES, robots=robots("User-agent: *", "Crawl-delay: 0.01")) as tree:
        found = walked(tree.url("/pub/")).whole
        assert found.paths == WHOLE
        assert found.said == ["127.0.0.1: a page every 0.01 s, by robots.txt"]


def test_a_delay_is_from_one_request_to_the_next() -> None:
    now = 100.0

    class Sleeping(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal now
            now += timeout or 0.0
            return False

    with a_run() as run:
        pace = Pace(run._replace(clock=lambda: now, cancel=Sleeping()))
        turns = []
        for spent in (0.0, 0.0, 3.0, 20.0, 0.0):
            now += spent
            pace.wait()
            turns.append(now)
            pace.delay = 10.0
        assert turns == [100.0, 100.0, 110.0, 130.0, 140.0]


def test_a_delay_can_be_interrupted() -> None:
    cancel = threading.Event()
    rules = robots("User-agent: *", f"Crawl-delay: {LONGEST_DELAY:g}")

    def answers(path: str) -> bytes | None:
        if path == "/pub/open/":
            threading.Timer(0.2, cancel.set).start()
        return PAGES.get(path)

    with Tree(answers, robots=rules) as tree:
        began = time.monotonic()
        found = walked(tree.url("/pub/"), cancel=cancel)
        assert time.monotonic() - began < LONGEST_DELAY / 2
        assert found.error is not None
        assert found.error.exit_code == 130

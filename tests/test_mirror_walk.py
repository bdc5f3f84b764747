"""Walks through trees of index pages: what is followed, what is not, and what goes wrong."""

from __future__ import annotations

import itertools
import os
import threading
import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from segdl.errors import (
    CancelledError,
    IntegrityError,
    NetworkError,
    ServerError,
    UsageError,
)
from segdl.mirror import sieve
from segdl.mirror.frontier import Frontier, Limits
from segdl.mirror.loops import Page
from segdl.mirror.options import HostProfile, ListingOptions
from segdl.mirror.walk import walk
from support.tree import STALL, Cut, Tree, answer, html, moved, page
from support.walking import a_run, walked

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import StartNginx


TREE = {
    "/pub/": page("../", "top", "a/", "b/"),
    "/pub/a/": page("../", "one", "deep/"),
    "/pub/a/deep/": page("../", "two"),
    "/pub/b/": page("../", "three", "old/"),
    "/pub/b/old/": page("../", "four"),
}
WHOLE = ["a/deep/two", "a/one", "b/old/four", "b/three", "top"]


def test_a_tree_is_walked_once_in_order() -> None:
    with Tree(TREE) as tree:
        found = walked(tree.url("/pub/")).whole
        assert [entry.path for entry in found.entries] == [
            "top",
            "a/one",
            "b/three",
            "a/deep/two",
            "b/old/four",
        ]
        assert tree.asked == dict.fromkeys([*TREE, "/robots.txt"], 1)
        # Nothing was said: nothing was out of the ordinary.
        assert found.said == []


def test_a_page_leads_to_each_of_its_folders_once() -> None:
    """Its links may be millions, and all to the same few."""
    with Tree({"/pub/": page("../", *["d/"] * 500), "/pub/d/": page("../", "f")}) as tree:
        found = walked(tree.url("/pub/")).whole
        assert found.paths == ["d/f"]
        assert tree.asked["/pub/d/"] == 1


def test_a_page_of_more_folders_than_fit_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "_MOST_CHARACTERS", 10_000)
    names = [f"{n}/" for n in range(1000)]
    pages = {"/pub/": page("../", "f", "big/"), "/pub/big/": page("../", *names)}
    with Tree(pages) as tree:
        found = walked(tree.url("/pub/"))
        assert found.paths == ["f"]
        said = [str(each.error) for each in found.unlisted]
        assert sum("leads to more folders than fit into memory" in each for each in said) == 1
        assert len(tree.asked) < 1000


def test_a_list_of_a_named_format_is_followed_as_it_is_written(tmp_path: Path) -> None:
    """Its format need not be told by its first 64 KiB, which take their time."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    seen = threading.Event()
    waited: list[bool] = []

    def write() -> None:
        with open(pipe, "wb", buffering=0) as file:
            file.write(b"http://127.0.0.1:9/first\nhttp://127.0.0.1:9/second\n")
            waited.append(seen.wait(10))

    thread = threading.Thread(target=write)
    thread.start()
    with a_run() as run:
        options = ListingOptions(source=str(pipe), format="urls")
        with closing(walk(run, options, print)) as items:
            first = next(items)
            seen.set()
            assert len([first, *items]) == 2
    thread.join()
    assert waited == [True]


@pytest.mark.parametrize(
    ("options", "paths", "asked"),
    [
        ({"depth": 0}, ["top"], 1),
        ({"depth": 1}, ["a/one", "b/three", "top"], 3),
        ({"depth": 2}, WHOLE, 5),
        ({"depth": 99}, WHOLE, 5),
        ({"exclude": ("b/",)}, ["a/deep/two", "a/one", "top"], 3),
        ({"exclude": ("b/*",)}, ["a/deep/two", "a/one", "top"], 3),
        ({"exclude": ("b/old",)}, ["a/deep/two", "a/one", "b/three", "top"], 4),
        ({"exclude": ("t*",)}, ["a/one", "b/old/four"], 5),
        ({"include": ("t*",)}, ["a/deep/two", "b/three", "top"], 5),
        ({"include": ("a/*",)}, ["a/deep/two", "a/one"], 3),
        ({"include": ("a/", "top"), "exclude": ("deep/",)}, ["a/one", "top"], 4),
    ],
)
def test_depth_and_globs(options: dict[str, Any], paths: list[str], asked: int) -> None:
    with Tree(TREE) as tree:
        assert walked(tree.url("/pub/"), robots=False, **options).whole.paths == paths
        assert len(tree.requests) == asked


def test_a_walk_may_begin_at_a_page_with_a_name_and_a_query() -> None:
    pages = {"/pub/index.html?secret=1": page("one", "a/"), "/pub/a/": page("two")}
    with Tree(pages) as tree:
        found = walked(tree.url("/pub/index.html?secret=1")).whole
        assert found.paths == ["a/two", "one"]
        assert found.entries[0].urls == (tree.url("/pub/one"),)


@pytest.mark.parametrize(
    ("base", "paths"),
    [
        ("/", ["pub/a/deep/two", "pub/a/one"]),
        ("/pub", ["a/deep/two", "a/one"]),
        ("/pub/", ["a/deep/two", "a/one"]),
    ],
)
def test_paths_may_begin_further_up_where_the_user_says_so(base: str, paths: list[str]) -> None:
    with Tree(TREE) as tree:
        assert walked(tree.url("/pub/a/"), base_url=tree.url(base)).whole.paths == paths


def test_a_base_that_is_elsewhere_is_refused() -> None:
    with Tree(TREE) as tree:
        found = walked(tree.url("/pub/a/"), base_url=tree.url("/pub/b/"))
        assert isinstance(found.error, UsageError)


# -- redirects --


def test_a_folder_that_is_asked_for_without_its_slash() -> None:
    with Tree({**TREE, "/pub": moved("/pub/")}) as tree:
        assert walked(tree.url("/pub")).whole.paths == WHOLE


def test_the_start_may_be_anywhere_that_it_leads_to() -> None:
    with Tree(TREE) as there, Tree({"/go": moved(there.url("/pub/"))}) as here:
        found = walked(here.url("/go")).whole
        assert found.paths == WHOLE
        assert {entry.urls[0].rpartition("/pub/")[0] for entry in found.entries} == {there.url("")}


@pytest.mark.parametrize("place", ["/etc/", "/", "/pub/../etc/", "/pub/..%2Fetc/"])
def test_a_redirect_out_of_the_tree_is_not_followed_further(place: str) -> None:
    pages = {**TREE, "/pub/a/": moved(place), "/etc/": page("passwd"), place: page("passwd")}
    with Tree(pages) as tree:
        found = walked(tree.url("/pub/"))
        assert found.paths == ["b/old/four", "b/three", "top"]
        (unlisted,) = found.unlisted
        assert unlisted.where == tree.url("/pub/a/")
        assert isinstance(unlisted.error, ServerError)
        assert "is not below" in unlisted.error.message


def test_a_redirect_to_another_host_is_not_followed_further() -> None:
    with Tree({"/pub/a/": page("passwd")}) as other:
        place = other.url("/pub/a/", host="localhost")
        with Tree({**TREE, "/pub/a/": moved(place)}) as tree:
            found = walked(tree.url("/pub/"))
            assert found.paths == ["b/old/four", "b/three", "top"]
            assert "is not below" in found.unlisted[0].error.message


def test_folders_that_lead_to_one_another_are_listed_once() -> None:
    pages = {
        "/": page("a/", "b/", "c/", "d/"),
        "/a/": moved("/c/"),
        "/b/": moved("/c/"),
        "/c/": page("file"),
        "/d/": moved("/"),
    }
    with Tree(pages) as tree:
        assert walked(tree.url()).whole.paths == ["c/file"]


def test_a_redirect_into_what_is_excluded_is_left_out() -> None:
    # Whatever is there does not matter.
    pages = {"/": page("a/", "f"), "/a/": moved("/old/x/"), "/old/x/": html("no list")}
    with Tree(pages) as tree:
        assert walked(tree.url(), exclude=("old/",)).whole.paths == ["f"]


# -- what goes wrong --


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (answer(500), ServerError),
        (answer(403), ServerError),
        (answer(404), ServerError),
        (moved("/pub/a/"), ServerError),
        (moved("ftp://h/"), ServerError),
        (answer(200, b"hello", "Content-Type: text/plain"), UsageError),
        (answer(200, b""), UsageError),
        (html("<html><title>Welcome</title><a href='x'>x</a></html>"), UsageError),
        (Cut(page("one")[:-10]), NetworkError),
        (page("one").replace(b"\r\n\r\n", b"\r\nContent-Encoding: br\r\n\r\n"), IntegrityError),
        (page("<!-- ", "x" * 300_000), UsageError),
        (Cut(b"HTTP/1.1 200 OK\r\n"), NetworkError),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_folder_that_cannot_be_listed_does_not_hold_up_the_others(
    bad: bytes, kind: type[Exception]
) -> None:
    with Tree({**TREE, "/pub/a/": bad}) as tree:
        found = walked(tree.url("/pub/"), retries=2)
        assert found.error is None
        assert found.paths == ["b/old/four", "b/three", "top"]
        (unlisted,) = found.unlisted
        assert unlisted.where == tree.url("/pub/a/")
        assert type(unlisted.error) is kind
        assert str(unlisted.error).isprintable()


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (answer(500), ServerError),
        (answer(404), ServerError),
        (answer(200, b"hello"), UsageError),
        (moved("/pub/"), ServerError),
    ],
)
def test_the_first_document_must_be_had(bad: bytes, kind: type[Exception]) -> None:
    with Tree({"/pub/": bad}) as tree:
        found = walked(tree.url("/pub/"), retries=2)
        assert type(found.error) is kind
        assert found.entries == []


def test_the_first_document_must_be_had_to_its_end() -> None:
    body = b'[{"name":"a", "type":"file"},{"name":"b", "ty'
    with Tree({"/pub/": answer(200, body)}) as tree:
        found = walked(tree.url("/pub/"))
        assert found.paths == ["a"]
        assert isinstance(found.error, UsageError)


def test_what_a_broken_page_names_before_it_breaks_is_still_followed() -> None:
    broken = answer(200, b'[{"name":"c", "type":"directory"},{"name":"f", "type":"file"},{')
    with Tree({"/": page("a/"), "/a/": broken, "/a/c/": page("g")}) as tree:
        found = walked(tree.url())
        assert found.paths == ["a/c/g", "a/f"]
        assert [unlisted.where for unlisted in found.unlisted] == [tree.url("/a/")]


def recovering(*bad: bytes) -> Tree:
    """Return the tree, with a folder that is answered for like this at first."""
    answers = iter(bad)
    return Tree(
        lambda path: next(answers, TREE["/pub/a/"]) if path == "/pub/a/" else TREE.get(path)
    )


def test_a_folder_that_recovers_is_asked_again() -> None:
    bad = iter([answer(500), answer(503, b"", "Retry-After: 0"), answer(429)])
    with Tree(
        lambda path: next(bad, TREE["/pub/a/"]) if path == "/pub/a/" else TREE.get(path)
    ) as tree:
        assert walked(tree.url("/pub/"), retries=5).whole.paths == WHOLE
        assert tree.asked["/pub/a/"] == 4


def test_a_server_that_asks_to_wait_is_told_of() -> None:
    bad = iter([answer(429, b"", "Retry-After: 1")])
    with Tree(
        lambda path: next(bad, TREE["/pub/a/"]) if path == "/pub/a/" else TREE.get(path)
    ) as tree:
        found = walked(tree.url("/pub/"), retries=5).whole
        assert found.paths == WHOLE
        assert any("waiting 1 s: server asks to wait" in line for line in found.said)


def test_no_more_requests_than_a_server_is_meant_to_get(nginx: StartNginx, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"d{number}").mkdir()
        (tmp_path / f"d{number}" / "f").write_bytes(b"")
    server = nginx(
        tmp_path,
        http=["limit_conn_zone $server_port zone=each:1m;"],
        server=["autoindex on; limit_conn each 2; limit_conn_status 429;"],
    )
    found = walked(server.url(), retries=10).whole
    assert len(found.entries) == 30


def test_secrets_are_in_no_message() -> None:
    pages = {"/pub/?token=topsecret": page("a/", "b/"), "/pub/a/": answer(500)}
    with Tree(pages) as tree:
        url = tree.url("/pub/?token=topsecret").replace("http://", "http://me:topsecret@")
        found = walked(url, retries=1, network={"headers": (("X-Key", "topsecret"),)})
        assert len(found.unlisted) == 2
        texts = [str(unlisted) + str(unlisted.error) for unlisted in found.unlisted]
        assert "topsecret" not in "".join(texts + found.said + [repr(found.entries)])
        assert all(
            ("authorization" in request.fields, request.fields.get("x-key")) == (True, "topsecret")
            for request in tree.requests
        )


def test_secrets_stay_with_the_origin_that_they_were_given_for() -> None:
    with Tree(TREE) as there, Tree({"/go": moved(there.url("/pub/", host="localhost"))}) as here:
        url = here.url("/go").replace("http://", "http://me:secret@")
        assert walked(url, network={"headers": (("X-Key", "k"),)}).whole.paths == WHOLE
        for request in there.requests:
            assert not {"authorization", "x-key"} & request.fields.keys()


def test_secrets_go_where_the_user_lets_them_go() -> None:
    with Tree(TREE) as there, Tree({"/go": moved(there.url("/pub/", host="localhost"))}) as here:
        network = {"headers": (("X-Key", "k"),), "location_trusted": True}
        assert walked(here.url("/go"), network=network).whole.paths == WHOLE
        assert {request.fields.get("x-key") for request in there.requests} == {"k"}


def test_hosts_have_secrets_of_their_own() -> None:
    key = (("X-Key", "theirs"),)
    with Tree(TREE) as there, Tree({"/go": moved(there.url("/pub/", host="localhost"))}) as here:
        hosts = [HostProfile(host=f"localhost:{there.server.port}", headers=key)]
        network = {"headers": (("X-Other", "o"),), "user": ("me", "secret")}
        found = walked(here.url("/go"), network=network, hosts=hosts).whole
        assert found.paths == WHOLE
        # The first was redirected there, with nothing of its own.
        told = [request.fields.get("x-key") for request in there.requests]
        assert told == [None, *["theirs"] * 5]
        for request in there.requests:
            assert not {"authorization", "x-other"} & request.fields.keys()
        assert "x-key" not in here.requests[0].fields


def test_a_redirect_has_no_secrets_of_a_host_sent_unencrypted() -> None:
    with Tree(TREE) as there, Tree({"/go": moved(there.url("/pub/", host="localhost"))}) as here:
        hosts = [HostProfile(host="localhost", headers=(("X-Key", "theirs"),))]
        found = walked(here.url("/go"), hosts=hosts).whole
        assert found.paths == WHOLE
        assert {request.fields.get("x-key") for request in there.requests} == {None}
        (line,) = found.said
        assert f'[host."localhost:{there.server.port}"]' in line


def test_netrc_is_for_the_source_also_where_a_host_has_a_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login any password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Tree(TREE) as there, Tree({"/go": moved(there.url("/pub/", host="localhost"))}) as here:
        hosts = [HostProfile(host="localhost", connections=2)]
        assert walked(here.url("/go"), network={"netrc": True}, hosts=hosts).whole.paths == WHOLE
        assert here.requests
        assert all("authorization" in request.fields for request in here.requests)
        assert not any("authorization" in request.fields for request in there.requests)


@pytest.mark.parametrize(("port", "given"), [("", True), (":{}", True), (":1", False)])
def test_a_host_may_be_meant_with_its_port(port: str, given: bool) -> None:
    with Tree(TREE) as tree:
        host = "127.0.0.1" + port.format(tree.server.port)
        hosts = [HostProfile(host=host, headers=(("X-Key", "k"),))]
        assert walked(tree.url("/pub/"), hosts=hosts).whole.paths == WHOLE
        expected = "k" if given else None
        assert {request.fields.get("x-key") for request in tree.requests} == {expected}


def test_a_saved_page_has_secrets_for_its_base_alone(tmp_path: Path) -> None:
    saved = tmp_path / "index.html"
    saved.write_bytes(page("a/", "b/").partition(b"\r\n\r\n")[2])
    network = {"headers": (("X-Key", "k"),)}
    with Tree(TREE) as tree:
        found = walked(str(saved), base_url=tree.url("/pub"), network=network).whole
        assert found.paths == ["a/deep/two", "a/one", "b/old/four", "b/three"]
        assert {request.fields.get("x-key") for request in tree.requests} == {"k"}


def test_a_saved_page_of_no_known_place(tmp_path: Path) -> None:
    saved = tmp_path / "index.html"
    saved.write_bytes(page("a/", "b/").partition(b"\r\n\r\n")[2])
    found = walked(str(saved))
    assert isinstance(found.error, UsageError)
    assert found.error.hint == "give that with --base-url"


# -- what does not end --


def test_a_tree_that_goes_on_for_ever_ends_at_the_deepest_level() -> None:
    numbers = itertools.count()
    with Tree(lambda path: page(f"file-{next(numbers)}", f"d{next(numbers)}/")) as tree:
        found = walked(tree.url(), robots=False, limits=Limits(levels=10))
        assert len(tree.requests) == 11
        (unlisted,) = found.unlisted
        assert "more than 10 levels" in unlisted.error.message
        assert len(found.entries) == 11


def test_a_tree_that_spreads_for_ever_ends_at_so_many_folders() -> None:
    numbers = itertools.count()
    with Tree(lambda path: page(*(f"d{next(numbers)}/" for _ in range(3)))) as tree:
        found = walked(tree.url(), robots=False, limits=Limits(documents=50))
        assert len(tree.requests) <= 50
        assert "more than 50 folders" in found.unlisted[-1].error.message


def test_the_usual_limits_end_a_lone_chain() -> None:
    numbers = itertools.count()
    with Tree(lambda path: page(f"d{next(numbers)}/")) as tree:
        found = walked(tree.url(), robots=False)
        assert len(tree.requests) == 65
        assert len(found.unlisted) == 1


def test_a_server_that_shows_one_page_everywhere() -> None:
    with Tree(lambda path: page("a/", "b/", "f")) as tree:
        found = walked(tree.url(), robots=False).whole
        assert found.paths == ["f"]
        assert len(tree.requests) == 5
        assert len(found.said) == 2


def test_of_many_loops_the_first_are_named() -> None:
    loops = [f"self-{number}/" for number in range(9)]
    with Tree(lambda path: page(*loops, "f")) as tree:
        found = walked(tree.url(), robots=False).whole
        assert found.paths == ["f"]
        assert ["leads back to" in line for line in found.said] == [True, True, True, False]
        assert found.said[-1] == "9 folders in all lead back to one above them"


def test_a_loop_that_cannot_be_made_sure_of_ends_at_the_deepest_level() -> None:
    # It lists itself, but not any more far below.
    def answers(path: str) -> bytes | None:
        return page("self/", "f") if path.count("self") < 7 else answer(404)

    with Tree(answers) as tree:
        found = walked(tree.url(), robots=False, limits=Limits(levels=3))
        assert found.paths == ["f", "self/f", "self/self/f", "self/self/self/f"]
        assert len(found.unlisted) == 1


def test_a_server_that_redirects_what_is_not_there_makes_no_loop_of_a_folder() -> None:
    pages = {"/": page("six/", "me"), "/six/": page("six/", "me"), "/six/six/": page("me")}
    with Tree(lambda path: pages.get(path, moved("/"))) as tree:
        assert walked(tree.url(), robots=False).whole.paths == ["me", "six/me", "six/six/me"]


def test_a_loop_of_a_page_with_more_names_than_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("segdl.mirror.walk._HELD", 3)
    names = ["a/", "self/", *(f"f{number}" for number in range(10))]

    def answers(path: str) -> bytes | None:
        inside = path.replace("self/", "")
        return page(*names) if inside == "/" else page(*(f"g{number}" for number in range(9)))

    with Tree(answers) as tree:
        found = walked(tree.url(), robots=False).whole
        assert len(found.paths) == 10 + 9
        assert len(found.said) == 1


def test_names_that_mean_harm_are_not_asked_for() -> None:
    hostile = ["..%2fetc/", "%2e%2e/", "a%2f..%2f..%2f/", "%00/", "javascript:x/", "//other/d/"]
    with Tree({"/pub/": page(*hostile, "ctl%0A%1B2J/"), "/pub/ctl%0A%1B2J/": page("f")}) as tree:
        found = walked(tree.url("/pub/"), robots=False)
        assert found.paths == ["ctl\n\x1b2J/f"]
        assert len(tree.requests) == 2
        assert len(found.unusable) == 4
        assert all(unusable.why.isprintable() for unusable in found.unusable)


# -- how it ends early --


def stalling() -> Tree:
    """Return a tree whose folders never come."""
    first = page(*(f"d{number}/" for number in range(9)), "f")
    return Tree(lambda path: first if path == "/" else STALL)


def test_a_walk_that_is_closed_before_it_goes_on_asks_for_nothing_more() -> None:
    with stalling() as tree, a_run() as run:
        options = ListingOptions(source=tree.url(), robots=False)
        with closing(walk(run, options, print)) as items:
            assert next(items)
        assert len(tree.requests) == 1


def test_a_walk_that_is_closed_ends_what_is_under_way() -> None:
    slow = Tree(lambda path: {"/": page("a/", "b/"), "/a/": page("f")}.get(path, STALL))
    with slow as tree, a_run() as run:
        options = ListingOptions(source=tree.url(), robots=False)
        with closing(walk(run, options, print)) as items:
            assert next(items)
            # The other one is on its way, and comes to nothing.
            assert tree.server.wait_until(lambda: len(tree.requests) == 3)
        assert tree.server.wait_until(lambda: tree.server.in_flight == 0)


def test_what_came_for_nobody_is_let_go_of() -> None:
    large = page("x" * 2**21 + "/")
    pages = {"/": page("a/", "b/"), "/a/": page("f"), "/b/": large}
    # Its thread, its file or its warning would fail the test.
    with Tree(pages) as tree, a_run() as run:
        options = ListingOptions(source=tree.url(), robots=False)
        with closing(walk(run, options, print)) as items:
            assert next(items)
            assert tree.server.wait_until(lambda: len(tree.requests) == 3)
            assert tree.server.wait_until(lambda: tree.server.in_flight == 0)


@pytest.mark.parametrize("options", [{}, {"robots": False}])
def test_a_walk_ends_with_its_run(options: dict[str, Any]) -> None:
    cancel = threading.Event()

    def answers(path: str) -> bytes:
        if path == "/":
            return page("a/", "b/")
        cancel.set()
        return STALL

    with Tree(answers, robots=STALL) as tree:
        if not options:
            cancelling = threading.Timer(0.3, cancel.set)
            cancelling.start()
        found = walked(tree.url(), cancel=cancel, **options)
        assert isinstance(found.error, CancelledError)


# -- how much it takes --


def test_many_folders_take_little_memory() -> None:
    page = Page(url="http://h/", level=0, kind="index page")
    frontier = Frontier()
    tracemalloc.start()
    try:
        frontier.add(page, [f"http://h/folder-{n:06d}/" for n in range(100_000)], deeper=True)
        for _ in range(100_000):
            assert frontier.next() is not None
        assert frontier.next() is None
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_what_waits_comes_back_once_the_last_first_and_in_order() -> None:
    page = Page(url="http://h/", level=0, kind="index page")
    frontier = Frontier()
    frontier.add(page, ["http://h/a/", "http://h/b/"], deeper=True)
    frontier.add(page, ["http://h/c/", "http://h/%61/", "http://h/c/?page=2"], deeper=False)
    found = iter(frontier.next, None)
    assert [(pending.url[9:], pending.deeper) for pending in found] == [
        ("c/", False),
        ("%61/", False),
        ("c/?page=2", False),
        ("b/", True),
    ]
    assert frontier.seen == 4
    assert not frontier.is_new("http://h/b/")
    assert frontier.is_new("http://i/b/")


def test_a_tree_of_real_files(nginx: StartNginx, tmp_path: Path) -> None:
    expected = []
    for number in range(100):
        folder = tmp_path / f"{number % 7}" / f"{number % 3}" / str(number)
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(os.urandom(number))
        expected.append(f"{folder.relative_to(tmp_path)}/file")
    server = nginx(tmp_path, server=["autoindex on;"])
    found = walked(server.url()).whole
    assert found.paths == sorted(expected)
    assert {entry.path: entry.size for entry in found.entries} == {
        path: (tmp_path / path).stat().st_size for path in expected
    }

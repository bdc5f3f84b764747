"""Fixtures for all tests; what they hand out is in the package `support`."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from support import data
from support.apache import Apache
from support.filled import close_all
from support.leaks import Leaks
from support.nginx import Nginx
from support.origin import Origin
from support.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from support.buckets import Bucket
    from support.juicefs import JuiceFS


def pytest_configure() -> None:
    # Started in the background or by nohup, the suite is to ignore these, and so would every
    # program that it starts: no Ctrl-C would end one. A handler is not inherited.
    for name in ("SIGINT", "SIGQUIT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _go_on)


def _go_on(number: int, frame: object) -> None:
    """Do with a signal what ignoring it would do."""


@pytest.fixture(autouse=True)
def _no_leaks() -> Iterator[None]:
    leaks = Leaks()
    yield
    close_all()
    leaks.check()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority; ``authority.cacert`` is what ``--cacert`` takes."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def content() -> Callable[..., bytes]:
    """``content(size, seed=1)``: bytes that look random and are the same every time."""
    return data.content


@pytest.fixture
def origin() -> Iterator[Callable[..., Origin]]:
    """``origin(content, **how)``: a started :class:`Origin`, stopped after the test."""
    with ExitStack() as stack:

        def start(content: bytes, **how: Any) -> Origin:
            return stack.enter_context(Origin(content, **how))

        yield start


class StartNginx(Protocol):
    """What the fixture `nginx` is."""

    def __call__(
        self,
        root: Path,
        *,
        server: Sequence[str] = (),
        http: Sequence[str] = (),
        authority: Authority | None = None,
    ) -> Nginx: ...


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder that a server may serve."""
    place = tmp_path / "site"
    place.mkdir()
    return place


@pytest.fixture
def nginx() -> Iterator[StartNginx]:
    """``nginx(root, server=[…], http=[…], authority=…)``: started, stopped after the test."""
    with ExitStack() as stack:

        def start(
            root: Path,
            *,
            server: Sequence[str] = (),
            http: Sequence[str] = (),
            authority: Authority | None = None,
        ) -> Nginx:
            return stack.enter_context(Nginx(root, server=server, http=http, authority=authority))

        yield start


@pytest.fixture
def apache() -> Iterator[Callable[..., Apache]]:
    """``apache(server=[…])``: started with an empty folder ``.root``, stopped after the test."""
    with ExitStack() as stack:

        def start(*, server: Sequence[str] = ()) -> Apache:
            return stack.enter_context(Apache(server=server))

        yield start


@pytest.fixture(scope="session")
def shared_nginx(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Nginx]:
    """One plain nginx (HTTP and HTTPS) for the session; put files into ``.root``.

    Its log holds the requests of every test: look for your own file names in it.
    """
    with Nginx(tmp_path_factory.mktemp("site"), authority=authority) as server:
        yield server


# What only tests of buckets need is imported by them.


@pytest.fixture(scope="module")
def store() -> Iterator[JuiceFS]:
    """A started S3 server, stopped after the module."""
    from support.juicefs import JuiceFS

    with JuiceFS() as server:
        yield server


@pytest.fixture
def bucket(store: JuiceFS) -> Iterator[Bucket]:
    """A bucket of the test's own in `store`."""
    from support.buckets import Bucket

    made = Bucket(store)
    yield made
    made.close()

"""The public functions; `import segdl` is the way to them."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from segdl.core.checksum import parse_wanted
from segdl.core.s3url import S3Place, is_s3, parse_s3
from segdl.engine.download import download as download_one
from segdl.engine.many import Outcome, download_all
from segdl.engine.run import TICK, Run
from segdl.engine.surroundings import open_run
from segdl.errors import CancelledError, UsageError
from segdl.options import Headers, NetworkOptions, Request, TransferOptions
from segdl.progress.events import Event
from segdl.progress.view import make_view
from segdl.results import DownloadResult
from segdl.unclosed import close_at_exit

if TYPE_CHECKING:
    from segdl.engine.inspect import RemoteFile

ProgressKind = Literal["none", "auto", "rich", "tqdm", "json"]
AnyHeaders = Mapping[str, str] | Iterable[tuple[str, str]]


class _Stop(threading.Event):
    """Set by itself or by the caller's event, which is never set here."""

    def __init__(self, callers: threading.Event | None) -> None:
        super().__init__()
        self._callers = callers

    def is_set(self) -> bool:
        return super().is_set() or (self._callers is not None and self._callers.is_set())

    def wait(self, timeout: float | None = None) -> bool:
        if self._callers is None:
            return super().wait(timeout)
        ends = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = TICK if ends is None else min(TICK, ends - time.monotonic())
            if left <= 0:
                break
            self._callers.wait(left)
        return self.is_set()


def download(
    url: str,
    path: str | os.PathLike[str] | None = None,
    *,
    connections: int | str = "auto",
    checksum: str | None = None,
    headers: AnyHeaders = (),
    mirrors: Sequence[str] = (),
    limit_rate: int | str | None = None,
    progress: ProgressKind = "none",
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    network: NetworkOptions | None = None,
    transfer: TransferOptions | None = None,
) -> DownloadResult:
    """Download one file and return when it is whole.

    Prints nothing unless `progress` asks for it and installs no signal handlers. When it
    raises, what was fetched is kept beside the target, and the same call goes on from it.

    Args:
        url: http or https, ``s3://BUCKET/KEY``, or another protocol's of docs/s3.md.
        path: the file to make, or a folder (one that exists, or written with a final
            slash) to save it in by the name that the server or the URL gives; None is the
            current folder. ``s3://BUCKET/KEY`` and ``s3://BUCKET/PREFIX/`` go into a bucket.
        connections: for the file: a number, ``auto`` (as many as make it faster, up to 32)
            or ``auto:N``.
        checksum: ``ALGO=HEX`` that the file must have, as ``sha256=…``; ``auto`` looks for
            ``URL.sha256``, ``URL.sha256sum`` and ``SHA256SUMS`` beside the URL.
        headers: a mapping, or ``(name, value)`` pairs, for the URL's origin only.
        mirrors: other URLs of the same file; each must show that it is before its bytes count.
        limit_rate: bytes a second, or text as ``"2M"`` or ``"mon-fri 08:00-18:00=2M,10M"``,
            for all connections together; goes before that of `network`.
        progress: a view on standard error.
        on_event: called with each event, in the thread that called `download`.
        cancel: set it from another thread to end the download.
        network: how to reach servers.
        transfer: how to fetch and keep the file; `connections` goes before its own.

    Raises:
        SegdlError: see :mod:`segdl.errors`; `exit_code` tells the kind.

    Example:
        >>> segdl.download("https://example.org/big.iso", "isos/")  # doctest: +SKIP
        DownloadResult(path=PosixPath('isos/big.iso'), ...)
    """
    prefix, path = _bucket(path)
    directory, name = _place(path)
    request = Request(
        url=url,
        directory=directory,
        name=name,
        checksum=None if checksum is None else parse_wanted(checksum),
        headers=_pairs(headers),
        mirrors=tuple(mirrors),
    )
    transfer = replace(transfer or TransferOptions(), connections=connections)
    network = _limited(network, limit_rate)
    with _run(network, transfer, progress, on_event, cancel, max_files=1) as run:
        return download_one(run, request) if prefix is None else _upload_one(run, request, prefix)


def download_many(
    requests: Iterable[Request | str],
    *,
    max_files: int = 4,
    connections: int | str = "auto",
    limit_rate: int | str | None = None,
    progress: ProgressKind = "none",
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    network: NetworkOptions | None = None,
    transfer: TransferOptions | None = None,
) -> Generator[Outcome, None, None]:
    """Download many files, `max_files` at once; yield each as it ends.

    `requests` is read as the run gets on, in the thread that iterates: it may be endless. A
    file that cannot be had is a :class:`Failure` with its error, and the others go on.
    `on_event` is called from several threads, one at a time. Closing the generator cancels
    what is at work; what was fetched is kept.

    Args:
        requests: URLs, or :class:`Request` values where more is to be said.
        max_files: files at once.
        connections: for each file, as :func:`download` takes it.
        limit_rate: bytes a second, or text as ``"2M"`` or ``"mon-fri 08:00-18:00=2M,10M"``,
            for all connections and files together; goes before that of `network`.
        progress: a view on standard error.
        on_event: called with each event; `event.file` counts the requests from 1.
        cancel: set it from another thread to end the run.
        network: how to reach servers.
        transfer: how to fetch and keep files; `connections` goes before its own.

    Raises:
        UsageError: a bad value.
        CancelledError: `cancel` was set; everything that ended was yielded before.

    Example:
        >>> for outcome in segdl.download_many(open("urls.txt")):  # doctest: +SKIP
        ...     print(outcome)
    """
    if max_files < 1:
        raise UsageError(f"max_files must be at least 1, not {max_files}")
    wanted = (Request(url=item) if isinstance(item, str) else item for item in requests)
    transfer = replace(transfer or TransferOptions(), connections=connections)
    network = _limited(network, limit_rate)
    run = _run(network, transfer, progress, on_event, cancel, max_files=max_files)
    return close_at_exit(_outcomes(run, wanted, max_files))


def _outcomes(
    opened: AbstractContextManager[Run], wanted: Iterable[Request], max_files: int
) -> Generator[Outcome, None, None]:
    with opened as run:
        with closing(download_all(run, wanted, download_one, max_files)) as outcomes:
            for _, outcome in outcomes:
                yield outcome
        if run.cancel.is_set():
            raise CancelledError("interrupted", hint="call it again to go on")


def info(
    url: str,
    *,
    headers: AnyHeaders = (),
    cancel: threading.Event | None = None,
    network: NetworkOptions | None = None,
) -> RemoteFile:
    """Ask a server what it says of a file: size, ranges, validators, name, digests.

    Args:
        url: http or https.
        headers: a mapping, or ``(name, value)`` pairs, for the URL's origin only.
        cancel: set it from another thread to end the wait.
        network: how to reach servers.

    Raises:
        SegdlError: it cannot be asked, or says no.
    """
    from segdl.engine.inspect import inspect

    with _run(network, TransferOptions(), "none", None, cancel, max_files=1) as run:
        return inspect(run, Request(url=url, headers=_pairs(headers)))


def read_metalink(
    document: bytes | str | os.PathLike[str], directory: str | os.PathLike[str] = ""
) -> tuple[Request, ...]:
    """Read a Metalink document, 4 or 3, into requests for :func:`download_many`.

    Each has the file's name, its mirrors, and what it must be (`expected`). Headers, users and
    passwords of a run go to none of the mirrors: the document names them, not you.

    Args:
        document: its bytes, or the path of a file.
        directory: folder to save in; names never lead out of it.

    Raises:
        UsageError: it is no Metalink document, or has a file without an http or https URL.
        DiskError: the file cannot be read.

    Example:
        >>> requests = segdl.read_metalink("debian.meta4")  # doctest: +SKIP
        >>> outcomes = list(segdl.download_many(requests))  # doctest: +SKIP
    """
    from segdl.engine.documents import local_requests

    return tuple(local_requests(document, Path(directory)))


@contextmanager
def _run(
    network: NetworkOptions | None,
    transfer: TransferOptions,
    progress: ProgressKind,
    on_event: Callable[[Event], None] | None,
    cancel: threading.Event | None,
    *,
    max_files: int,
) -> Iterator[Run]:
    view = make_view(progress, sys.stderr)

    def emit(event: Event) -> None:
        view(event)
        if on_event is not None:
            on_event(event)

    try:
        with open_run(
            network or NetworkOptions(),
            transfer,
            emit,
            _Stop(cancel),
            max_files=max_files,
        ) as run:
            yield run
    finally:
        view.close()


def _limited(network: NetworkOptions | None, limit_rate: int | str | None) -> NetworkOptions:
    network = network or NetworkOptions()
    return network if limit_rate is None else replace(network, limit_rate=limit_rate)


def _bucket(
    path: str | os.PathLike[str] | None,
) -> tuple[S3Place | None, str | os.PathLike[str] | None]:
    """Take a bucket out of a path: return the prefix, and what is below it."""
    if not isinstance(path, str) or not is_s3(path):
        return None, path
    place = parse_s3(path)
    folder, slash, name = place.key.rpartition("/")
    return S3Place(place.bucket, folder + slash), name or None


def _upload_one(run: Run, request: Request, prefix: S3Place) -> DownloadResult:
    from segdl.s3.store import Store
    from segdl.s3.upload import Uploader

    return Uploader(Store(run), prefix)(run, request)


def _place(path: str | os.PathLike[str] | None) -> tuple[Path, str | None]:
    if path is None:
        return Path(), None
    text = os.fspath(path)
    separators = ("/", "\\") if os.name == "nt" else ("/",)
    if text.endswith(separators) or os.path.isdir(text):
        return Path(text), None
    return Path(text).parent, Path(text).name


def _pairs(headers: AnyHeaders) -> Headers:
    return tuple(headers.items() if isinstance(headers, Mapping) else headers)

"""Files that fsspec reads by other protocols, answered as an HTTP server would.

So everything behind it is the same: versions are pinned by validators, ranges are asked for,
what does not fit is found out. fsspec itself is known here alone.
"""

from __future__ import annotations

import http.client
import io
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3

from segdl.core.elsewhere import asked_span, size_of, validators
from segdl.core.spans import Span
from segdl.core.text import printable
from segdl.core.url import Location
from segdl.errors import NetworkError, SegdlError, UsageError
from segdl.net import ssh
from segdl.net.answer import LibraryAnswer
from segdl.net.failures import TransferError
from segdl.net.wire import Wire
from segdl.options import NetworkOptions

if TYPE_CHECKING:
    from types import ModuleType

# Bytes of one read: those of all connections are in memory at once.
_STEP = 1024 * 1024


class Elsewhere:
    """Opens files by other protocols. Threads share it; `_lock` owns `_idle`.

    Each answer has a connection of its own while it is read: few of the libraries under
    fsspec let threads share one.
    """

    def __init__(self, options: NetworkOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._idle: dict[tuple[object, ...], list[Any]] = {}

    def open(self, location: Location, headers: Mapping[str, str], wire: Wire) -> LibraryAnswer:
        """Answer a GET.

        Args:
            location: the file.
            headers: Range, If-Range, If-None-Match and If-Modified-Since are heeded.
            wire: told how long it took; aborts it where that can be done.

        Raises:
            TransferError: there is no answer.
            UsageError: what the protocol takes is not installed.
        """
        began = time.monotonic()
        system: Any = None
        try:
            system = self._take(location)
            ssh.attach(wire, system)
            response = self._answer(system, location, headers)
        except SegdlError:
            raise
        except (ImportError, ValueError) as error:
            self._broken(location, system)
            raise _missing(location, error) from error
        except Exception as error:
            # Each protocol has a library of its own, and exceptions of its own.
            self._broken(location, system)
            raise _failure(location, error) from error
        wire.waited = time.monotonic() - began
        return LibraryAnswer(response, keep=response.close)

    def _take(self, location: Location) -> Any:
        with self._lock:
            idle = self._idle.get(_key(location))
            if idle:
                return idle.pop()
        return self._connect(location)

    def _give_back(self, location: Location, system: Any) -> None:
        with self._lock:
            self._idle.setdefault(_key(location), []).append(system)

    def _broken(self, location: Location, system: Any) -> None:
        """Have the next request connect anew: what broke one connection broke its siblings."""
        with self._lock:
            idle = self._idle.pop(_key(location), [])
        for each in (system, *idle):
            ssh.disconnect(each)

    def _connect(self, location: Location) -> Any:
        fsspec = fsspec_or_error()
        scheme = location.origin.scheme
        more: dict[str, object] = {"skip_instance_cache": True}
        if location.user is not None:
            more["username"] = location.user[0]
            if location.user[1]:
                more["password"] = location.user[1]
        if scheme in ssh.SCHEMES:
            more |= ssh.settings(self._options)
        system, _ = fsspec.core.url_to_fs(unquote(location.url), **more)
        if scheme in ssh.SCHEMES:
            ssh.set_timeout(system, self._options.stall_timeout)
        return system

    def _answer(
        self, system: Any, location: Location, headers: Mapping[str, str]
    ) -> urllib3.HTTPResponse:
        path: str = system._strip_protocol(unquote(location.url))  # noqa: SLF001 - fsspec's way
        system.invalidate_cache(path)
        try:
            info = system.info(path)
        except (FileNotFoundError, PermissionError) as error:
            self._give_back(location, system)
            return _response(404 if isinstance(error, FileNotFoundError) else 403)
        size, fields = size_of(info), validators(info)
        told = _told(info, headers, size, fields)
        if told is not None:
            self._give_back(location, system)
            return told
        span = None if size is None else asked_span(headers.get("Range"), size)
        if headers.get("If-Range", fields.get("ETag")) != fields.get("ETag"):
            span = None
        if span is not None:
            fields["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
        wanted = span or (None if size is None else Span(0, size))
        if wanted is not None:
            fields["Content-Length"] = str(len(wanted))

        def over(*, broken: bool) -> None:
            if broken:
                self._broken(location, system)
            else:
                self._give_back(location, system)

        return _response(
            200 if span is None else 206, fields, _Body(_opened(system, path), wanted, over)
        )

    def close(self) -> None:
        """Let go of connections, where a protocol has them."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for systems in idle.values():
            for system in systems:
                ssh.disconnect(system)


def _told(
    info: Mapping[str, object], headers: Mapping[str, str], size: int | None, fields: dict[str, str]
) -> urllib3.HTTPResponse | None:
    """Return the answer that has no body; None where there is one."""
    if info.get("type", "file") not in {"file", "link", "other"}:
        return _response(404)
    held = headers.get("If-None-Match"), headers.get("If-Modified-Since")
    if any(held) and all(
        value is None or value == fields.get(name)
        for name, value in zip(("ETag", "Last-Modified"), held, strict=True)
    ):
        return _response(304, fields)
    span = None if size is None else asked_span(headers.get("Range"), size)
    if span is not None and not span:
        return _response(416, {**fields, "Content-Range": f"bytes */{size}"})
    return None


def _key(location: Location) -> tuple[object, ...]:
    parts = urlsplit(location.url)
    return parts.scheme, parts.netloc, location.user


class _Body(io.RawIOBase):
    """A part of a file, read in order by one thread.

    Args:
        file: open, at its beginning.
        span: the part; None is all of it, however long.
        over: called once, when nobody reads any more.
    """

    def __init__(self, file: Any, span: Span | None, over: Callable[..., None]) -> None:
        super().__init__()
        self._file = file
        self._left = None if span is None else len(span)
        self._over = over
        self._failed = False
        if span is not None and span.start:
            file.seek(span.start)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self.read1(size)

    def read1(self, size: int = -1, /) -> bytes:
        wanted = _STEP if size < 0 else min(size, _STEP)
        wanted = wanted if self._left is None else min(wanted, self._left)
        try:
            data: bytes = self._file.read(wanted) if wanted else b""
        except Exception as error:
            # As above: whatever it is, the connection is broken.
            self._failed = True
            raise OSError(printable(type(error).__name__, 80)) from error
        if self._left is not None:
            self._left -= len(data)
        return data

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        try:
            self._file.close()
        except Exception:  # noqa: BLE001 - as above, and nothing is lost
            self._failed = True
        self._over(broken=self._failed)


def _opened(system: Any, path: str) -> Any:
    try:
        # What is read ahead of a segment's end would be thrown away.
        return system.open(path, "rb", cache_type="none")
    except TypeError:
        return system.open(path, "rb")


def _response(
    status: int, fields: Mapping[str, str] | None = None, body: _Body | None = None
) -> urllib3.HTTPResponse:
    fields = fields or {}
    return urllib3.HTTPResponse(
        body=body or io.BytesIO(),
        headers={"Content-Length": "0", **fields} if body is None else fields,
        status=status,
        version=11,
        reason=http.client.responses[status],
        preload_content=False,
        decode_content=False,
        request_method="GET",
    )


def fsspec_or_error() -> ModuleType:
    """Return fsspec.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import fsspec
        import fsspec.core
    except ImportError:
        raise UsageError(
            "this URL needs fsspec, which is not installed", hint="pip install 'segdl[fsspec]'"
        ) from None
    module: ModuleType = fsspec
    return module


def _missing(location: Location, error: ImportError | ValueError) -> TransferError:
    scheme = location.origin.scheme
    text = printable(str(error) if isinstance(error, ImportError) else type(error).__name__, 200)
    return TransferError(
        UsageError(f"{scheme}:// cannot be used: {text}", hint="install what it names"), fatal=True
    )


def _failure(location: Location, error: Exception) -> TransferError:
    # Its text may quote what it was given, passwords included.
    words = error.strerror if isinstance(error, OSError) and error.strerror else ""
    said = printable(f"{type(error).__name__} {words}".strip(), 200)
    refused = "Authentication" in type(error).__name__
    hint = "check the user, and the password or key" if refused else ""
    return TransferError(NetworkError(f"{location}: {said}", hint=hint), fatal=refused)

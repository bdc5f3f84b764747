"""What `segdl` promises to Python: its names, its documentation, and no side effects."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import threading
from dataclasses import is_dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest

import segdl
from support.program import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.origin import Origin

DOCS = Path(__file__).parents[1] / "docs" / "api.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
PUBLIC = {
    "CancelledError",
    "Checksum",
    "ChecksumMismatchError",
    "DiskError",
    "DownloadResult",
    "Failure",
    "IntegrityError",
    "NetworkError",
    "NetworkOptions",
    "RangeSpec",
    "RemoteChangedError",
    "RemoteFile",
    "Request",
    "SegdlError",
    "ServerError",
    "TargetExistsError",
    "TargetLockedError",
    "TransferOptions",
    "UsageError",
    "__version__",
    "download",
    "download_many",
    "events",
    "info",
    "parse_checksum",
    "parse_range",
    "read_metalink",
}


def test_the_public_names_are_exact_and_there() -> None:
    assert set(segdl.__all__) == PUBLIC
    assert segdl.__all__ == sorted(segdl.__all__)
    assert set(dir(segdl)) == PUBLIC


def test_what_its_fields_are_can_be_found_out() -> None:
    """What makes or checks values by their types asks for them: none may be for checkers only."""
    public = [getattr(segdl, name) for name in segdl.__all__]
    values = [each for each in public if is_dataclass(each) or hasattr(each, "_fields")]
    assert segdl.DownloadResult in values
    for value in values:
        assert get_type_hints(value)
    space: dict[str, Any] = {}
    exec("from segdl import *", space)
    assert set(space) - {"__builtins__"} == PUBLIC
    for name in PUBLIC - {"__version__"}:
        assert inspect.getdoc(space[name]), name
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = segdl.nope
    assert resources.files("segdl").joinpath("py.typed").is_file()


def test_public_functions_are_typed_and_documented() -> None:
    for function in (segdl.download, segdl.download_many, segdl.info, segdl.read_metalink):
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty
        doc = inspect.getdoc(function) or ""
        for name, parameter in signature.parameters.items():
            assert parameter.annotation is not inspect.Parameter.empty
            assert f"{name}:" in doc, f"{function.__name__}: {name} is not documented"
        assert "Raises:" in doc


def test_errors_and_their_codes() -> None:
    table = dict(re.findall(r"^\| `(\w+Error)` \| (\d+) \|", DOCS.read_text(), re.MULTILINE))
    kinds = {name: getattr(segdl, name) for name in PUBLIC if name.endswith("Error")}
    assert table == {name: str(kind.exit_code) for name, kind in kinds.items()}
    assert all(issubclass(kind, segdl.SegdlError) for kind in kinds.values())
    assert not issubclass(segdl.SegdlError, OSError)


def test_importing_it_imports_little() -> None:
    code = (
        "import sys, segdl, segdl.errors\n"
        "assert segdl.UsageError and segdl.NetworkOptions\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert not {"requests", "urllib3", "rich", "tqdm", "ssl", "asyncio"} & set(ended.stdout.split())


@pytest.mark.parametrize("source", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_of_the_documentation(
    source: str,
    origin: Callable[..., Origin],
    tmp_path: Path,
    content: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served = origin(content(3_000_000))
    monkeypatch.chdir(tmp_path)
    before = set(threading.enumerate())
    code = source.replace("https://example.org", served.server.url(""))
    exec(compile(code, str(DOCS), "exec"), {})
    for thread in set(threading.enumerate()) - before:
        if isinstance(thread, threading.Timer):
            thread.cancel()
            thread.join()
    assert served.requests


@pytest.mark.parametrize(
    "make",
    [
        lambda: segdl.download("nonsense"),
        lambda: segdl.download("http://h/", connections=0),
        lambda: segdl.download("http://h/", connections=10_000),
        lambda: segdl.download("http://h/", checksum="md5=1"),
        lambda: segdl.download("http://h/", checksum=""),
        lambda: segdl.download("http://h/", "a\0b"),
        lambda: segdl.download("http://h/", headers={"Range": "bytes=0-1"}),
        lambda: segdl.download("http://h/", progress="nope"),  # type: ignore[arg-type]
        lambda: list(segdl.download_many(["http://h/"], max_files=0)),
        lambda: segdl.TransferOptions(retries=-1),
        lambda: segdl.TransferOptions(min_split=0),
        lambda: segdl.NetworkOptions(connect_timeout=0),
        lambda: segdl.NetworkOptions(connect_timeout=float("inf")),
        lambda: segdl.NetworkOptions(stall_timeout=float("nan")),
        lambda: segdl.NetworkOptions(key=Path("k")),
        lambda: segdl.Request(url="http://h/", name=""),
        lambda: segdl.info("file:///etc/passwd"),
    ],
)
def test_bad_values_are_usage_errors(make: Callable[[], object]) -> None:
    with pytest.raises(segdl.UsageError) as caught:
        make()
    assert caught.value.exit_code == 2

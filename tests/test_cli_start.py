"""What a start costs: each library that is loaded is felt at every single file."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.program import environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.nginx import Nginx
    from support.tls import Authority

_LARGE = frozenset({"email.utils", "http.client", "requests", "rich", "ssl", "tqdm", "urllib3"})
_ABROAD = "encodings.idna"
# Puts together what does not come whole with the first answer.
_STAGED = "segdl.engine.staged"


def printed(code: str, words: Sequence[str]) -> str:
    """Return what a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        check=True,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("size", "tls", "loaded"),
    [
        (1024, False, ""),
        (5_120_000, False, f" {_STAGED}"),
        # The name that a certificate is compared with may be in any alphabet.
        (5_120_000, True, f" {_ABROAD} {_STAGED} ssl"),
    ],
)
def test_a_file_takes_no_library(
    shared_nginx: Nginx, authority: Authority, tmp_path: Path, size: int, tls: bool, loaded: str
) -> None:
    content = bytes(range(256)) * (size // 256)
    (shared_nginx.root / "a.bin").write_bytes(content)
    watched = {*_LARGE, _ABROAD, _STAGED}
    code = (
        "import sys; from segdl.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        f"print(code, *sorted({watched} & set(sys.modules)))"
    )
    url = shared_nginx.url("a.bin", tls=tls)
    words = [url, "-q", "-j", "4", "-d", str(tmp_path), "--cacert", str(authority.cacert)]
    assert printed(code, words) == f"0{loaded}\n"
    assert (tmp_path / "a.bin").read_bytes() == content


def test_a_mirror_loads_only_what_its_own_list_takes(shared_nginx: Nginx, tmp_path: Path) -> None:
    (shared_nginx.root / "a.bin").write_bytes(b"12345")
    lines = {"url": shared_nginx.url("a.bin"), "size": 5}
    (tmp_path / "list.jsonl").write_text(json.dumps(lines) + "\n")
    watched = {*_LARGE, "csv", "html.parser", "subprocess", "xml.parsers.expat"}
    code = (
        "import sys; from segdl.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        f"print(code, *sorted({watched} & set(sys.modules)))"
    )
    words = ["mirror", "-q", str(tmp_path / "list.jsonl"), str(tmp_path / "here")]
    assert printed(code, words) == "0\n"
    assert (tmp_path / "here" / "a.bin").read_bytes() == b"12345"


def test_a_connection_is_begun_before_much_is_loaded() -> None:
    code = (
        "import sys\n"
        "import segdl.cli.get as command\n"
        "def early(origin, *, within):\n"
        "    loaded = {'dataclasses', 'json', 'logging'} & set(sys.modules)\n"
        "    print(origin, within, *sorted(loaded))\n"
        "    raise SystemExit\n"
        "command.Early = early\n"
        "command.get(sys.argv[1:])\n"
    )
    words = ["-q", "-j", "4", "-H", "A: b", "--connect-timeout", "5", "http://host.example:81/f"]
    assert printed(code, words) == "Origin(scheme='http', host='host.example', port=81) 5.0\n"

"""What a start costs: each library that is loaded is felt at every single file."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.program import environment

if TYPE_CHECKING:
    from pathlib import Path

    from support.nginx import Nginx
    from support.tls import Authority

_LARGE = frozenset({"http.client", "requests", "rich", "ssl", "tqdm", "urllib3"})


@pytest.mark.parametrize("tls", [False, True])
def test_a_file_takes_no_library(
    shared_nginx: Nginx, authority: Authority, tmp_path: Path, tls: bool
) -> None:
    content = bytes(range(256)) * 20_000
    (shared_nginx.root / "a.bin").write_bytes(content)
    code = (
        "import sys; from segdl.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        f"print(code, *sorted({set(_LARGE)} & set(sys.modules)))"
    )
    url = shared_nginx.url("a.bin", tls=tls)
    words = [url, "-q", "-j", "4", "-d", str(tmp_path), "--cacert", str(authority.cacert)]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        check=True,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout == ("0 ssl\n" if tls else "0\n")
    assert (tmp_path / "a.bin").read_bytes() == content

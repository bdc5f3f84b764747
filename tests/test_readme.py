"""README's commands and figures: what it says is what happens."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.meta4 import Listed, meta4
from support.origin import Origin
from support.reply import Reply

if TYPE_CHECKING:
    from conftest import StartNginx
    from support.connection import Connection
    from support.request import Request

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = next(block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL))


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("inside.txt")
        entry.size = 3_000_000
        archive.addfile(entry, io.BytesIO(os.urandom(entry.size)))
    return buffer.getvalue()


def _carry_out(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the README in a folder; it must succeed."""
    segdl = f"{shlex.quote(sys.executable)} -m segdl"
    done = subprocess.run(
        ["sh", "-c", re.sub(r"^segdl", segdl, line)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("command", [c for c in EXAMPLES.splitlines() if c.startswith("segdl")])
def test_every_example_works(command: str, tmp_path: Path) -> None:
    content = _archive()
    with Origin(content) as origin:
        top = origin.url.removesuffix("/file.bin")
        (tmp_path / "list.txt").write_text(f"{top}/one.bin\n{top}/two.bin\n  out=other.bin\n")
        document = meta4(Listed(content=content, urls=(f"{top}/a", f"{top}/b"))).encode()

        def route(request: Request, connection: Connection) -> bool:
            connection.send(Reply(200, (), document).head() + document)
            return True

        origin.routes["/big.meta4"] = route
        line = command.replace("https://example.org", top)
        line = line.replace("DIGEST", hashlib.sha256(content).hexdigest())
        done = _carry_out(line, tmp_path)
    if "| tar" in command:
        assert done.stdout.split() == ["inside.txt"]
    elif " info " in command:
        assert str(len(content)) in done.stdout
    else:
        made = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".txt"]
        assert made
        assert all(path.read_bytes() == content for path in made)


MIRRORS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)[1]


def test_the_examples_of_a_mirror_work(nginx: StartNginx, tmp_path: Path) -> None:
    pub = tmp_path / "site" / "pub"
    (pub / "d").mkdir(parents=True)
    files = {f"{n}.bin": os.urandom(1000 + n) for n in range(20)} | {"d/e.bin": b"e"}
    for path, content in files.items():
        (pub / path).write_bytes(content)
    sums = [f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in files.items()]
    (pub / "SHA256SUMS").write_text("".join(sums))
    server = nginx(tmp_path / "site", server=["autoindex on;"])
    archive = tmp_path / "archive"

    def carry_out(command: str) -> str:
        line = command.replace("https://example.org/", server.url(""))
        return _carry_out(line, tmp_path).stdout

    everything, checked, dry_run, verified, status = (
        line for line in MIRRORS.splitlines() if line.startswith("segdl")
    )
    carry_out(everything)
    assert (archive / "SHA256SUMS").exists()
    carry_out(checked)
    (pub / "SHA256SUMS").write_text("".join(sums[1:]))
    assert re.search(r"^delete +1000 B  0.bin$", carry_out(dry_run), re.MULTILINE)
    carry_out(checked)
    assert not (archive / "0.bin").exists()
    (archive / "5.bin").write_bytes(b"rotten")
    carry_out(verified)
    assert (archive / "5.bin").read_bytes() == files["5.bin"]
    assert (archive / "d" / "e.bin").read_bytes() == b"e"
    assert f"of {len(files) - 1} files" in carry_out(status)


def test_python_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = next(iter(re.findall(r"```python\n(.*?)```", README, re.DOTALL)))
    (tmp_path / "isos").mkdir()
    monkeypatch.chdir(tmp_path)
    with Origin(b"x" * 3_000_000) as origin:
        top = origin.url.removesuffix("/file.bin")
        code = compile(example.replace("https://example.org", top), "README.md", "exec")
        exec(code, {})
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "a",
        "b",
        "big.iso",
    ]


def test_figures_are_those_of_the_results() -> None:
    command = [sys.executable, str(ROOT / "benchmarks/readme.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link

"""The scripts in docs/cluster, without what runs them; benchmarks/slurm.py has a SLURM do that."""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import data
from support.program import SOURCE, run

if TYPE_CHECKING:
    from conftest import StartNginx

SCRIPTS = SOURCE.parent / "docs" / "cluster"
COUNT = 3
FILES = {f"f{n}.bin": data.content(1000 + 10 * n, n) for n in range(30)}


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sbatch")), ids=lambda path: path.name)
def test_bash_can_read_them(script: Path) -> None:
    ended = run(["bash", "-n", script])
    assert (ended.code, ended.err) == (0, "")


@pytest.fixture
def source(nginx: StartNginx, tmp_path: Path) -> str:
    root = tmp_path / "site"
    root.mkdir()
    for name, content in FILES.items():
        (root / name).write_bytes(content)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in FILES.items()]
    (root / "SHA256SUMS").write_text("".join(sums))
    return nginx(root).url("SHA256SUMS")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with this segdl, whatever else is installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "segdl"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m segdl "$@"\n')
    program.chmod(0o755)
    return folder


def test_tasks_of_an_array_bring_what_one_run_would(
    source: str, programs: Path, tmp_path: Path
) -> None:
    mirrored = tmp_path / "mirrored"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def task(at: int, **variables: str) -> int:
        command = ["bash", str(SCRIPTS / "shards.sbatch"), source, str(mirrored)]
        variables |= {"PATH": path, "SLURM_ARRAY_TASK_ID": str(at)}
        return run(command, cwd=tmp_path, env=variables).code

    array = [task(at, SLURM_ARRAY_TASK_COUNT=str(COUNT)) for at in range(COUNT - 1)]
    # The last one is submitted alone: SLURM says that there is no other.
    alone = task(COUNT - 1, SLURM_ARRAY_TASK_COUNT="1", SEGDL_SHARDS=str(COUNT))
    assert [*array, alone] == [0] * COUNT
    assert {name: (mirrored / name).read_bytes() for name in FILES} == FILES
    assert len(list(mirrored.glob(f".segdl/shard-*-of-{COUNT}/ledger.sqlite"))) == COUNT

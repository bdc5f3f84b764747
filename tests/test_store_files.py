"""Part files, the state beside them, the lock, the free name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from segdl.core.checksum import Claim, parse_checksum
from segdl.core.identity import Version
from segdl.core.spans import Span
from segdl.errors import DiskError, TargetLockedError
from segdl.store import lock as lock_module
from segdl.store import part as part_module
from segdl.store.lock import Lock
from segdl.store.parts import Parts
from segdl.store.record import is_recorded, write_record
from segdl.store.state import FileId, State, boot_id, load, save
from segdl.store.target import Target, free_name
from segdl.store.workplace import Workplace

STATE = State(
    url="http://example.org/f",
    version=Version(size=9, etag='"a"', last_modified="then", media_type="text/plain"),
    range="0-8",
    publishing=FileId(device=1, inode=2, size=9, modified=4),
)


def test_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert load(path) is None
    save(path, STATE)
    assert load(path) == STATE
    assert STATE.boot == boot_id()
    digest = Claim(parse_checksum("md5=" + "0" * 32), "Digest")
    told = replace(STATE, version=replace(STATE.version, digest=digest))
    save(path, told)
    assert load(path) == told
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_state_has_its_name_only_when_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def sync(file: int) -> None:
        done.append("sync")
        fsync(file)

    def name(old: Path, new: Path) -> None:
        done.append("name")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", name)
    save(tmp_path / "state.json", STATE)
    assert done == ["sync", "name"]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 60_000, b'"' + b"x" * 70_000,
        b'{"segdl": 2}', b'{"segdl": 1}',
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_read_is_none(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text)
    assert load(path) is None


@pytest.mark.parametrize(
    "change",
    [
        {"segdl": 2}, {"url": 5}, {"version": None}, {"version": {"size": -1}}, {"range": 5},
        {"version": {"size": True, "etag": None, "last_modified": None, "media_type": ""}},
        {"publishing": {"x": 1}}, {"publishing": 5}, {"boot": 5},
    ],
)  # fmt: skip
def test_a_state_with_a_wrong_field_is_none(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "state.json"
    save(path, STATE)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert load(path) is None


CHECKSUM = {"algorithm": "md5", "hexdigest": "0" * 32}


@pytest.mark.parametrize(
    ("digest", "good"),
    [
        ({"source": "Digest", "checksum": CHECKSUM}, True), (None, True), (5, False), ({}, False),
        ([], False), ({"source": 5, "checksum": CHECKSUM}, False), ({"checksum": CHECKSUM}, False),
        ({"source": "x", "checksum": None}, False), ({"source": "x", "checksum": {}}, False),
        ({"source": "x", "checksum": CHECKSUM | {"algorithm": "crc"}}, False),
        ({"source": "x", "checksum": CHECKSUM | {"hexdigest": "0"}}, False),
        ({"source": "x", "checksum": CHECKSUM | {"hexdigest": None}}, False),
    ],
)  # fmt: skip
def test_a_state_with_a_digest(tmp_path: Path, digest: object, good: bool) -> None:
    path = tmp_path / "state.json"
    save(path, STATE)
    told = json.loads(path.read_text())
    told["version"]["digest"] = digest
    path.write_text(json.dumps(told))
    assert (load(path) is not None) is good
    # As versions before this one wrote it.
    del told["version"]["digest"]
    path.write_text(json.dumps(told))
    assert load(path) == STATE


def test_links_in_the_folder_are_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    folder = tmp_path / "f.segdl"
    folder.mkdir()
    for name in ("state.new", "state.json", "0.part", "lock"):
        (folder / name).symlink_to(elsewhere)
    with pytest.raises(DiskError, match="symbolic link"):
        save(folder / "state.json", STATE)
    with pytest.raises(DiskError, match="symbolic link"):
        load(folder / "state.json")
    parts = Parts(folder)
    assert parts.sizes() == {}
    assert parts.read(Span(0, 4)) is None
    with pytest.raises(DiskError, match="symbolic link"):
        parts.open(0)
    with pytest.raises(DiskError, match="symbolic link"):
        Lock(folder / "lock", tmp_path / "f")
    assert elsewhere.read_bytes() == b"mine"


def test_only_plain_part_names_count(tmp_path: Path) -> None:
    for name in ("0.part", "7.part", "07.part", "x.part", "7.part.bak", "-1.part", "٣.part"):
        (tmp_path / name).write_bytes(b"abc")
    (tmp_path / "12.part").mkdir()
    os.mkfifo(tmp_path / "20.part")
    assert Parts(tmp_path).sizes() == {0: 3, 7: 3}


def test_a_part_grows_and_is_cut(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    part = parts.open(100)
    part.append(b"hello")
    assert (part.size, part.stop, parts.read(Span(101, 104))) == (5, 105, b"ell")
    assert parts.read(Span(99, 104)) is None
    assert parts.read(Span(101, 106)) is None
    part.cut(2)
    part.append(b"y")
    parts.release(part)
    part.close()
    assert (tmp_path / "100.part").read_bytes() == b"hey"


def test_what_an_earlier_run_wrote_is_synced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0.part").write_bytes(b"written, perhaps not on the disk")
    synced: list[int] = []
    monkeypatch.setattr(part_module, "_sync", synced.append)
    parts = Parts(tmp_path)
    part = parts.open(0)
    parts.sync()
    parts.sync()
    assert len(synced) == 1
    part.append(b"more")
    parts.sync()
    assert len(synced) == 2
    parts.release(part)


def test_bytes_that_a_sync_lost_are_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    parts = Parts(tmp_path)
    part = parts.open(0)
    part.append(b"safe")
    part.sync()
    part.append(b"lost")
    monkeypatch.setattr(part_module, "_sync", fail)
    with pytest.raises(DiskError, match="Input/output"):
        part.sync()
    monkeypatch.undo()
    with pytest.raises(DiskError, match="Input/output"):
        part.append(b"more")
    parts.release(part)
    assert (tmp_path / "0.part").read_bytes() == b"safe"


@pytest.mark.parametrize(
    ("held", "sound"),
    [
        (b"", b""), (b"abc", b"abc"), (b"abc\0\0", b"abc"), (b"\0" * 5_000_000, b""),
        (b"a\0b", b"a\0b"), (b"\0a", b"\0a"), (b"x" + b"\0" * 3_000_000, b"x"),
        (b"y" * 1_048_576 + b"\0", b"y" * 1_048_576),
    ],
)  # fmt: skip
def test_zeros_at_the_end_are_cut_after_a_power_cut(
    tmp_path: Path, held: bytes, sound: bytes
) -> None:
    (tmp_path / "0.part").write_bytes(held)
    Parts(tmp_path).mend()
    assert (tmp_path / "0.part").read_bytes() == sound


def test_a_hole_is_cut_after_a_power_cut(tmp_path: Path) -> None:
    with (tmp_path / "0.part").open("wb") as file:
        file.write(b"x" * 65536)
        file.seek(1 << 20)
        file.write(b"y" * 65536)
    Parts(tmp_path).mend()
    assert (tmp_path / "0.part").read_bytes() == b"x" * 65536


def test_one_holds_a_target(tmp_path: Path) -> None:
    target = Target(tmp_path / "f")
    with Workplace(target) as place:
        with pytest.raises(TargetLockedError) as refused:
            Workplace(target).__enter__()
        assert str(refused.value) == (
            f"{target.path} is being downloaded by this run already; "
            "once is enough if it is the same file, or choose another name with -o"
        )
        assert place.folder.is_dir()
    assert os.listdir(tmp_path) == []


def test_the_holder_is_named_whatever_the_lock_file_said_before(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text('{"pid": 1, "host": "' + "x" * 500 + '"}')
    held = Lock(path, tmp_path / "f")
    with pytest.raises(TargetLockedError, match="by this run already"):
        Lock(path, tmp_path / "f")
    held.release(delete=False)
    Lock(path, tmp_path / "f").release(delete=True)


# Children that a library forks know nothing of the descriptors that they inherit.
FORKED = """
import os, sys
from pathlib import Path
from segdl.errors import TargetLockedError
from segdl.store.lock import Lock

def is_held():
    try:
        Lock(path, path).release(delete=False)
    except TargetLockedError:
        return True
    return False

path = Path(sys.argv[1])
held = Lock(path, path)
until, goes_on = os.pipe()
cleaned, cleans = os.pipe()
child = os.fork()
if not child:
    os.close(goes_on)
    if sys.argv[2] == "cleans up":
        held.release(delete=True)
    os.write(cleans, b".")
    os.read(until, 1)
    os._exit(0)
os.read(cleaned, 1)
print(is_held(), path.exists())
held.release(delete=False)
print(is_held())
os.close(goes_on)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is inherited here")
@pytest.mark.parametrize("child", ["knows nothing", "cleans up"])
def test_a_forked_child_neither_keeps_the_lock_nor_lets_it_go(tmp_path: Path, child: str) -> None:
    command = [sys.executable, "-c", FORKED, str(tmp_path / "lock"), child]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == ("True True\nFalse\n", "")


def test_a_lock_file_deleted_between_opening_and_locking_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, try_lock, calls = tmp_path / "lock", lock_module._try_lock, []

    def late(descriptor: int) -> bool:
        calls.append(descriptor)
        if len(calls) == 1:
            path.unlink()  # its holder has finished
        return try_lock(descriptor)

    monkeypatch.setattr(lock_module, "_try_lock", late)
    held = Lock(path, tmp_path / "f")
    assert len(calls) == 2
    with pytest.raises(TargetLockedError):
        Lock(path, tmp_path / "f")
    held.release(delete=True)
    held.release(delete=True)
    assert not path.exists()


def test_a_folder_that_goes_away_while_it_is_taken_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, calls = Target.prepare, []

    def gone(self: Target) -> None:
        prepare(self)
        calls.append(1)
        if len(calls) < 3:
            self.workplace.rmdir()

    monkeypatch.setattr(Target, "prepare", gone)
    with Workplace(Target(tmp_path / "f")):
        assert len(calls) == 3
    assert os.listdir(tmp_path) == []


def test_a_folder_that_goes_away_while_it_is_looked_at_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run has it when it is made here, and has ended when it is looked at."""
    mkdir, calls = Path.mkdir, list[int]()

    def another(self: Path, *args: Any, **kwargs: Any) -> None:
        mkdir(self, *args, **kwargs)
        if self.name == "f.segdl" and not calls:
            calls.append(1)
            self.rmdir()
            raise FileExistsError

    monkeypatch.setattr(Path, "mkdir", another)
    with Workplace(Target(tmp_path / "f")) as place:
        assert calls
        assert place.folder.is_dir()
    assert os.listdir(tmp_path) == []


def test_what_others_keep_in_the_folder_stays(tmp_path: Path) -> None:
    with Workplace(Target(tmp_path / "f")) as place:
        (place.folder / "notes").write_text("mine")
        place.belongs_to(STATE)
    assert os.listdir(tmp_path / "f.segdl") == ["notes"]


def test_parts_are_kept(tmp_path: Path) -> None:
    with Workplace(Target(tmp_path / "f")) as place:
        place.belongs_to(STATE)
        part = place.parts.open(0)
        part.append(b"x")
        place.parts.release(part)
    assert sorted(os.listdir(tmp_path / "f.segdl")) == ["0.part", "lock", "state.json"]


def test_a_failing_disk_does_not_hide_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    with pytest.raises(ValueError, match="first"), Workplace(Target(tmp_path / "f")):  # noqa: PT012
        monkeypatch.setattr(Path, "unlink", fail)
        raise ValueError("first")


def test_a_name_as_long_as_can_be_has_a_folder_too(tmp_path: Path) -> None:
    one, other = Target(tmp_path / ("é" * 127)), Target(tmp_path / ("é" * 126 + "e"))
    assert one.workplace != other.workplace
    for target in (one, other):
        assert len(os.fsencode(target.workplace.name)) <= 255
        with Workplace(target):
            pass
    with pytest.raises(DiskError, match="too long"), Workplace(Target(tmp_path / ("a" * 256))):
        pass


def test_the_free_name(tmp_path: Path) -> None:
    def never(path: Path) -> bool:
        return False

    assert free_name(tmp_path / "a.b.gz", never) == tmp_path / "a.b.gz"
    (tmp_path / "a.b.gz").write_text("")
    (tmp_path / "a.b.1.gz").symlink_to("nowhere")
    assert free_name(tmp_path / "a.b.gz", never) == tmp_path / "a.b.2.gz"
    assert free_name(tmp_path / "a.b.gz", lambda path: path.is_symlink()).name == "a.b.1.gz"
    long = tmp_path / ("é" * 125 + ".txt")
    long.write_text("")
    assert free_name(long, never).name == "é" * 124 + ".1.txt"


URL = "http://h.example/f"


def test_a_record_that_is_nonsense_is_none(tmp_path: Path) -> None:
    path = tmp_path / "f"
    version = Version(size=3, etag='"a"')
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        write_record(file.fileno(), version, None, URL)
    if not is_recorded(path, version, None, URL):
        pytest.skip("no extended attributes here")
    assert not is_recorded(path, version, "0-1", URL)
    assert not is_recorded(path, Version(size=3, etag='"b"'), None, URL)
    assert not is_recorded(path, Version(size=4, etag='"a"'), None, URL)
    assert not is_recorded(path, version, None, f"{URL}2")
    good = json.loads(os.getxattr(path, "user.segdl"))
    for bad in (b"", b"[]", b"{}", json.dumps(good | {"version": {"etag": 5, "size": 3}}).encode()):
        os.setxattr(path, "user.segdl", bad)
        assert not is_recorded(path, version, None, URL)

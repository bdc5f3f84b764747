"""A Ceph of one node in a folder: cephx on, BlueStore, every port on loopback.

Files end with the disk that they are on, and whatever ends the run processes end with its sandbox.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checking.daemons import Daemons, running
from lab.programs import LabError

NEEDED = (
    "ceph",
    "ceph-authtool",
    "ceph-mgr",
    "ceph-mon",
    "ceph-osd",
    "monmaptool",
    "radosgw",
    "radosgw-admin",
)
PACKAGES = "radosgw ceph-mon ceph-osd ceph-mgr ceph-common"
DISK = 4 * 1024**3
PARTS = "_multipart_"
"""What names in an index begin with that are parts of uploads under way."""

_MON_PORT, _S3_PORT = 3300, 7480  # nobody else is in this network
_PATIENCE = 60.0
_GATEWAY = "client.rgw"
_CAPS = {
    "mon.": ["mon", "allow *"],
    "client.admin": ["mon", "allow *", "osd", "allow *", "mgr", "allow *"],
    "mgr.x": ["mon", "allow profile mgr", "osd", "allow *"],
    "osd.0": ["mon", "allow profile osd", "mgr", "allow profile osd", "osd", "allow *"],
    _GATEWAY: ["mon", "allow rw", "osd", "allow rwx", "mgr", "allow rw"],
}
_CONFIG = """[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{port}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = {folder}/keyring
run dir = {folder}
admin socket = {folder}/$name.asok
crash dir = {folder}/crash
log file = {folder}/$name.log
mon data = {folder}/mon
mgr data = {folder}/mgr
osd data = {folder}/osd
osd objectstore = bluestore
bluestore block size = {disk}
osd memory target = 1073741824
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon warn on pool no redundancy = false
"""
# As it is in the gateway's log: the request and its status.
_REQUEST = re.compile(r'"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[\d.]+" (?P<status>\d+) ')


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the gateway answered."""

    method: str
    target: str
    status: int

    @property
    def part(self) -> int | None:
        """The number of the part that it sends, if it does."""
        found = re.search(r"[?&]partNumber=(\d+)", self.target)
        return int(found[1]) if found and self.method == "PUT" else None


@dataclass(frozen=True, slots=True)
class Indexed:
    """An object as the bucket's index has it, which is not asked by S3."""

    size: int
    etag: str


@dataclass
class Ceph:
    """A cluster and its gateway; one thread uses it."""

    folder: Path
    key: str
    secret: str
    _gateway: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _daemons: Daemons = field(init=False)

    def __post_init__(self) -> None:
        environment = {**os.environ, "CEPH_CONF": str(self.folder / "ceph.conf")}
        self._daemons = Daemons(self.folder, environment)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{_S3_PORT}"

    @property
    def client(self) -> Any:
        """boto3's own."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
        )

    # -- coming up --

    def bring_up(self) -> None:
        """Start it with one user.

        Raises:
            LabError: it does not come up.
        """
        for name in ("mon", "mgr", "osd", "crash"):
            (self.folder / name).mkdir()
        fsid = str(uuid.uuid4())
        (self.folder / "ceph.conf").write_text(
            _CONFIG.format(
                fsid=fsid,
                folder=self.folder,
                port=_MON_PORT,
                disk=DISK,
            )
        )
        keyring, monmap = str(self.folder / "keyring"), str(self.folder / "monmap")
        self._daemons.ask("ceph-authtool", "--create-keyring", keyring)
        for name, caps in _CAPS.items():
            pairs = zip(caps[::2], caps[1::2], strict=True)
            words = [word for pair in pairs for word in ("--cap", *pair)]
            self._daemons.ask("ceph-authtool", keyring, "--gen-key", "-n", name, *words)
        address = f"[v2:127.0.0.1:{_MON_PORT}]"
        self._daemons.ask("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
        self._daemons.ask("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self._start("ceph-mon", "-i", "a")
        self._ceph("status")
        self._start("ceph-mgr", "-i", "x")
        disk = str(uuid.uuid4())
        self._ceph("osd", "new", disk, "0")
        self._daemons.ask("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", disk)
        self._start("ceph-osd", "-i", "0")
        self.launch()
        self._admin(
            *("user", "create", "--uid", "segdl", "--display-name", "segdl"),
            *("--access-key", self.key, "--secret-key", self.secret),
        )

    def launch(self) -> None:
        """Start the gateway, and return once it answers.

        Raises:
            LabError: it does not.
        """
        self._gateway = self._start(
            *("radosgw", "-n", _GATEWAY),
            *("--rgw-frontends", f"beast endpoint=127.0.0.1:{_S3_PORT}"),
        )
        client, deadline = self.client, time.monotonic() + _PATIENCE
        with contextlib.closing(client):
            while True:
                answer = _answer_of(client)
                if answer in (200, 403):  # 403: there is no user yet
                    return
                if self._gateway.poll() is not None or time.monotonic() > deadline:
                    raise LabError(
                        f"radosgw does not answer ({answer}): {self._daemons.last_words}"
                    )
                time.sleep(0.1)

    def kill(self) -> None:
        """Kill the gateway in the middle of whatever it does."""
        assert self._gateway is not None
        self._gateway.kill()
        self._gateway.wait()

    def end(self) -> None:
        """End every daemon."""
        self._daemons.end()

    # -- what it says of itself --

    def version(self) -> str:
        """Return what runs, from the daemons themselves."""
        told = json.loads(self._ceph("versions", "--format", "json"))
        return ", ".join(told["overall"])

    def health(self) -> str:
        """Return the cluster's own word, with its warnings."""
        told = json.loads(self._ceph("health", "--format", "json"))
        return " ".join([told["status"], *told["checks"]])

    def index(self, bucket: str) -> dict[str, Indexed]:
        """Return all that a bucket's index has, parts of uploads (`PARTS…`) included."""
        told = self._admin("bucket", "list", "--bucket", bucket, "--max-entries", "100000")
        return {
            each["name"]: Indexed(each["meta"]["size"], each["meta"]["etag"])
            for each in json.loads(told)
        }

    def asked(self) -> list[Asked]:
        """Return all requests so far."""
        return list(_requests((self.folder / f"{_GATEWAY}.log").read_text(errors="replace")))

    # -- programs --

    def _ceph(self, *words: str) -> str:
        return self._daemons.ask("ceph", "--connect-timeout", "30", *words)

    def _admin(self, *words: str) -> str:
        return self._daemons.ask("radosgw-admin", "-n", _GATEWAY, *words)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        return self._daemons.start(*words, "-f")


def ceph(folder: Path) -> AbstractContextManager[Ceph]:
    """Return a cluster that runs within, with a user of its own making."""
    return running(Ceph(folder, secrets.token_hex(10), secrets.token_hex(20)))


def _answer_of(client: Any) -> int | None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.list_buckets()
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    except BotoCoreError:
        return None
    return 200


def _requests(log: str) -> Iterator[Asked]:
    for found in _REQUEST.finditer(log):
        yield Asked(found["method"], found["target"], int(found["status"]))

"""Other programs as contenders, each with its defaults and without its user's configuration.

A peer gets no secret in its arguments, and none that it would send on to another origin
after a redirect: where it knows no other way it is left out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from segdl.bench.job import OUTPUT, Command, Job


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that is known.

    Attributes:
        name: of the program.
        build: returns its arguments without the URL, and what it reads.
        flag: how its connections are shown; empty where it has one.
        most: connections that it takes.
        stdin: whether it can read a URL instead of being given one as an argument.
    """

    name: str
    build: Callable[[Job, int], tuple[list[str], str]]
    flag: str = ""
    most: int = 1
    stdin: bool = True

    def label(self, connections: int) -> str:
        """Return what people call it.

        Example:
            >>> PEERS["aria2c"].label(8), PEERS["curl"].label(1)
            ('aria2c -x8', 'curl')
        """
        return f"{self.name} {self.flag}{connections}" if self.flag else self.name

    def objection(self, job: Job, connections: int) -> str:
        """Return why it cannot take part; empty where it can."""
        network = job.network
        if self.name != "curl":
            if job.credentials:
                return "only curl can be given credentials that others cannot see"
            if (network.proxy or "").startswith("socks"):
                return "only curl knows SOCKS proxies"
            if network.cacert is not None and Path(network.cacert).is_dir():
                return "only curl takes a folder of authorities"
        if job.signed and not self.stdin:
            return "it takes a URL as an argument only, where others see the query"
        if job.part is not None and self.flag:
            return "it cannot fetch a part of a file (--max-bytes all compares with it)"
        if self.name == "axel" and (network.cacert or network.cert):
            return "it takes no certificates"
        if self.name == "wget2" and job.size is None:
            return "without the file's size its chunks cannot be told"
        if connections > self.most:
            return f"it takes at most {self.most} connections"
        return ""

    def command(self, job: Job, connections: int) -> Command | None:
        """Return its command line; None where it is not installed."""
        path = shutil.which(self.name)
        if path is None:
            return None
        arguments, stdin = self.build(job, connections)
        return Command(program=(path,), name=self.name, arguments=tuple(arguments), stdin=stdin)


def _curl(job: Job, _: int) -> tuple[list[str], str]:
    options = job.network
    arguments = ["-q", "-sSfL", "-o", OUTPUT]
    if job.credentials:
        # It keeps Authorization from other origins, but not other fields.
        arguments += ["--max-redirs", "0"]
    if job.part is not None:
        arguments += ["-r", f"0-{job.part - 1}"]
    if options.cacert is not None and Path(options.cacert).is_dir():
        arguments += ["--capath", _path(options.cacert)]
    else:
        arguments += _tls(job, "--cacert", "--cert", "--key", "-k")
    if options.netrc:
        arguments.append("--netrc")
    if options.cookies is not None:
        arguments += ["-b", _path(options.cookies)]
    if not (job.signed or job.user or options.headers):
        return [*arguments, job.url], ""
    lines = [f"url = {_quoted(job.url)}"]
    if job.user is not None:
        lines.append(f"user = {_quoted(':'.join(job.user))}")
    lines += [f"header = {_quoted(f'{name}: {value}')}" for name, value in options.headers]
    return [*arguments, "-K", "-"], "\n".join([*lines, ""])


def _wget(job: Job, _: int) -> tuple[list[str], str]:
    arguments = ["--no-config", "--no-netrc", "-q", "-O", OUTPUT, *_wget_tls(job)]
    if job.part is not None:
        arguments.append(f"--header=Range: bytes=0-{job.part - 1}")
    return _with_url(job, arguments, ["-i", "-"])


def _wget2(job: Job, connections: int) -> tuple[list[str], str]:
    # HTTP/2 would be one connection, whatever it is told.
    arguments = ["--no-config", "--no-netrc", "-q", "--http2=off", "-O", OUTPUT, *_wget_tls(job)]
    if connections > 1:
        assert job.size is not None
        chunk = -(-job.size // connections)
        arguments += [f"--chunk-size={chunk}", f"--max-threads={connections}"]
    # It waits for ever for the end of what it calls "-".
    return _with_url(job, arguments, ["-i", "/dev/stdin"])


def _aria2c(job: Job, connections: int) -> tuple[list[str], str]:
    arguments = ["--no-conf", "--no-netrc", "-q", f"-x{connections}", f"-s{connections}", "-k1M"]
    # What a server calls a torrent would be fetched from anywhere.
    arguments += ["--follow-torrent=false", "--follow-metalink=false"]
    arguments += _tls(
        job, "--ca-certificate", "--certificate", "--private-key", "--check-certificate=false"
    )
    if not job.signed:
        return [*arguments, "-o", OUTPUT, job.url], ""
    return [*arguments, "-i", "-"], f"{job.url}\n  out={OUTPUT}\n"


def _axel(job: Job, connections: int) -> tuple[list[str], str]:
    insecure = ["-k"] if job.network.insecure else []
    return ["-q", f"-n{connections}", *insecure, "-o", OUTPUT, job.url], ""


def _lftp(job: Job, connections: int) -> tuple[list[str], str]:
    options = job.network
    settings = {
        "ssl:ca-file": options.cacert and _path(options.cacert),
        "ssl:cert-file": options.cert and _path(options.cert),
        "ssl:key-file": (options.key or options.cert) and _path(options.key or options.cert),
        "ssl:verify-certificate": "no" if options.insecure else None,
    }
    lines = [f"set {name} {_quoted(value)}" for name, value in settings.items() if value]
    lines.append(f"pget -n {connections} {_quoted(job.url)} -o {OUTPUT}")
    if not job.signed:
        return ["--norc", "-c", "; ".join(lines)], ""
    return ["--norc", "-f", "/dev/stdin"], "\n".join([*lines, ""])


def _wget_tls(job: Job) -> list[str]:
    return _tls(job, "--ca-certificate", "--certificate", "--private-key", "--no-check-certificate")


def _tls(job: Job, cacert: str, cert: str, key: str, insecure: str) -> list[str]:
    """Return the options about TLS under the names that a program has for them."""
    options = job.network
    arguments = []
    for name, path in ((cacert, options.cacert), (cert, options.cert), (key, options.key)):
        if path is not None:
            arguments += [name, _path(path)]
    return [*arguments, insecure] if options.insecure else arguments


def _with_url(job: Job, arguments: list[str], reading: list[str]) -> tuple[list[str], str]:
    if job.signed:
        return [*arguments, *reading], f"{job.url}\n"
    return [*arguments, job.url], ""


def _path(path: Path | None) -> str:
    assert path is not None
    return str(Path(path).absolute())


def _quoted(text: str) -> str:
    r"""Quote for curl's and lftp's files.

    Example:
        >>> _quoted('a"b')
        '"a\\"b"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_READS_DEVICE = os.path.exists("/dev/stdin")

PEERS = {
    peer.name: peer
    for peer in (
        Peer("aria2c", _aria2c, flag="-x", most=16),
        Peer("axel", _axel, flag="-n", most=1 << 16, stdin=False),
        Peer("curl", _curl),
        Peer("wget", _wget),
        Peer("wget2", _wget2, flag="x", most=1 << 16, stdin=_READS_DEVICE),
        Peer("lftp", _lftp, flag="-n", most=1 << 16, stdin=_READS_DEVICE),
    )
}

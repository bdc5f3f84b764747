"""segdl itself as a contender: the real program, start and end included."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from segdl.bench.job import OUTPUT, Command, Job, python
from segdl.options import NetworkOptions


def own_command(job: Job, connections: str) -> Command:
    """Return the command line of `segdl get` with `-j` `connections`.

    Example:
        >>> url = "http://h/a"
        >>> job = Job(url=url, public=url, size=9, part=5, network=NetworkOptions())
        >>> own_command(job, "8").shown
        'segdl get --progress json -j 8 --range 0-4 -o file http://h/a'
    """
    arguments = ["get", "--progress", "json", "-j", connections]
    if job.part is not None:
        arguments += ["--range", f"0-{job.part - 1}"]
    arguments += _network(job.network)
    stdin = ""
    if job.signed or job.user or job.network.headers:
        arguments += ["--max-files", "1", "-i", "-"]
        stdin = _list(job)
    else:
        arguments += ["-o", OUTPUT, job.url]
    return Command(program=python(), name="segdl", arguments=tuple(arguments), stdin=stdin)


def _list(job: Job) -> str:
    """Return the list of one file: what others on the machine may not see."""
    parts = urlsplit(job.url)
    netloc = parts.netloc
    if job.user is not None:
        name, password = (quote(text, safe="", errors="surrogateescape") for text in job.user)
        netloc = f"{name}:{password}@{netloc}"
    url = urlunsplit(parts._replace(netloc=netloc))
    headers = [f"  header={name}: {value}" for name, value in job.network.headers]
    return "\n".join([url, f"  out={OUTPUT}", *headers, ""])


def _network(options: NetworkOptions) -> list[str]:
    arguments = []
    paths = {
        "--cookies": options.cookies,
        "--cacert": options.cacert,
        "--cert": options.cert,
        "--key": options.key,
    }
    for name, path in paths.items():
        if path is not None:
            # The program works in another folder.
            arguments += [name, str(Path(path).absolute())]
    flags = {
        "--netrc": options.netrc,
        "--location-trusted": options.location_trusted,
        "--insecure": options.insecure,
    }
    arguments += [name for name, wanted in flags.items() if wanted]
    usual = NetworkOptions()
    for field in ("connect_timeout", "stall_timeout"):
        if getattr(options, field) != getattr(usual, field):
            arguments += [f"--{field.replace('_', '-')}", f"{getattr(options, field):f}"]
    return arguments

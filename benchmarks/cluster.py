"""What `segdl mirror --engine` costs a task, and what workers with links of their own bring.

    python benchmarks/cluster.py overhead          any machine
    python benchmarks/cluster.py links [COUNT...]  root on Linux: namespaces, 100 Mbit/s each

Prints one line a measurement, and JSON on demand (--json). It needs nginx and curl; the
scheduler and the workers are real Dask processes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path

from segdl.engine.surroundings import open_run
from segdl.mirror.engines.camp import pitch, strike
from segdl.mirror.engines.engine import open_engine
from segdl.mirror.engines.orders import Hash, Head
from segdl.mirror.happenings import Done, Happening, Taken
from segdl.mirror.listing import Entry, Found
from segdl.mirror.options import EngineOptions, ListingOptions, MirrorOptions
from segdl.mirror.session import Session
from segdl.options import NetworkOptions, Request, TransferOptions

MIB = 1024 * 1024
SOURCE = Path(__file__).resolve().parents[1] / "src"
RATE = 100  # Mbit/s of a link
# Of each link's bytes a TCP segment leaves so many to the file: 1448 of 1514.
GOODPUT = 1448 / 1514
HUB = "10.77.0.1"
FILE = 8 * MIB
_TASKS = 3000
_FILES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("overhead", "links"))
    parser.add_argument("counts", nargs="*", type=int, default=[])
    parser.add_argument("--seconds", type=int, default=40, help="of each run over links")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    figures = (
        overhead()
        if options.what == "overhead"
        else links(options.counts or [1, 2, 4], options.seconds)
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


# -- what a task costs --


def overhead() -> list[dict[str, object]]:
    """Measure tasks that do nothing, and files of 1 KiB with and without an engine."""
    figures: list[dict[str, object]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port, scheduler = stack.enter_context(dask_cluster(folder, ["", ""], "127.0.0.1"))
        engines = {
            "processes:2": EngineOptions(kind="processes", workers=2),
            "dask, 2 workers of 2 threads": EngineOptions(
                kind="dask", address=f"tcp://127.0.0.1:{port}"
            ),
        }
        root = folder / "site"
        root.mkdir()
        (root / "0").write_bytes(os.urandom(1024))
        for n in range(1, _FILES):
            os.link(root / "0", root / str(n))
        url = stack.enter_context(web_server(folder, root, "127.0.0.1"))
        entries = [Entry(path=str(n), urls=(f"{url}/{n}",), size=1024) for n in range(_FILES)]
        for name, engine in engines.items():
            one = empty_tasks(folder / "m", engine)
            figures.append({"engine": name, "ms_an_empty_task": round(one * 1e3, 3)})
            print(f"{name}: {one * 1e3:.2f} ms an empty task")
        for name, wanted in {"none": None, **engines}.items():
            driver, before = time.process_time(), cpu_of(scheduler)
            seconds = mirror(folder / f"m-{len(figures)}", entries, wanted, per_host=8)
            spent = {
                "ms_a_file_of_1_KiB": seconds,
                "ms_cpu_of_the_driver": time.process_time() - driver,
                "ms_cpu_of_the_scheduler": cpu_of(scheduler) - before,
            }
            each = {what: round(value / _FILES * 1e3, 2) for what, value in spent.items()}
            figures.append({"engine": name, **each})
            print(f"{name}: {', '.join(f'{value} {what}' for what, value in each.items())}")
    return figures


def empty_tasks(directory: Path, engine_options: EngineOptions) -> float:
    """Return the seconds that one of many tasks takes that find nothing to do."""
    network = NetworkOptions()
    transfer = TransferOptions()
    with open_run(network, transfer, lambda _: None, threading.Event(), max_files=1) as run:
        camp = pitch(directory, topics=engine_options.kind == "dask")
        engine = open_engine(engine_options, run, camp, lambda _: None, 30.0)
        try:
            engine.prove(camp, ())
            empty = camp.folder / "empty"
            empty.touch()

            def order(number: int) -> Hash:
                head = Head(number=number, attempt=1, camp=camp, network=network, transfer=transfer)
                request = Request(url="http://127.0.0.1:9/")
                return Hash(
                    head=head, request=request, place=empty, size=0, algorithms=frozenset({"md5"})
                )

            for number in range(engine.slots * 4):
                engine.submit(order(number)).result()
            began = time.monotonic()
            out = {engine.submit(order(number)) for number in range(engine.slots)}
            for number in range(_TASKS - engine.slots):
                over, out = wait(out, return_when=FIRST_COMPLETED)
                out |= {engine.submit(order(number)) for _ in over}
            wait(out)
            return (time.monotonic() - began) / _TASKS
        finally:
            engine.close()
            strike(camp)


# -- links of their own --


def links(counts: Sequence[int], seconds: int) -> list[dict[str, object]]:
    """Measure workers in namespaces of their own, each behind a link of 100 Mbit/s."""
    figures: list[dict[str, object]] = []
    for count in counts:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            spaces = stack.enter_context(namespaces(count))
            root = folder / "site"
            root.mkdir()
            amount = count * max(8, int(seconds * RATE * 1e6 / 8) // FILE)
            (root / "0").write_bytes(os.urandom(FILE))
            for n in range(1, amount):
                os.link(root / "0", root / str(n))
            url = stack.enter_context(web_server(folder, root, HUB))
            alone = curl_at_once(spaces, url, seconds=8)
            port, _ = stack.enter_context(dask_cluster(folder, spaces, HUB))
            engine = EngineOptions(kind="dask", address=f"tcp://{HUB}:{port}", piece=FILE)
            entries = [Entry(path=str(n), urls=(f"{url}/{n}",), size=FILE) for n in range(amount)]
            took = mirror(folder / "m", entries, engine, per_host=2 * count)
            speed = amount * FILE * 8 / took / 1e6
            nominal = count * RATE * GOODPUT
            figures.append(
                {
                    "workers": count,
                    "mbit_s": round(speed, 1),
                    "of_the_links": round(speed / nominal, 3),
                    "of_curl": round(speed / alone, 3),
                    "curl_mbit_s": round(alone, 1),
                    "seconds": round(took, 1),
                }
            )
            print(
                f"{count} workers: {speed:.1f} Mbit/s in {took:.0f} s, {speed / nominal:.3f} of "
                f"what {count} links of {RATE} Mbit/s carry, {speed / alone:.3f} of {count} curl"
            )
    return figures


@contextmanager
def namespaces(count: int) -> Iterator[list[str]]:
    """Yield namespaces, each behind a link of its own to here."""
    names = [f"segdl-w{n}-{os.getpid()}" for n in range(count)]
    try:
        ip("addr", "add", f"{HUB}/32", "dev", "lo")
        for n, name in enumerate(names, 1):
            here, there = f"sgl{n}h{os.getpid() % 10000}", f"sgl{n}w{os.getpid() % 10000}"
            ip("netns", "add", name)
            ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
            ip("addr", "add", f"10.77.{n}.1/24", "dev", here)
            ip("link", "set", here, "up")
            ip("-n", name, "addr", "add", f"10.77.{n}.2/24", "dev", there)
            ip("-n", name, "link", "set", there, "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "route", "add", "default", "via", f"10.77.{n}.1")
            for command in (
                ["tc", "qdisc", "add", "dev", here],
                ["ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", there],
            ):
                shape = ["root", "tbf", "rate", f"{RATE}mbit", "burst", "64kb", "latency", "50ms"]
                subprocess.run([*command, *shape], check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
        hub = ["ip", "addr", "del", f"{HUB}/32", "dev", "lo"]
        subprocess.run(hub, check=False, stderr=subprocess.DEVNULL)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def curl_at_once(spaces: Sequence[str], url: str, seconds: int) -> float:
    """Return the Mbit/s that one curl in each namespace has, all at once."""
    loop = "while curl -s -o /dev/null -w '%{size_download}\\n' \"$0\"; do :; done"
    began = time.monotonic()
    programs = [
        subprocess.Popen(
            ["ip", "netns", "exec", name, "timeout", str(seconds), "sh", "-c", loop, f"{url}/0"],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        for name in spaces
    ]
    bytes_of_whole_files = 0
    last = began
    for program in programs:
        assert program.stdout is not None
        for line in program.stdout:
            # The last one was cut off.
            if int(line) == FILE:
                bytes_of_whole_files += FILE
        program.wait()
        last = max(last, time.monotonic())
    # Up to one file of each is lost in the count: add what is expected of it.
    return (bytes_of_whole_files + len(spaces) * FILE / 2) * 8 / (last - began) / 1e6


# -- parts --


def mirror(
    directory: Path, entries: Sequence[Entry], engine: EngineOptions | None, *, per_host: int
) -> float:
    """Mirror; return the seconds from the first file that was taken to the last that was done."""
    options = MirrorOptions(
        directory=directory,
        listing=ListingOptions(source="-"),
        engine=engine,
        per_host=per_host,
        max_files=max(16, 2 * per_host),
    )
    moments: list[float] = []

    def tell(happening: Happening) -> None:
        if isinstance(happening, Taken | Done):
            moments.append(time.monotonic())

    def read() -> Iterator[Found]:
        yield from entries

    with open_run(
        NetworkOptions(), TransferOptions(), tell, threading.Event(), max_files=options.max_files
    ) as run:
        session = Session(options, TransferOptions(connections=f"auto:{per_host}"), tell)
        result = session.carry_out(run, read, has_to_read_again=lambda: False)  # type: ignore[arg-type]
    assert not result.failures, result.failures
    return max(moments) - min(moments)


@contextmanager
def web_server(folder: Path, root: Path, host: str) -> Iterator[str]:
    """Yield the URL of an nginx."""
    port = free_port(host)
    (folder / "nginx.conf").write_text(
        "user root; daemon off; pid nginx.pid; worker_processes 1; error_log stderr crit;\n"
        "events { worker_connections 1024; }\n"
        "http { access_log off; sendfile on; keepalive_requests 100000;\n"
        "client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u;\n"
        f'scgi_temp_path s; server {{ listen {host}:{port}; root "{root}"; }} }}\n'
    )
    command = ["nginx", "-p", str(folder), "-c", "nginx.conf"]
    with running(command, folder / "nginx.log"):
        until_it_answers(host, port)
        yield f"http://{host}:{port}"


@contextmanager
def dask_cluster(folder: Path, spaces: Sequence[str], host: str) -> Iterator[tuple[int, int]]:
    """Yield port and process of a scheduler with a worker of two threads in each namespace."""
    port = free_port(host)
    dask = [sys.executable, "-m", "dask"]
    with ExitStack() as stack:
        scheduler = [*dask, "scheduler", "--host", host, "--port", str(port), "--no-dashboard"]
        process = stack.enter_context(running(scheduler, folder / "scheduler.log"))
        until_it_answers(host, port)
        for n, name in enumerate(spaces, 1):
            within = ["ip", "netns", "exec", name] if name else []
            own = ["--host", f"10.77.{n}.2"] if name else []
            worker = [
                *(*within, *dask, "worker", f"tcp://{host}:{port}", "--no-nanny"),
                *("--nthreads", "2", "--no-dashboard", *own),
                *("--local-directory", str(folder / f"w{n}")),
            ]
            stack.enter_context(running(worker, folder / f"worker{n}.log"))
        from distributed import Client

        with Client(f"tcp://{host}:{port}", set_as_default=False) as client:
            client.wait_for_workers(len(spaces), timeout=60)
        yield port, process


def cpu_of(process: int) -> float:
    """Return the seconds of CPU that a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[int]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with open(log, "wb") as out:
        program = subprocess.Popen(
            command, stdout=out, stderr=out, env=environment, start_new_session=True
        )
    try:
        yield program.pid
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def free_port(host: str) -> int:
    with socket.socket() as free:
        free.bind((host, 0))
        return int(free.getsockname()[1])


def until_it_answers(host: str, port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing answers at {host}:{port}")


if __name__ == "__main__":
    main()

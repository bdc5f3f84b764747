"""The way to a server: loopback, a veth pair with tbf or netem, or two TUN devices.

The tools run in the lab's own network namespace, each server behind a link in another one.
Nothing here is undone by hand but processes: namespaces and devices end with them.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.programs import LabError, end, run, start
from lab.scenario import Link

_PACKET = 1500
_BURST = 0.001  # seconds' worth that tbf lets through at once
_SMALLEST_BURST = 128 * 1024  # else it would take the kernel's large packets apart
_LONG = 10_000  # packets: a device's own queue must not be the bottleneck


@dataclass(frozen=True, slots=True)
class Counters:
    """Packets of a link since it was made, both ways."""

    carried: int
    lost: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached.

    Attributes:
        address: the server's.
        device: whose counters tell what reached the client.
        prefix: of a command that shall run on the server's side.
        carrier: the process that is the link, where one is.
    """

    address: str
    device: str
    prefix: tuple[str, ...] = ()
    carrier: subprocess.Popen[str] | None = field(default=None, repr=False)

    def counters(self) -> Counters | None:
        if self.carrier is None:
            return None
        self.carrier.send_signal(signal.SIGUSR1)
        assert self.carrier.stdout is not None
        return Counters(**json.loads(self.carrier.stdout.readline()))

    def cpu_seconds(self) -> float:
        """CPU time of the link's process so far."""
        if self.carrier is None:
            return 0.0
        stat = Path(f"/proc/{self.carrier.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def received(self) -> int:
        """Bytes of packets that came in at the client's device so far."""
        for line in Path("/proc/net/dev").read_text().splitlines():
            name, _, figures = line.partition(":")
            if name.strip() == self.device:
                return int(figures.split()[0])
        return 0


def has_netem() -> bool:
    """Tell whether this kernel can delay and lose packets by itself."""
    try:
        run("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
    except LabError:
        return False
    run("tc", "qdisc", "del", "dev", "lo", "root")
    return True


def set_up_loopback() -> None:
    """Bring the lab's loopback up, with the congestion control of all servers."""
    run("ip", "link", "set", "lo", "up")
    route = "local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1"
    run("ip", "route", "change", *route.split(), "congctl", "cubic")


@contextmanager
def way(number: int, link: Link | None, *, netem: bool) -> Iterator[Way]:
    """Make the way to server `number` for as long as the context lasts."""
    if link is None:
        yield Way("127.0.0.1", "lo")
        return
    near, far = f"lab{number}", f"far{number}"
    with _namespace() as holder:
        inside = ("nsenter", f"--net=/proc/{holder}/ns/net")
        carrier = None
        netem = netem and link.rtt > 0
        try:
            if netem or not link.rtt:
                run("ip", "link", "add", near, *f"type veth peer name {far}".split())
            else:
                carrier = _carrier(near, far, link, seed=number)
            run("ip", "link", "set", far, "netns", str(holder))
            _configure((), near, number, 1, netem=netem)
            _configure(inside, far, number, 2, netem=netem)
            if netem:
                run(*netem_command(near, link, loss=0.0))
                run(*inside, *netem_command(far, link, loss=link.loss))
            elif not link.rtt and math.isfinite(link.rate):
                run(*tbf_command(near, link))
                run(*inside, *tbf_command(far, link))
            _as_a_server(inside, far, number)
            yield Way(f"198.18.{number}.2", near, inside, carrier)
        finally:
            if carrier is not None:
                end(carrier)


def netem_command(device: str, link: Link, *, loss: float) -> list[str]:
    """Return the command that makes a device's way out one direction of a link.

    netem's limit counts what waits and what is under way.
    """
    under_way = link.bytes_per_second * link.rtt / 2
    limit = max(10, int((link.queue + under_way) / _PACKET))
    words = ["tc", "qdisc", "add", "dev", device, "root", "netem"]
    words += ["delay", f"{link.rtt / 2 * 1e6:.0f}us", "rate", f"{link.rate:g}mbit"]
    words += ["loss", f"{loss * 100:g}%"] if loss else []
    return [*words, "limit", str(limit)]


def tbf_command(device: str, link: Link) -> list[str]:
    """Return the command that gives a device's way out a rate, and no delay but its queue's."""
    burst = max(_SMALLEST_BURST, int(link.bytes_per_second * _BURST))
    words = ["tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{link.rate:g}mbit"]
    return [*words, "burst", str(burst), "limit", str(max(link.queue, burst))]


@contextmanager
def _namespace() -> Iterator[int]:
    """Hold a network namespace; yield the process that is in it."""
    holder = start(["unshare", "--net", "sleep", "infinity"])
    try:
        ours = os.readlink("/proc/self/ns/net")
        deadline = time.monotonic() + 5
        while os.readlink(f"/proc/{holder.pid}/ns/net") == ours:
            if holder.poll() is not None or time.monotonic() > deadline:
                raise LabError("no network namespace can be made: see the message above")
            time.sleep(0.002)
        yield holder.pid
    finally:
        end(holder)


def _carrier(near: str, far: str, link: Link, *, seed: int) -> subprocess.Popen[str]:
    program = str(Path(__file__).with_name("link.py"))
    figures = (link.bytes_per_second, link.rtt, link.loss, link.queue, seed)
    carrier = start([sys.executable, program, near, far, *map(str, figures)])
    assert carrier.stdout is not None
    if carrier.stdout.readline() != "ready\n":
        end(carrier)
        raise LabError("the link did not start: see the message above (is there /dev/net/tun?)")
    return carrier


def _configure(
    prefix: tuple[str, ...], device: str, network: int, host: int, *, netem: bool
) -> None:
    # 198.18.0.0/15 is set apart for measuring networks (RFC 2544).
    run(*prefix, "ip", "addr", "add", f"198.18.{network}.{host}/24", "dev", device)
    # netem would lose, and time, 64 KiB at once where the kernel sends in one piece.
    single = ["gso_max_segs", "1"] if netem else []
    run(*prefix, *f"ip link set {device} mtu {_PACKET} txqueuelen {_LONG}".split(), *single)
    run(*prefix, "ip", "link", "set", device, "up")


def _as_a_server(prefix: tuple[str, ...], device: str, network: int) -> None:
    route = f"198.18.{network}.0/24 dev {device} src 198.18.{network}.2 congctl cubic"
    run(*prefix, "ip", "route", "change", *route.split())
    # Else a tool would begin with what the kernel learnt from the one before it.
    run(*prefix, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save")

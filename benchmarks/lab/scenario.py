"""What a scenario is: plain values that say everything about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lab.targets import Target

Kind = Literal["segdl", "segmented", "single"]

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
_SHORTEST_QUEUE = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class Link:
    """A path with one bottleneck.

    Attributes:
        rate: Mbit/s, each way; infinite without a bottleneck.
        rtt: seconds there and back, without a queue; 0 adds nothing to what a veth pair takes.
        loss: share of the server's packets that are lost at random.
    """

    rate: float
    rtt: float = 0.0
    loss: float = 0.0

    @property
    def bytes_per_second(self) -> float:
        return self.rate * 1e6 / 8

    @property
    def queue(self) -> int:
        """Bytes that wait before the bottleneck: one bandwidth-delay product, or 10 ms' worth."""
        return int(self.bytes_per_second * max(self.rtt, _SHORTEST_QUEUE))


@dataclass(frozen=True, slots=True)
class Server:
    """An nginx of its own, behind `link` or on loopback.

    Attributes:
        http: lines for the http block.
        server: lines for the server block.
        tls: HTTPS instead of HTTP.
    """

    link: Link | None = None
    http: str = ""
    server: str = ""
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A program as it is told to download.

    Attributes:
        command: words with places: ``{url}`` (the first server's), ``{urls}`` (all),
            ``{second}``, ``{mirrors}`` (the others, as segdl takes
            them), ``{list}`` (a file with one URL
            a line), ``{dir}``, ``{name}``, ``{cacert}``.
        options: of segdl, which it must know for this to be run.
    """

    name: str
    kind: Kind
    command: str
    options: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the lab.

    Attributes:
        size: bytes of each file.
        tools: they take turns, in this order, which moves on by one each round.
        servers: all have the same files.
        files: how many; several are named in a list.
        patience: seconds after which a run is ended and counts as failed.
    """

    name: str
    title: str
    size: int
    tools: tuple[Tool, ...]
    targets: tuple[Target, ...]
    servers: tuple[Server, ...] = (Server(),)
    files: int = 1
    patience: float = 120.0

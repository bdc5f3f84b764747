"""A place that serves the file: its origin, or a mirror."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from segdl.core.identity import Version
from segdl.core.mirrors import NO_LIMIT
from segdl.core.spans import Span
from segdl.engine.contact import Ranges
from segdl.engine.gate import Gate
from segdl.net.source import Source


class Pin(NamedTuple):
    """The version that every response must be of, and how the server does ranges."""

    version: Version
    ranges: Ranges


@dataclass(slots=True, kw_only=True, eq=False)
class Site:
    """A place that serves the file.

    Only the coordinator changes it, and only between attempts.

    Attributes:
        source: where the bytes come from.
        gate: its origin's door; the coordinator passed it before it starts an attempt.
        pin: what every response must be of; mirrors may name one version differently.
        most: connections that a list allows to it for the file.
        held: responses that wait to go on in another segment; each is a connection.
        received: bytes that came, those that are only compared included.
        brought: the bytes of this run that attempts which are over got from here.
        pace: bytes a second of the connection that was done with a segment last; None where
            none was yet.
    """

    source: Source
    gate: Gate
    pin: Pin
    most: int = NO_LIMIT
    held: int = 0
    received: int = 0
    brought: list[Span] = field(default_factory=list)
    pace: float | None = None

    @property
    def allowed(self) -> int:
        """Connections that it may have, without those that are held."""
        return self.most - self.held

    @property
    def idle_pace(self) -> float | None:
        """Bytes a second that a connection which waits for a request may bring; None: unknown."""
        return self.pace if self.source.idle else None

    @property
    def name(self) -> str:
        """The URL without secrets, for messages."""
        return str(self.source.asked)

    @property
    def host(self) -> str:
        """Where it is, for one line of progress."""
        return self.source.asked.origin.host

"""What every fault is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.reply import Exchange, Reply


class Fault:
    """Does nothing: a correct server."""

    def prepare(self, exchange: Exchange) -> Exchange:
        return exchange

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        return reply

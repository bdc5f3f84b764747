"""Validators that are missing or of no use, and preconditions that go unheeded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from support.faults.base import Fault

if TYPE_CHECKING:
    from support.reply import Exchange


@dataclass(frozen=True)
class NoValidators(Fault):
    """Neither ETag nor Last-Modified."""

    def prepare(self, exchange: Exchange) -> Exchange:
        return replace(exchange, version=replace(exchange.version, etag=None, last_modified=None))


@dataclass(frozen=True)
class FreshEtag(Fault):
    """Another ETag for every request, and no Last-Modified unless `dated`."""

    dated: bool = False

    def prepare(self, exchange: Exchange) -> Exchange:
        version = replace(exchange.version, etag=f'"fresh-{exchange.number}"')
        if not self.dated:
            version = replace(version, last_modified=None)
        return replace(exchange, version=version)


@dataclass(frozen=True)
class WeakEtag(Fault):
    """The ETag marked as weak: good for caches, not for ranges."""

    def prepare(self, exchange: Exchange) -> Exchange:
        etag = exchange.version.etag
        if etag is None or etag.startswith("W/"):
            return exchange
        return replace(exchange, version=replace(exchange.version, etag=f"W/{etag}"))


@dataclass(frozen=True)
class IgnorePreconditions(Fault):
    """Answer a range of whatever version is there, heedless of If-Range and If-Match."""

    def prepare(self, exchange: Exchange) -> Exchange:
        return exchange.without(
            "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"
        )


@dataclass(frozen=True)
class NoRangeWithPreconditions(Fault):
    """Drop Range from a request that has If-Range or If-Match, as some CDNs do."""

    def prepare(self, exchange: Exchange) -> Exchange:
        conditional = exchange.fields.keys() & {"if-range", "if-match"}
        return exchange.without("range") if conditional else exchange

from __future__ import annotations

from collections.abc import Callable, Iterator

from segdl.core.checksum import Checksum
from segdl.engine.run import Run
from segdl.mirror.listing import Entry, Found
from segdl.mirror.options import ListingOptions


def walk(run: Run, options: ListingOptions, say: Callable[[str], None]) -> Iterator[Found]:
    """Stand-in."""
    with open(options.source) as file:
        for line in file:
            digest, name = line.rstrip("\n").split("  ", 1)
            yield Entry(
                path=name,
                urls=((options.base_url or "") + name,),
                checksum=Checksum("sha256", digest),
            )

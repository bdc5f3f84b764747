"""Every tool, as somebody who mirrors with it would call it: sixteen transfers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["segdl", "list", "index"]
Which = Literal["first", "again", "resume"]
WHICH: tuple[Which, ...] = ("first", "again", "resume")


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool.

    Commands are words with places: ``{dir}``, ``{north}`` and ``{south}`` (the URL of each
    side, with its last slash), and the lists of :mod:`mirroring.lists`. Several commands run
    beside each other.

    Attributes:
        kind: of a list that somebody made, or of index pages.
        first: into an empty folder.
        again: over what the first run made; the same where not told.
        resume: after a kill; the same as `again` where not told.
        notes: what a reader must know.
        bare: its list has neither sizes nor digests, so that each file must be asked for.
    """

    name: str
    kind: Kind
    first: tuple[str, ...]
    again: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    notes: str = ""
    bare: bool = False

    def commands(self, which: Which) -> tuple[str, ...]:
        if which == "first":
            return self.first
        again = self.again or self.first
        return again if which == "again" else self.resume or again


_ARIA2 = (
    "aria2c --no-conf -q -j16 -x1 -s1 --file-allocation=none --remote-time=true "
    "--auto-save-interval=1 -d {dir} -i {aria2}"
)
_WGET2 = (
    "wget2 --no-config -q -m -c -np -nH --no-robots --max-threads=16 --reject=index.html* "
    "-P {dir} {north} {south}"
)
_RCLONE = "rclone sync --config= -q --transfers=8 --checkers=8 --http-url={url} :http: {dir}/{side}"
_LFTP = (
    'lftp --norc -c "mirror {more} --parallel=8 {north} {dir}/north & '
    'mirror {more} --parallel=8 {south} {dir}/south & wait all"'
)
_CURL = "curl -q -sfR -Z --parallel-max 16 --create-dirs -K {config}"


def _sides(command: str) -> tuple[str, ...]:
    return tuple(
        command.replace("{url}", f"{{{side}}}").replace("{side}", side)
        for side in ("north", "south")
    )


PEERS = (
    Peer(
        "segdl mirror",
        "segdl",
        ("segdl mirror -q -x 8 {jsonl} {dir}",),
        notes="a list with sizes and digests",
    ),
    Peer(
        "segdl mirror, URLs",
        "segdl",
        ("segdl mirror -q -x 8 {aria2} {dir}",),
        notes="a list that tells nothing but URLs and names",
        bare=True,
    ),
    Peer(
        "segdl mirror, index",
        "segdl",
        _sides("segdl mirror -q -x 8 {url} {dir}/{side}"),
        notes="index pages, one process a server, at the same time",
    ),
    Peer(
        "wget2 -m -c",
        "index",
        (_WGET2,),
        notes="keeps each folder's index page",
    ),
    Peer("lftp mirror -c", "index", (_LFTP.replace("{more}", "-c"),)),
    Peer(
        "lftp mirror -c --ignore-time",
        "index",
        (_LFTP.replace("{more}", "-c --ignore-time"),),
        notes="goes by sizes alone, and so misses changes that keep them",
    ),
    Peer("rclone sync", "index", _sides(_RCLONE), notes="one process a server, at the same time"),
    Peer(
        "aria2c -i",
        "list",
        (_ARIA2,),
        again=(_ARIA2 + " --conditional-get=true --allow-overwrite=true",),
        resume=(_ARIA2 + " -c --use-head=true",),
    ),
    Peer(
        "curl -Z -K",
        "list",
        (_CURL.replace("{config}", "{curl}"),),
        again=(_CURL.replace("{config}", "{curl_newer}"),),
        resume=(_CURL.replace("{config}", "{curl_rest}"),),
    ),
)

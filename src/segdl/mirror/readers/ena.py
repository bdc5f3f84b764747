"""File reports of the European Nucleotide Archive: runs, and where their files are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from segdl.core.blanks import trimmed
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item
from segdl.mirror.readers.columns import entry_of
from segdl.mirror.readers.lines import items_of, lines_in, lines_of, shown_name

# What columns of places are called; those of sizes and digests begin in the same way.
_PLACES = "_ftp"


class EnaReport:
    """Tab-separated; ``fastq_ftp``, ``fastq_bytes`` and ``fastq_md5`` list files in parallel.

    So do other columns that are called like that. Places have no scheme: they answer to https,
    and are asked by http next where there is a digest. A file goes to a folder of its run.
    """

    name = "ena"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the first line names columns of places and digests."""
        del document
        headers = [line.split("\t") for line in lines_in(head)[:1]]
        return any(f"{kind}_md5" in header for header in headers for kind in _kinds(header))

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        lines = enumerate(lines_of(stream, document), start=1)
        header = (next(lines, (0, ""))[1] or "").strip().split("\t")
        kinds = _kinds(header)
        if not kinds:
            raise UsageError(
                f"{shown_name(document)} has no columns such as fastq_ftp and fastq_md5",
                hint="ask for them with fields=run_accession,fastq_ftp,fastq_bytes,fastq_md5",
            )

        def files(line: str) -> list[Entry]:
            row = dict(zip(header, line.split("\t"), strict=False))
            proved = [kind for kind in kinds if f"{kind}_md5" in header]
            found = [entry for kind in proved for entry in _files(row, kind, document)]
            # What the report has no digests of is mirrored where a run has nothing else.
            others = () if found else (kind for kind in kinds if kind not in proved)
            return found or [entry for kind in others for entry in _files(row, kind, document)]

        return items_of(lines, files)


def _kinds(header: list[str]) -> list[str]:
    """Return how the names of the columns of each kind of file begin."""
    return [name.removesuffix(_PLACES) for name in header if name.endswith(_PLACES)]


def _files(row: Mapping[str, str], kind: str, document: Document) -> list[Entry]:
    places, sizes, digests = (
        trimmed(row.get(kind + ending, "")).rstrip(";").split(";")
        for ending in (_PLACES, "_bytes", "_md5")
    )
    if places == [""]:
        return []
    sizes, digests = ([""] * len(places) if told == [""] else told for told in (sizes, digests))
    if not len(places) == len(sizes) == len(digests):
        raise UsageError(f"its columns of {kind} files are not equally long")
    run = trimmed(row.get("run_accession", ""))
    return [
        _entry(run, re.sub(r"^[a-z]+://", "", trimmed(place)), size, trimmed(digest), document)
        for place, size, digest in zip(places, sizes, digests, strict=True)
    ]


def _entry(run: str, place: str, size: str, digest: str, document: Document) -> Entry:
    name = place.rpartition("/")[2]
    values: dict[str, object] = {
        "url": f"https://{place}",
        "mirrors": [f"http://{place}"] if digest else [],
        "dest": f"{run}/{name}" if run else name,
        "size": trimmed(size),
        "md5": digest,
    }
    return entry_of(values, document)

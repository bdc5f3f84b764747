"""Lists of a million files, and lines of any length, in bounded memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from segdl.mirror.listing import Document
from segdl.mirror.readers.registry import reader_for
from support.program import environment
from support.require import require

FILES = 1_000_000
# KiB that reading may need in all. Kept in memory, each of these lists would need more.
MOST = 12 * 1024

PROGRAM = """
import io, sys
from segdl.mirror.listing import Document, Entry
from segdl.mirror.readers.registry import reader_for

form, count = sys.argv[1], int(sys.argv[2])
begin, line, end, joins = {
    "urls": ("", "https://example.org/pub/dir/file-%d.tar.gz\\n", "", 500),
    "aria2": ("", "https://h/%d\\thttps://i/x\\n  out=file-%d\\n", "", 500),
    "gnu": ("", "%064x  pub/dir/file-%d.tar.gz\\n", "", 500),
    "nul": ("", "%064x  pub/dir/file\\n%d.tar.gz\\0", "", 500),
    "bsd": ("", "SHA256 (pub/dir/file-%d.tar.gz) = " + "a" * 64 + "\\n", "", 500),
    "json": ("", '{"url": "https://h/%d", "size": 5, "md5": "' + "a" * 32 + '"}\\n', "", 500),
    "csv": ("url,size\\n", "https://h/%d,5\\n", "", 500),
    "s3": (
        "<ListBucketResult>",
        "<Contents>\\n  <Key>dir/file-%d</Key><Size>5</Size></Contents>\\n",
        "</ListBucketResult>",
        500,
    ),
    # No line ever ends.
    "endless": ("https://h/", "x%d" + "x" * 1000, "", 500),
    "no-nul": ("a" * 64 + "  x\\0", "x%d" + "x" * 1000, "", 500),
    "spaces": ("<ListBucketResult>", "%d" + " " * 1000, "", 500),
}[form]

class Stream(io.RawIOBase):
    def __init__(self):
        self.number, self.left, self.begun, self.ended = 0, b"", False, False
    def readable(self):
        return True
    def readinto(self, buffer):
        if not self.left:
            self.left = self.more()
        count = min(len(buffer), len(self.left))
        buffer[:count], self.left = self.left[:count], self.left[count:]
        return count
    def more(self):
        if not self.begun:
            self.begun = True
            return begin.encode() or self.more()
        if self.number >= count:
            ended, self.ended = self.ended, True
            return b"" if ended else end.encode()
        numbers = range(self.number, min(count, self.number + joins))
        self.number += joins
        places = line.count("%d") + line.count("%064x")
        return "".join(line % ((number,) * places) for number in numbers).encode()

def peak():
    # Not ru_maxrss: that is the parent's to begin with.
    status = open("/proc/self/status").read()
    return int(status.partition("VmHWM:")[2].split()[0])

reader = reader_for(b"", Document(name=""), {"gnu": "checksums", "bsd": "checksums",
    "nul": "checksums", "no-nul": "checksums", "json": "jsonlines", "aria2": "urls",
    "endless": "urls", "spaces": "s3"}.get(form, form))
document = Document(name="SHA256SUMS", url="https://h/d/list", base="https://h/d/list")
found, begin_peak, why = 0, peak(), ""
try:
    for item in reader.read(io.BufferedReader(Stream()), document):
        found += isinstance(item, Entry)
except Exception as error:
    why = str(error)
print(found, peak() - begin_peak, why)
"""


def run(form: str, count: int) -> tuple[int, int, str]:
    require("no /proc to see the memory in", sys.platform == "linux")
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, form, str(count)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert not ended.stderr, ended.stderr
    found, grown, why = ended.stdout.split(" ", 2)
    return int(found), int(grown), why.strip()


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ("urls", FILES),
        ("gnu", FILES // 4),
        ("nul", FILES // 4),
        ("bsd", FILES // 4),
        ("aria2", FILES // 10),
        ("json", FILES // 10),
        ("csv", FILES // 10),
        ("s3", FILES // 10),
    ],
)
def test_a_list_of_any_length(form: str, count: int) -> None:
    found, grown, why = run(form, count)
    assert (found, why) == (count, "")
    assert grown < MOST


@pytest.mark.parametrize(
    ("form", "files", "says"),
    [("endless", 0, ""), ("no-nul", 1, ""), ("spaces", 0, "longer than 1 MiB")],
)
def test_a_document_of_one_line(form: str, files: int, says: str) -> None:
    found, grown, why = run(form, 100_000)
    assert found == files
    assert says in why
    assert grown < MOST


def test_the_head_of_a_long_line_tells_nothing_wrong() -> None:
    head = b"https://h/" + b"x" * (64 * 1024 - 10)
    assert reader_for(head, Document(name="")).name == "urls"

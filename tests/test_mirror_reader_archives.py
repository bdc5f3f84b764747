"""Lists that archives publish: bags, crawls, runs, records, models."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import quote

import pytest

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Reader
from segdl.mirror.readers.bagit import BagItFetch
from segdl.mirror.readers.commoncrawl import CommonCrawlPaths
from segdl.mirror.readers.ena import EnaReport
from segdl.mirror.readers.huggingface import HuggingFaceIndex
from segdl.mirror.readers.lines import LONGEST
from segdl.mirror.readers.tsvhttpdata import TsvHttpData
from segdl.mirror.readers.zenodo import ZenodoRecord
from support.lists import BAG, CRAWL, ENA, INDEX, M, N, zenodo_file
from support.reading import NAMES, entries, items, troubles


def known(reader: Reader, head: str, name: str = "") -> bool:
    return reader.recognises(head.encode(), Document(name=name))


def test_what_is_missing_in_a_bag() -> None:
    assert known(BagItFetch(), BAG)
    found = entries(BagItFetch(), BAG.replace("\n", "\r\n"))
    assert [(entry.path, *entry.urls, entry.size) for entry in found] == [
        # Blanks are not encoded in paths: %20 is part of this one.
        ("data/a%20b.wav", "http://h/a%20b.wav", 26583),
        ("data/sub dir/c  d.txt", "http://h/2?x=1", None),
        ("data/new\nline\rCR%percent", "https://h/3", 0),
    ]


def test_what_no_bag_has() -> None:
    text = (
        "http://h/1 5 bag-info.txt\n"
        "http://h/2 5 ../x\n"
        "http://h/3 -1 data/x\n"
        "http://h/4 data/x\n"
        "ftp://h/5 5 data/x\n"
        f"http://h/6 5 data/{'x' * LONGEST}\n"
        "\n"
        "http://h/8 5 data/../../x\n"
        "http://h/9 5 ./data/x\n"
    )
    found = items(BagItFetch(), text)
    assert sorted(troubles(found)) == [1, 2, 3, 4, 5, 6]
    # Whoever takes it refuses what leads out.
    assert [item.path for item in found if isinstance(item, Entry)] == [
        "data/../../x",
        "./data/x",
    ]
    assert not known(BagItFetch(), "http://h/1\n")
    assert not known(BagItFetch(), text)


def test_paths_are_what_their_lines_say() -> None:
    names = [name for name in NAMES if name != " "]
    found = entries(CommonCrawlPaths(), "\n".join(names) + "\r\n \n", base="http://h")
    assert [entry.path for entry in found] == names
    assert [entry.urls for entry in found] == [(f"http://h/{quote(name)}",) for name in names]
    assert known(CommonCrawlPaths(), "\u00a0#\n", "x.paths")


def test_blanks_are_those_of_ascii() -> None:
    (bag,) = entries(BagItFetch(), " http://h/a 5 data/\u00a0b \u3000\n")
    assert bag.path == "data/\u00a0b \u3000"
    (google,) = entries(TsvHttpData(), "TsvHttpData-1.0\n http://h/a\u00a0 \t5\n")
    assert (google.path, google.urls) == ("h/a\u00a0", ("http://h/a%C2%A0",))
    (run,) = entries(EnaReport(), "run_accession\tx_ftp\tx_md5\nE\u00a0 \t h/a\u00a0 \t \n")
    assert (run.path, run.urls) == ("E\u00a0/a\u00a0", ("https://h/a%C2%A0",))


@pytest.mark.parametrize(
    ("url", "base", "root"),
    [
        ("https://data.commoncrawl.org/crawl-data/CC-MAIN-2024-10/warc.paths.gz", None,
         "https://data.commoncrawl.org/"),
        ("https://data.commoncrawl.org/crawl-data/CC-MAIN-2024-10/warc.paths.gz",
         "https://mirror.example/cc", "https://mirror.example/cc/"),
        ("https://mirror.example/cc/warc.paths.gz", None, "https://mirror.example/cc/"),
        (None, "https://data.commoncrawl.org/", "https://data.commoncrawl.org/"),
    ],
)  # fmt: skip
def test_paths_of_a_crawl(url: str | None, base: str | None, root: str) -> None:
    assert known(CommonCrawlPaths(), CRAWL)
    found = entries(CommonCrawlPaths(), CRAWL, "warc.paths", url=url, base=base)
    paths = CRAWL.split()
    assert [entry.path for entry in found] == paths
    assert [entry.urls for entry in found] == [(root + path,) for path in paths]


def test_paths_that_are_none() -> None:
    with pytest.raises(UsageError, match="--base-url"):
        items(CommonCrawlPaths(), CRAWL, "warc.paths")
    found = items(
        CommonCrawlPaths(), f"a b\n\nhttp://h/x\n{'x' * (LONGEST + 1)}\n", base="https://h"
    )
    assert sorted(troubles(found)) == [3, 4]
    assert [item.urls for item in found if isinstance(item, Entry)] == [("https://h/a%20b",)]
    with pytest.raises(UsageError, match="web page"):
        items(CommonCrawlPaths(), "<html>\n", base="https://h")
    assert known(CommonCrawlPaths(), "a/b\n", "x.paths")
    assert not known(CommonCrawlPaths(), "a/b\n", "x")
    assert not known(CommonCrawlPaths(), "<html>", "x.paths")


def test_runs() -> None:
    assert known(EnaReport(), ENA)
    found = items(EnaReport(), ENA)
    files = [item for item in found if isinstance(item, Entry)]
    assert [(entry.path, entry.size, str(entry.checksum)) for entry in files] == [
        ("SRR16298157/SRR16298157_1.fastq.gz", 43409, f"md5={M}"),
        ("SRR16298157/SRR16298157_2.fastq.gz", 42752, f"md5={N}"),
        ("ERR1/a b.bam", None, "None"),
    ]
    place = "ftp.sra.ebi.ac.uk/vol1/fastq/SRR162/057/SRR16298157/SRR16298157_1.fastq.gz"
    assert files[0].urls == (f"https://{place}", f"http://{place}")
    # Nothing would tell that what came by http is right.
    assert files[2].urls == ("https://ftp.sra.ebi.ac.uk/vol1/run/ERR1/a b.bam",)
    assert troubles(found) == {4: "its columns of fastq files are not equally long"}


def test_reports_of_nothing() -> None:
    for text in ("", "run_accession\tfastq_ftp\nERR1\th/a\n", "url\nhttp://h/a\n"):
        assert not known(EnaReport(), text)
    for text in ("", "url\nhttp://h/a\n"):
        with pytest.raises(UsageError):
            items(EnaReport(), text)


def test_storage_transfer() -> None:
    digest = hashlib.md5(b"")
    text = (
        "TsvHttpData-1.0\n"
        f"https://H.example/buckets/a%20b?x=1\t0\t{base64.b64encode(digest.digest()).decode()}\n"
        "http://h:8080/c\t1357\n"
        "\n"
        "https://h/d\r\n"
        "https://h/e\tmany\n"
        "https://h/f\t1\tAAAA\n"
        f"https://h/g\t1\t{digest.hexdigest()}\n"
        "nonsense\n"
    )
    assert known(TsvHttpData(), text)
    found = items(TsvHttpData(), text)
    files = [item for item in found if isinstance(item, Entry)]
    assert [(entry.path, entry.size, str(entry.checksum)) for entry in files] == [
        ("h.example/buckets/a b", 0, f"md5={digest.hexdigest()}"),
        ("h/c", 1357, "None"),
        ("h/d", None, "None"),
    ]
    assert files[0].urls == ("https://H.example/buckets/a%20b?x=1",)
    assert sorted(troubles(found)) == [6, 7, 8, 9]
    assert not known(TsvHttpData(), "https://h/a\n")
    with pytest.raises(UsageError):
        items(TsvHttpData(), "https://h/a\n")


@pytest.mark.parametrize(
    "record",
    [
        {"id": 1, "files": [zenodo_file("a.zip")], "links": {"self": "https://zenodo.org/x"}},
        # As the list of files alone, and as InvenioRDM itself have it.
        {
            "entries": [
                zenodo_file(
                    "a.zip",
                    links={
                        "self": "https://zenodo.org/api/records/1/files/a.zip",
                        "content": "https://zenodo.org/api/records/1/files/a.zip/content",
                    },
                )
            ]
        },
        {"files": {"enabled": True, "entries": {"a.zip": zenodo_file("a.zip")}}},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_records(record: dict[str, object], indent: int | None) -> None:
    text = json.dumps(record, indent=indent)
    assert known(ZenodoRecord(), text)
    (entry,) = entries(ZenodoRecord(), text)
    assert (entry.path, entry.size, str(entry.checksum)) == ("a.zip", 5, f"md5={M}")
    assert entry.urls == ("https://zenodo.org/api/records/1/files/a.zip/content",)


def test_records_with_files_that_are_none() -> None:
    files = [
        zenodo_file("a", checksum="md5:12"),
        zenodo_file("b", links=None),
        zenodo_file("c", links={}),
        zenodo_file("d", links={"self": "file:///etc/passwd"}),
        zenodo_file("e", size="x"),
        5,
        zenodo_file("../g", checksum=""),
    ]
    found = items(ZenodoRecord(), json.dumps({"files": files}))
    assert sorted(troubles(found)) == [1, 2, 3, 4, 5, 6]
    assert [item.path for item in found if isinstance(item, Entry)] == ["../g"]
    for text in (
        '{"hits": {"hits": [{"files": []}]}}',
        '{"files": {}}',
        '{"files": 5}',
        "[]",
        "<html>",
        "",
        '{"files": [',
        "[" * 100_000,
    ):
        with pytest.raises(UsageError):
            items(ZenodoRecord(), text)


def test_models() -> None:
    text = json.dumps(INDEX, indent=2)
    assert known(HuggingFaceIndex(), text, "model.safetensors.index.json")
    url = "https://huggingface.co/o/r/resolve/main/model.safetensors.index.json"
    found = entries(HuggingFaceIndex(), text, url=url)
    assert [entry.path for entry in found] == [
        "model-00002-of-00002.safetensors",
        "model-00001-of-00002.safetensors",
    ]
    assert found[0].urls == (
        "https://huggingface.co/o/r/resolve/main/model-00002-of-00002.safetensors",
    )
    with pytest.raises(UsageError, match="--base-url"):
        items(HuggingFaceIndex(), text)
    half = items(HuggingFaceIndex(), '{"weight_map": {"a": "\\ud800", "b": "c"}}', base="https://h")
    assert troubles(half) == {1: "its name has half a character"}
    assert [item.path for item in half if isinstance(item, Entry)] == ["c"]


@pytest.mark.parametrize("text", ["{}", '{"weight_map": 5}', '{"weight_map": {"a": 5}}', "<html>"])
def test_what_is_no_index_of_a_model(text: str) -> None:
    with pytest.raises(UsageError):
        items(HuggingFaceIndex(), text, base="https://h")


def test_a_document_of_absurd_size_is_not_read() -> None:
    text = '{"weight_map": {"a": "' + "x" * (17 << 20) + '"}}'
    with pytest.raises(UsageError, match="larger than 16 MiB"):
        items(HuggingFaceIndex(), text, base="https://h")

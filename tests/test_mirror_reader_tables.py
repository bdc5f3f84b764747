"""JSON lines and CSV as lists of a mirror."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry
from segdl.mirror.readers.columns import seconds_of, size_of
from segdl.mirror.readers.csvtable import CsvTable
from segdl.mirror.readers.jsonlines import JsonLines
from segdl.mirror.readers.lines import LONGEST
from support.reading import NAMES, entries, items, troubles

JSON, CSV = JsonLines(), CsvTable()
M, S1, S2, S5 = "a" * 32, "b" * 40, "c" * 64, "d" * 128
PURE = settings(deadline=None, derandomize=True, max_examples=300)


def json_entry(**values: object) -> Entry:
    (entry,) = entries(JSON, json.dumps(values) + "\n", base="https://h/d")
    return entry


def csv_lines(*rows: list[str], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def test_all_that_a_row_says() -> None:
    expected = Entry(
        path="sub/b c",
        urls=("https://h/a?x=1", "http://i/a", "https://j/a"),
        size=5,
        modified=86400,
        checksum=None,
    )
    assert expected == json_entry(
        url="https://h/a?x=1",
        dest="sub/b c",
        size=5,
        mirrors=["http://i/a", "https://h/a?x=1", "https://j/a"],
        modified="1970-01-02T00:00:00Z",
        comment={"a": [1]},
    )
    header = ["Size", " URL ", "dest", "mirrors", "modified", "comment"]
    row = ["5", "https://h/a?x=1", "sub/b c", "http://i/a | https://j/a", "86400", 'x,"y\n\tz;']
    for delimiter in ",;\t":
        # Between tabs a value is on one line.
        said = [*row[:-1], 'x,"y;'] if delimiter == "\t" else row
        for begin in ("", "\ufeff", "\r\n\n"):
            text = begin + csv_lines(header, said, delimiter=delimiter)
            assert entries(CSV, text) == [expected]
            assert CSV.recognises(text.encode(), Document(name=""))


def test_a_url_is_enough() -> None:
    assert json_entry(url="https://h/a/b%20c").path == "b c"
    found = entries(CSV, "url\nhttps://h/a\nhttps://h/b")
    assert [entry.path for entry in found] == ["a", "b"]
    assert (found[0].size, found[0].checksum, found[0].modified) == (None, None, None)


@pytest.mark.parametrize(
    ("values", "checksum"),
    [
        ({"md5": M}, f"md5={M}"),
        ({"MD5": M.upper(), "sha-1": S1}, f"sha1={S1}"),
        ({"sha256": S2, "md5": M, "sha512": ""}, f"sha256={S2}"),
        ({"sha512": S5, "sha256": S2}, f"sha512={S5}"),
        ({"checksum": f"sha-256={S2.upper()}"}, f"sha256={S2}"),
        ({"checksum": f"md5={M}", "sha256": S2}, f"sha256={S2}"),
        ({"blake2b": S5}, f"blake2b={S5}"),
        ({"crc64": "1", "etag": M, "md5sum": M}, "None"),
    ],
)
def test_the_strongest_digest_counts(values: dict[str, str], checksum: str) -> None:
    assert str(json_entry(url="https://h/a", **values).checksum) == checksum
    table = csv_lines(["url", *values], ["https://h/a", *values.values()])
    (entry,) = entries(CSV, table)
    assert str(entry.checksum) == checksum


@pytest.mark.parametrize(
    ("mirrors", "urls"),
    [
        ("http://i/a\thttp://j/a", ["http://i/a", "http://j/a"]),
        ("http://i/a http://j/a", ["http://i/a", "http://j/a"]),
        (" http://i/a|http://j/a |", ["http://i/a", "http://j/a"]),
        ("", []),
    ],
)
def test_mirrors(mirrors: str, urls: list[str]) -> None:
    assert list(json_entry(url="http://h/a", mirrors=mirrors).urls) == ["http://h/a", *urls]
    (entry,) = entries(CSV, csv_lines(["url", "mirrors"], ["http://h/a", mirrors]))
    assert list(entry.urls) == ["http://h/a", *urls]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_the_list_says(name: str) -> None:
    assert json_entry(url="http://h/a", dest=name).path == name
    rows = [["url", "dest", "size"], ["http://h/a", name, "5"]]
    assert [entry.path for entry in entries(CSV, csv_lines(*rows))] == [name]


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2003"])
def test_blanks_around_a_url_are_those_of_ascii(blank: str) -> None:
    code = quote(blank)
    given = {"url": f" http://h/{blank}a{blank}\t", "mirrors": f"http://i/a{blank} http://j/a"}
    (table,) = entries(CSV, csv_lines([*given], [*given.values()]))
    for entry in (json_entry(**given), table):
        assert entry.path == f"{blank}a{blank}"
        assert entry.urls == (f"http://h/{blank}a{code}", f"http://i/a{code}", "http://j/a")
    (alone,) = entries(CSV, f"dest,url\n{blank},http://h/a\n")
    assert alone.path == blank


def test_relative_urls_are_references_not_names() -> None:
    assert json_entry(url="b%20c?d", dest="x").urls == ("https://h/d/b%20c?d",)
    assert json_entry(url="/b", mirrors=["//i/b", "../c"]).urls == (
        "https://h/b",
        "https://i/b",
        "https://h/c",
    )
    assert "--base-url" in troubles(items(JSON, '{"url": "b"}'))[1]


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "nonsense",
        "1",
        '{"url": "http://h/a"',
        '{"url": null}',
        '{"url": 5}',
        '{"url": ["http://h/a"]}',
        '{"url": "ftp://h/a"}',
        '{"url": "http://h/a/"}',
        '{"url": "mailto:a@h"}',
        '{"url": "http://h/a", "dest": 5}',
        '{"url": "http://h/a", "size": -1}',
        '{"url": "http://h/a", "size": 1.5}',
        '{"url": "http://h/a", "size": "1K"}',
        '{"url": "http://h/a", "size": true}',
        '{"url": "http://h/a", "size": 99999999999999999999}',
        '{"url": "http://h/a", "md5": "12"}',
        '{"url": "http://h/a", "md5": 12}',
        '{"url": "http://h/a", "checksum": "crc64=12"}',
        '{"url": "http://h/a", "checksum": "12"}',
        '{"url": "http://h/a", "mirrors": {"a": 1}}',
        '{"url": "http://h/a", "mirrors": [1]}',
        '{"url": "http://h/a", "mirrors": "ftp://i/a"}',
        '{"url": "http://h/a", "mirrors": "%s"}' % ("http://i/a " * 1001),
        '{"url": "http://h/a", "x": ' + "[" * 100_000,
        '{"url": "http://h/a", "size": ' + "9" * 10_000 + "}",
        '{"url": "http://h/a?token=SECRET", "size": "\\u001b[2J"}',
        '{"url": "http://me:SECRET@/a"}',
        '{"url": "http://h/' + "a" * LONGEST + '"}',
    ],
)
def test_a_line_of_json_that_names_no_file(line: str) -> None:
    good = '{"url": "https://h/good"}\n'
    found = items(JSON, f"\n{line}\r\n\n{good}", base="https://h/")
    assert list(troubles(found)) == [2]
    assert [item.path for item in found if isinstance(item, Entry)] == ["good"]
    why = troubles(found)[2]
    assert "SECRET" not in why
    assert why.isprintable()
    assert len(why) < 300


def test_rows_of_csv_that_name_no_file() -> None:
    text = (
        "url,size,md5\n"  # 1
        "https://h/a,5,\n"
        ",5,\n"
        "https://h/b,5,12\n"
        "https://h/c,x,\n"
        "https://h/d,5,,more\n"
        "\n"
        " , ,\n"
        f"https://h/{'e' * LONGEST},5,\n"
        f'https://h/f,5,"{"x" * 200_000}"\n'  # 10
        "https://h/g\n"
    )
    found = items(CSV, text)
    assert [item.path for item in found if isinstance(item, Entry)] == ["a", "g"]
    assert sorted(troubles(found)) == [3, 4, 5, 6, 9, 10]


def test_a_quote_that_is_never_closed_costs_no_memory_and_not_the_rest() -> None:
    lines = "".join(f"https://h/{number},5\n" for number in range(20_000))
    found = items(CSV, f'url,size\nhttps://h/first,5\n"{lines}', base="https://h/")
    files = [item for item in found if isinstance(item, Entry)]
    assert files[0].path == "first"
    assert len(troubles(found)) == 1
    assert len(files) > 10_000
    assert files[-1].path == "19999"


def test_a_quote_between_tabs_is_a_character() -> None:
    """One that is not closed would take the rows below it for its own, without a word."""
    text = (
        'url\ttitle\tdest\nhttp://h/a\t"5 inch\ta\nhttp://h/b\t"Q" 6\t"b ""c"""\nhttp://h/d\t\t\n'
    )
    assert [entry.path for entry in entries(CSV, text)] == ["a", 'b "c"', "d"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        # What R, pandas, and others that have ways of their own write.
        ('"url","title","dest"\n"http://h/a","5\\" floppy","b"\n', "b"),
        ('url\ttitle\tdest\nhttp://h/a\t"a\tb"\t"c ""d"""\n', 'c "d"'),
        ('url,title,dest\n"http://h/a" ,x,b\n', "b"),
    ],
)
def test_quotes_as_programs_write_them(text: str, path: str) -> None:
    assert [entry.path for entry in entries(CSV, text)] == [path]


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_rows_that_are_long_are_read_to_the_last(delimiter: str) -> None:
    """What is bounded is each row: not two of them, nor one and the header."""
    names = [f"column {number:0100}" for number in range(LONGEST * 3 // 500)]
    rows = [delimiter.join((f"http://h/{name}", *names)) for name in "abc"]
    text = "\n".join((delimiter.join(("url", *names)), *rows, ""))
    assert [entry.path for entry in entries(CSV, text)] == ["a", "b", "c"]


def test_a_quote_that_is_open_to_the_end_is_told_of() -> None:
    found = items(CSV, 'url,title\nhttp://h/a,"5 inch\nhttp://h/b,x\n')
    assert list(troubles(found).values()) == ["it is no row of CSV"]
    with pytest.raises(UsageError, match="two columns 'md5'"):
        items(CSV, "url,md5,md5\nhttp://h/a,,\n")
    assert [entry.path for entry in entries(CSV, "url,title,,title,\nhttp://h/a,x,,,\n")] == ["a"]


@pytest.mark.parametrize("reader", [JSON, CSV])
def test_a_url_that_is_none_is_that_of_its_row_alone(reader: Any) -> None:
    rows = ["http://h/a", "//[", "http://h/b"]
    csv = "url\n" + "".join(f"{url}\n" for url in rows)
    lines = "".join(json.dumps({"url": url}) + "\n" for url in rows)
    found = items(reader, csv if reader is CSV else lines, base="http://h/")
    assert [item.path for item in found if isinstance(item, Entry)] == ["a", "b"]
    assert "is no URL" in "".join(troubles(found).values())


def test_values_may_hold_ends_of_lines() -> None:
    found = entries(CSV, 'comment,url\n"two\r\nlines",https://h/a\n"x""y",https://h/b\n')
    assert [entry.path for entry in found] == ["a", "b"]
    bad = items(CSV, 'comment,url\n"two\nlines",https://h/a\nx,\n')
    assert list(troubles(bad)) == [4]


@pytest.mark.parametrize("text", ["", "\n", "a,b\nhttps://h/a,5\n", "https://h/a\n"])
def test_a_header_is_needed(text: str) -> None:
    assert not CSV.recognises(text.encode(), Document(name="list.csv"))
    with pytest.raises(UsageError, match="header"):
        items(CSV, text)


@pytest.mark.parametrize(
    ("head", "known"),
    [
        ('{"url": "http://h/a"}\n', True),
        ('\ufeff\n{"a": 1, "URL": "http://h/a"}', True),
        ('{"url": "' + "x" * 70_000, True),
        ('{"files": [{"url": "http://h/a"}]}', False),
        ('{\n "url": "http://h/a"\n}', False),
        ('[{"url": "http://h/a"}]', False),
        ("<html>", False),
        ("", False),
    ],
)
def test_json_lines_are_known_by_the_first(head: str, known: bool) -> None:
    assert JSON.recognises(head.encode()[:65536], Document(name="")) is known


def test_web_pages_are_no_tables() -> None:
    for reader in (JSON, CSV):
        with pytest.raises(UsageError, match="web page"):
            items(reader, '<html>\n{"url": "http://h/a"}\n')


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (86400.9, 86400),
        ("86400", 86400),
        ("86400.123456789", 86400),
        ("1970-01-02", 86400),
        ("1970-01-02 00:00:00", 86400),
        ("1970-01-02T00:00:00Z", 86400),
        ("1970-01-02T00:00:00.123456789Z", 86400),
        ("1970-01-02T02:00:00+02:00", 86400),
        (" Fri, 02 Jan 1970 00:00:00 GMT ", 86400),
        ("soon", None),
        ("", None),
        (-1, None),
        (1e300, None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ("0001-01-01T00:00:00+23:59", None),
        ("Mon, 1 Jan 99999999999999999999 00:00:00 GMT", None),
        ("9" * 1000, None),
    ],
)
def test_times(value: object, seconds: int | None) -> None:
    assert seconds_of(value) == seconds


@PURE
@given(st.text(max_size=40) | st.floats() | st.integers() | st.datetimes().map(str))
def test_no_value_raises(value: object) -> None:
    seconds = seconds_of(value)
    assert seconds is None or seconds >= 0
    size = size_of(value)
    assert size is None or size >= 0


@PURE
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["url", "size", "md5", "mirrors", "dest", "checksum", "x"]), inner
            )
        ),
        max_leaves=10,
    )
)
def test_no_json_raises(value: object) -> None:
    for item in items(JSON, json.dumps(value) + "\n", base="https://h/"):
        if isinstance(item, Entry):
            assert isinstance(item.path, str)
            assert item.path
            assert all(url.startswith("http") for url in item.urls)

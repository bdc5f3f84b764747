"""Metalink documents: real ones, every field, and what hostile ones try."""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.metalink import MOST_FILES, NAMESPACES, is_metalink, parse_metalink
from segdl.core.metalinkfile import MOST_PIECES, MetalinkFile
from segdl.core.mirrorurl import LAST_PRIORITY, MOST_MIRRORS
from segdl.core.names import safe_path
from segdl.core.pieces import covers
from segdl.core.url import parse_url
from segdl.errors import UsageError

PURE = settings(deadline=None, derandomize=True, max_examples=300)
DATA = Path(__file__).parent / "data"
FOUR, THREE = NAMESPACES


def documents() -> list[Path]:
    return sorted(path for path in DATA.iterdir() if path.suffix in {".meta4", ".metalink"})


def read(name: str) -> tuple[MetalinkFile, ...]:
    return parse_metalink((DATA / name).read_bytes(), name)


def four(inside: str, name: str = "f") -> str:
    return f'<metalink xmlns="{FOUR}"><file name="{name}">{inside}</file></metalink>'


def three(inside: str, name: str = "f") -> str:
    return (
        f'<metalink version="3.0" xmlns="{THREE}"><files>'
        f'<file name="{name}">{inside}</file></files></metalink>'
    )


def one(document: str) -> MetalinkFile:
    (file,) = parse_metalink(document.encode(), "list.meta4")
    return file


def refusal(document: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse_metalink(document.encode(), "list.meta4")
    assert str(caught.value).startswith("list.meta4")
    assert not any(ord(character) < 32 for character in str(caught.value))
    return caught.value


@pytest.mark.parametrize("name", ["pymetalink-3.metalink", "pymetalink-4.meta4"])
def test_what_another_program_wrote_is_true_of_its_file(name: str) -> None:
    data = Random(5).randbytes(700_000)
    (file,) = read(name)
    assert (file.name, file.size) == ("sample.bin", len(data))
    assert [(mirror.url, mirror.location) for mirror in file.mirrors] == [
        ("https://one.example/pub/sample.bin", "de"),
        ("http://two.example/sample.bin", "us"),
    ]
    assert [checksum.algorithm for checksum in file.checksums] == ["sha256", "sha1", "md5"]
    for checksum in file.checksums:
        assert hashlib.new(checksum.algorithm, data).hexdigest() == checksum.hexdigest
    assert file.pieces is not None
    assert (file.pieces.algorithm, file.pieces.length) == ("sha1", 262_144)
    for index, digest in enumerate(file.pieces.hexdigests):
        piece = data[index * 262_144 : (index + 1) * 262_144]
        assert hashlib.sha1(piece).hexdigest() == digest


def test_how_many_connections_metalink_3_allows() -> None:
    (file,) = read("pymetalink-3.metalink")
    assert file.connections == 4
    assert [mirror.connections for mirror in file.mirrors] == [None, 2]


def test_what_is_said_of_older_copies_is_not_said_of_the_file() -> None:
    (file,) = read("older-copies.metalink")
    assert (file.name, file.size, file.connections) == ("repomd.xml", 5, 1)
    assert [checksum.algorithm for checksum in file.checksums] == ["sha512", "sha256", "md5"]
    assert file.checksums[1].hexdigest == hashlib.sha256(b"hello").hexdigest()
    assert [(mirror.url, mirror.priority, mirror.location) for mirror in file.mirrors] == [
        ("http://cz.example/fedora/repodata/repomd.xml", 1, "cz"),
        ("https://de.example/fedora/repodata/repomd.xml", 2, "de"),
    ]


def test_every_element_of_the_rfc() -> None:
    big, peers = read("everything.meta4")
    assert (big.name, big.size, big.connections) == ("isos/big.iso", 21, None)
    assert [(mirror.url, mirror.priority, mirror.location) for mirror in big.mirrors] == [
        ("https://first.example/b%20ig.iso", 1, "de"),
        ("https://second.example/big.iso?a=1&b=2", 2, "us"),
        ("https://user:secret@zero.example/big.iso", 30, ""),
        ("http://last.example/big.iso", LAST_PRIORITY, ""),
    ]
    assert [str(checksum) for checksum in big.checksums] == [
        "sha256=" + "3".zfill(64),
        "sha1=" + "2".zfill(40),
        "md5=" + "1".zfill(32),
    ]
    assert big.pieces is not None
    assert (big.pieces.algorithm, big.pieces.length) == ("sha256", 7)
    assert big.pieces.hexdigests == tuple(end.zfill(64) for end in ("1a", "1b", "1c"))
    assert peers == MetalinkFile(name="peers-only.bin")


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(read("everything.meta4"))


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_documents_are_recognised_by_what_is_in_them(path: Path) -> None:
    data = path.read_bytes()
    assert is_metalink("text/plain", data[:1024])
    assert is_metalink("", data)
    again = data.decode().replace('encoding="utf-8"', "").replace('encoding="UTF-8"', "")
    assert is_metalink("", again.encode("utf-16"))
    assert parse_metalink(again.encode("utf-16")) == parse_metalink(data)


@pytest.mark.parametrize(
    ("media_type", "beginning", "expected"),
    [
        ("application/metalink4+xml", b"", True),
        ("application/metalink+xml", b"anything", True),
        ("application/xml", b"<metalink/>", False),
        ("application/xml", b"<metalink xmlns='urn:other'/>", False),
        ("application/xml", f"<file xmlns='{FOUR}'/>".encode(), False),
        ("application/xml", f"<m:metalink xmlns:m='{THREE}'>".encode(), True),
        ("application/octet-stream", b"\x00" * 100, False),
        ("text/html", b"<!DOCTYPE html><html>", False),
        ("", b"", False),
    ],
)
def test_what_is_recognised(media_type: str, beginning: bytes, expected: bool) -> None:
    assert is_metalink(media_type, beginning) is expected


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a", "a"),
        ("a/b c/d.iso", "a/b c/d.iso"),
        ("./a", "a"),
        ("a//b/", "a/b"),
        ("a/./b", "a/b"),
        (".bashrc", "bashrc"),
        ("a/.ssh/config", "a/ssh/config"),
        ("a&#9;b&#10;c", "abc"),
        ("gpj.&#x202e;exe", "gpj.exe"),
        ("...", "download"),
        ("a..b", "a..b"),
        ("a\\b", "a_b"),
        ("na\xefve", "na\xefve"),
        ("x" * 300 + ".iso", "x" * 251 + ".iso"),
        ("a?b", "a?b"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert one(four("", name)).name == safe
    assert one(three("", name)).name == safe


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "a/..",
        "..",
        "/etc/passwd",
        "//host/x",
        "\\x",
        "\\\\host\\share\\x",
        "..\\x",
        "a\\..\\..\\x",
        "C:\\x",
        "C:x",
        "c:/x",
        " C:x",
        "&#x200e;C:x",
        ".",
        "./",
        "a/" * 40 + "b",
        "x" * 5000,
        "big.iso.segdl/state.json",
        "a/big.iso.SEGDL/0.part",
        "big.iso.segdl",
    ],
)
def test_names_that_lead_elsewhere(name: str) -> None:
    assert "leads out of the folder" in refusal(four("", name)).message


def test_names_that_windows_reserves() -> None:
    data = four("", "con/a?b").encode()
    assert parse_metalink(data, windows=True)[0].name == "_con/a_b"
    assert parse_metalink(data)[0].name == "con/a?b"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (f"<metalink xmlns='{FOUR}'/>", "names no file"),
        (f"<metalink xmlns='{THREE}'><files/></metalink>", "names no file"),
        (f"<metalink xmlns='{FOUR}'><file/></metalink>", "without a name"),
        (four("", ""), "without a name"),
        (
            f"<metalink xmlns='{FOUR}'><file name='a'/><file name='.a'/></metalink>",
            "name of two files",
        ),
        ("<metalink/>", "'metalink' without a namespace"),
        ("<html xmlns='http://www.w3.org/1999/xhtml'/>", "no Metalink document"),
        (f"<file xmlns='{FOUR}'/>", "no Metalink document"),
        ("<!DOCTYPE metalink><metalink/>", "DTD"),
        (four("<size>5</size><size>6</size>"), "5 and 6 bytes"),
        (four("<size></size>"), "not a size"),
        (four("<size>-1</size>"), "not a size"),
        (four("<size>1e3</size>"), "not a size"),
        (four("<size>0x10</size>"), "not a size"),
        (four("<size>9223372036854775807</size>"), "not a size"),
        (four("<size>" + "9" * 5000 + "</size>"), "not a size"),
        (four("<size>\u0663</size>"), "not a size"),
        (four("<hash type='md5'>12</hash>"), "not a digest of md5"),
        (four(f"<hash type='sha-256'>{'g' * 64}</hash>"), "not a digest of sha256"),
        (
            four(f"<hash type='sha-1'>{'1' * 40}</hash><hash type='sha1'>{'2' * 40}</hash>"),
            "two different sha1 digests",
        ),
    ],
)
def test_what_cannot_be(document: str, says: str) -> None:
    assert says in refusal(document).message


@pytest.mark.parametrize("say", [four, lambda inside: three(f"<resources>{inside}</resources>")])
@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/a",
        "magnet:?xt=urn:x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "a.iso",
        "/a.iso",
        "//h/a.iso",
        "",
        "http://",
        "http://h:x/",
        "http://[::1/",
    ],
)
def test_urls_that_are_left_out(url: str, say) -> None:  # type: ignore[no-untyped-def]
    mirrors = one(say(f"<url>{url}</url><url>http://ok.example/</url>")).mirrors
    assert [mirror.url for mirror in mirrors] == ["http://ok.example/"]


def test_a_url_that_is_said_twice_counts_once_with_its_best_priority() -> None:
    text = "".join(
        f"<url priority='{priority}' location='{place}'>http://h/a</url>"
        for priority, place in ((5, "de"), (2, "us"), (9, "fr"))
    )
    (mirror,) = one(four(text)).mirrors
    assert (mirror.priority, mirror.location) == (2, "us")


@pytest.mark.parametrize(
    ("attribute", "priority"),
    [
        ("priority='1'", 1),
        ("priority=' 7 '", 7),
        ("priority='999999'", LAST_PRIORITY),
        ("priority='0'", LAST_PRIORITY),
        ("priority='-1'", LAST_PRIORITY),
        ("priority='1000000'", LAST_PRIORITY),
        ("priority='x'", LAST_PRIORITY),
        ("", LAST_PRIORITY),
        ("preference='100'", 1),
        ("preference='99'", 2),
        ("preference='1'", 100),
        ("preference='0'", 101),
        ("preference='1000'", 1),
        ("preference='-5'", LAST_PRIORITY),
        ("preference='" + "9" * 5000 + "'", LAST_PRIORITY),
    ],
)
def test_priorities(attribute: str, priority: int) -> None:
    file = one(three(f"<resources><url {attribute}>http://h/a</url></resources>"))
    assert [mirror.priority for mirror in file.mirrors] == [priority]


def test_mirrors_of_one_priority_keep_their_order() -> None:
    urls = "".join(f"<url priority='{n % 2 + 1}'>http://h/{n}</url>" for n in range(6))
    found = [mirror.url[-1] for mirror in one(four(urls)).mirrors]
    assert found == ["0", "2", "4", "1", "3", "5"]


@pytest.mark.parametrize("kind", ["bittorrent", "ftp", "ed2k", ""])
def test_metalink_3_says_the_kind_of_a_url(kind: str) -> None:
    say = f"<resources><url type='{kind}'>http://h/x.torrent</url></resources>"
    assert one(three(say)).mirrors == ()


@pytest.mark.parametrize("text", ["0", "-1", "", "many", "1.5"])
def test_a_number_of_connections_that_is_none(text: str) -> None:
    file = one(
        three(
            f"<resources maxconnections='{text}'>"
            f"<url maxconnections='{text}'>http://h/</url></resources>"
        )
    )
    assert file.connections is None
    assert file.mirrors[0].connections is None


def test_digests_that_say_nothing_are_left_out() -> None:
    say = "<hash type='md5'/><hash>12</hash><hash type='crc32'>12</hash><hash type='pgp'/>"
    assert one(four(say)).checksums == ()
    assert one(three(f"<verification>{say}</verification>")).checksums == ()


def test_a_crc_is_no_digest_that_mirrors_could_be_believed_for() -> None:
    say = "<hash type='crc32c'>00000000</hash>"
    pieces = f"<pieces type='crc32c' length='9'>{say}</pieces>"
    assert one(four(say + pieces)) == one(four(""))
    say += "<hash type='md5'>" + "0" * 32 + "</hash>"
    assert [each.algorithm for each in one(four(say)).checksums] == ["md5"]


def test_elements_in_the_wrong_place_are_not_heard() -> None:
    file = one(
        four(
            "<description><size>9</size><url>http://evil.example/</url></description>"
            "<other><file name='../x'><url>http://evil.example/</url></file></other>"
            "<metaurl>http://evil.example/</metaurl>"
        )
    )
    assert file == MetalinkFile(name="f")


def pieces(length: str, count: int, *, kind: str = "md5", before: str = "") -> str:
    digests = "".join(f"<hash>{index:032x}</hash>" for index in range(count))
    return f"{before}<pieces type='{kind}' length='{length}'>{digests}</pieces>"


@pytest.mark.parametrize(
    ("size", "length", "count", "fits"),
    [
        (10, 10, 1, True),
        (11, 10, 2, True),
        (20, 10, 2, True),
        (21, 10, 2, False),
        (20, 10, 3, False),
        (1, 10, 1, True),
        (1, 10, 0, False),
        (1 << 40, 1 << 30, 1 << 10, True),
        (1 << 62, 1, 3, False),
    ],
)
def test_pieces_cover_the_file_or_are_refused(
    size: int, length: int, count: int, fits: bool
) -> None:
    text = four(pieces(str(length), count, before=f"<size>{size}</size>"))
    if fits:
        found = one(text).pieces
        assert found is not None
        assert found.hexdigests == tuple(f"{index:032x}" for index in range(count))
    else:
        assert "do not make its" in refusal(text).message
    # The order of the elements does not matter.
    swapped = four(pieces(str(length), count) + f"<size>{size}</size>")
    if fits:
        assert one(swapped) == one(text)
    else:
        refusal(swapped)


def test_pieces_without_a_size_are_kept_for_whoever_learns_it() -> None:
    found = one(four(pieces("10", 3))).pieces
    assert found is not None
    assert covers(found, 25)
    assert not covers(found, 31)


def test_pieces_of_an_empty_file_are_none() -> None:
    assert one(four(pieces("10", 1, before="<size>0</size>"))).pieces is None
    assert one(four(pieces("10", 0))).pieces is None


def test_pieces_of_an_unknown_algorithm_are_left_out() -> None:
    assert one(four(pieces("x", 3, kind="ed2k"))).pieces is None


@pytest.mark.parametrize("length", ["0", "-1", "", "1.5", "9" * 30, "9223372036854775807"])
def test_a_length_of_pieces_that_is_none(length: str) -> None:
    assert "length of its pieces" in refusal(four(pieces(length, 1))).message


def numbered(*numbers: str) -> str:
    digests = "".join(f"<hash piece='{n}'>{n.zfill(32)}</hash>" for n in numbers)
    return three(f"<verification><pieces type='md5' length='9'>{digests}</pieces></verification>")


def test_metalink_3_numbers_its_pieces() -> None:
    found = one(numbered("2", "0", "1")).pieces
    assert found is not None
    assert [digest[-1] for digest in found.hexdigests] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        (("0", "2"), "has no digest"),
        (("1",), "has no digest"),
        (("0", "0"), "is twice"),
        (("0", "-1"), "not the number of a piece"),
        (("a",), "not the number of a piece"),
        (("9" * 20,), "not the number of a piece"),
        (("999999999",), "has no digest"),
    ],
)
def test_pieces_with_wrong_numbers(numbers: tuple[str, ...], says: str) -> None:
    assert says in refusal(numbered(*numbers)).message


def test_a_piece_that_is_no_digest() -> None:
    text = four("<pieces type='sha-1' length='9'><hash>12</hash></pieces>")
    assert "not a digest of sha1" in refusal(text).message


def test_limits() -> None:
    files = "".join(f"<file name='{n}'/>" for n in range(MOST_FILES + 1))
    assert "files" in refusal(f"<metalink xmlns='{FOUR}'>{files}</metalink>").message
    urls = "".join(f"<url>http://h/{n}</url>" for n in range(MOST_MIRRORS + 1))
    assert "mirrors" in refusal(four(urls)).message
    assert "pieces" in refusal(four(pieces("1", MOST_PIECES + 1))).message


def check(file: MetalinkFile) -> None:
    """What holds of any file that was read, whoever wrote the document."""
    assert safe_path(file.name) == file.name
    assert file.size is None or 0 <= file.size < 1 << 63
    for mirror in file.mirrors:
        assert parse_url(mirror.url).origin.scheme in {"http", "https"}
        assert 1 <= mirror.priority <= LAST_PRIORITY
    assert [m.priority for m in file.mirrors] == sorted(m.priority for m in file.mirrors)
    for checksum in file.checksums:
        bytes.fromhex(checksum.hexdigest)
    if file.pieces is not None:
        assert file.size is None or covers(file.pieces, file.size)


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *("<file name='a'>", "<file name='b/../c'>", "</file>", "<files>", "</files>"),
            *("<size>", "5", "12", "</size>", "<pieces type='md5' length='5'>", "</pieces>"),
            *("<hash>", "<hash type='md5'>", "<hash piece='1'>", "0" * 32, "</hash>"),
            *("<url>", "<url preference='9'>", "http://h/a", "ftp://h/", "</url>"),
            *("<resources maxconnections='2'>", "</resources>"),
            *("<verification>", "</verification>", "<x:file xmlns:x='urn:x'>", "</x:file>"),
        ]
    )
).map("".join)


@PURE
@given(FRAGMENTS, st.sampled_from(NAMESPACES))
def test_any_jumble_of_elements_is_a_list_or_a_usage_error(inside: str, namespace: str) -> None:
    try:
        files = parse_metalink(f"<metalink xmlns='{namespace}'>{inside}</metalink>".encode())
    except UsageError:
        return
    for file in files:
        check(file)


@PURE
@given(st.sampled_from(documents()), st.data())
def test_a_document_with_damage_is_a_list_or_a_usage_error(path: Path, data: st.DataObject) -> None:
    document = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(document) - 1))
        length = data.draw(st.integers(0, 40))
        document[at : at + length] = data.draw(st.binary(max_size=8))
    try:
        files = parse_metalink(bytes(document))
    except UsageError:
        return
    for file in files:
        check(file)


@PURE
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_name_is_safe_or_refused(name: str) -> None:
    safe = safe_path(name)
    if safe is None:
        return
    parts = safe.split("/")
    assert all(part and not part.startswith(".") for part in parts)
    assert not any("\\" in part or part.lower().endswith(".segdl") for part in parts)
    assert all(len(part.encode()) <= 255 for part in parts)
    assert safe_path(safe) == safe

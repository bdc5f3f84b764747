"""Checksum files as lists of a mirror: what real programs write, and what the web has."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.url import parse_url
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry
from segdl.mirror.readers.checksums import ChecksumFile
from segdl.mirror.readers.lines import LONGEST
from support.reading import entries, items, troubles
from support.require import require, require_program

READER = ChecksumFile()
AT = "https://h/pub/SHA256SUMS"
A, B, M, S = "a" * 64, "b" * 64, "c" * 32, "d" * 128

# Whatever a file can be called that the shell and the terminal had rather not see.
ODD = [
    b"plain.iso",
    b" leading",
    b"  two leading",
    b"trailing ",
    b"a b  c",
    b"*star",
    b"back\\slash",
    b"a\\nb",
    b"new\nline",
    b"carriage\rreturn",
    b"end\r",
    b"tab\there",
    b") = (",
    b"SHA256 (x) = " + A.encode(),
    b"-dash",
    b"#comment",
    b"percent%20&?;=+",
    "caf\u00e9\u2028".encode(),
    b"latin\xe9",
    b"\x1b[2J",
    b" ",
    b"\\",
]
TOOLS = [
    (["sha256sum"], "sha256"),
    (["sha256sum", "-b"], "sha256"),
    (["sha256sum", "--tag"], "sha256"),
    (["md5sum"], "md5"),
    (["md5sum", "--tag"], "md5"),
    (["sha1sum"], "sha1"),
    (["sha224sum"], "sha224"),
    (["sha384sum", "--tag"], "sha384"),
    (["sha512sum"], "sha512"),
    (["b2sum"], "blake2b"),
    (["b2sum", "--tag"], "blake2b"),
    (["cksum", "-a", "sha256"], "sha256"),
    (["cksum", "-a", "blake2b"], "blake2b"),
    (["cksum", "-a", "sha512", "--untagged"], "sha512"),
    (["shasum", "-a", "256"], "sha256"),
    (["shasum", "-a", "512", "-b"], "sha512"),
    (["shasum"], "sha1"),
]
LIST_NAMES = {"blake2b": "B2SUMS"}


def run(*command: bytes | str, cwd: Path, stdin: bytes = b"") -> bytes:
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("odd")
    for name in ODD:
        with open(os.path.join(os.fsencode(made), name), "wb") as file:
            file.write(b"content of " + name)
    return made


def check(found: list[Entry], names: list[bytes], algorithm: str) -> None:
    """See that each name has its own URL and the right digest."""
    assert [os.fsencode(entry.path) for entry in found] == names
    for entry, name in zip(found, names, strict=True):
        digest = hashlib.new(algorithm, b"content of " + name).hexdigest()
        assert str(entry.checksum) == f"{algorithm}={digest}"
        (url,) = entry.urls
        # What a server decodes of the URL that is asked for.
        asked = parse_url(url).url.removeprefix("https://h/pub/")
        assert os.fsencode(unquote(asked, errors="surrogateescape")) == name
        assert not set("?#; \\") & set(asked)


@pytest.mark.parametrize(("command", "algorithm"), TOOLS, ids=" ".join)
def test_what_programs_write(folder: Path, command: list[str], algorithm: str) -> None:
    require_program(command[0])
    names = ODD
    if command[0] == "shasum":
        # It writes CR as it is: at the end of a name nobody can tell it from a line's end.
        names = [name for name in ODD if b"\r" not in name]
    written = run(*command, "--", *names, cwd=folder)
    name = LIST_NAMES.get(algorithm, "SUMS")
    assert READER.recognises(written, Document(name=name))
    check(entries(READER, written, name, url=AT), names, algorithm)


@pytest.mark.parametrize(
    ("command", "algorithm"),
    [
        (["sha256sum", "-z"], "sha256"),
        (["sha256sum", "-z", "-b"], "sha256"),
        (["sha256sum", "-z", "--tag"], "sha256"),
        (["md5sum", "-z"], "md5"),
        (["b2sum", "-z"], "blake2b"),
        (["cksum", "-z", "-a", "sha512"], "sha512"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("first", [0, 8])
def test_what_programs_write_where_nul_ends_a_line(
    folder: Path, command: list[str], algorithm: str, first: int
) -> None:
    """Names are not escaped there, and may have ends of lines in them, also the first one."""
    require_program(command[0])
    names = ODD[first:] + ODD[:first]
    written = run(*command, "--", *names, cwd=folder)
    assert written.count(b"\0") == len(names)
    name = LIST_NAMES.get(algorithm, "SUMS")
    assert READER.recognises(written, Document(name=name))
    check(entries(READER, written, name, url=AT), names, algorithm)


def test_nul_ends_the_lines_of_a_long_list() -> None:
    names = [f"f\n{number}" for number in range(10_000)]
    text = "".join(f"{number:064x}  {name}\0" for number, name in enumerate(names))
    found = entries(READER, text, url=AT)
    assert [entry.path for entry in found] == names
    assert str(found[-1].checksum) == f"sha256={9999:064x}"
    # The last end may be missing, as in lists of lines.
    assert entries(READER, text[:-1], url=AT) == found


def test_lines_that_nul_ends_and_that_are_none_do_not_stop_the_others() -> None:
    bad = [f"{A}  {'x' * LONGEST}", "nonsense", f"{A}  {'x' * 3 * LONGEST}", "", f"{A}  -"]
    found = items(READER, "\0".join([f"{A}  f", *bad, f"{B}  g\0"]), url=AT)
    assert [item.path for item in found if isinstance(item, Entry)] == ["f", "g"]
    assert sorted(troubles(found)) == [2, 3, 4, 6]


def test_what_has_nul_in_it_is_no_list_of_them_for_that() -> None:
    found = items(READER, f"{A}  f\n{B}  g\n".encode("utf-16"), url=AT)
    assert len(troubles(found)) == len(found) == 3
    late = f"{A}  f\n" * 1000 + f"{A}  g\0h\n"
    assert [entry.path for entry in entries(READER, late, url=AT)] == ["f", "g\0h"]


@pytest.mark.parametrize("algorithm", ["sha256", "md5", "sha512", "blake2b512", "sha3-256"])
@pytest.mark.parametrize("style", [[], ["-r"]])
def test_what_openssl_writes(folder: Path, algorithm: str, style: list[str]) -> None:
    require_program("openssl")
    names = [name for name in ODD if not {*b"\\\n\r"} & {*name} and not name.startswith(b"-")]
    written = run("openssl", "dgst", f"-{algorithm}", *style, *names, cwd=folder)
    ours = {"blake2b512": "blake2b", "sha3-256": "sha3_256"}.get(algorithm, algorithm)
    list_name = {"blake2b": "B2SUMS", "sha3_256": "SHA3-256SUMS"}.get(ours, "SUMS")
    assert READER.recognises(written, Document(name=list_name))
    check(entries(READER, written, list_name, url=AT), names, ours)


def test_several_programs_in_one_file(folder: Path) -> None:
    require_program("md5sum", "sha1sum", "sha256sum")
    parts = [run(f"{name}sum", "--tag", "--", *ODD, cwd=folder) for name in ("md5", "sha1")]
    parts.insert(1, run("sha256sum", "--tag", "--", *ODD, cwd=folder))
    check(entries(READER, b"".join(parts), url=AT), ODD, "sha256")
    plain = [run(f"{name}sum", "--", *ODD, cwd=folder) for name in ("sha256", "md5")]
    check(entries(READER, b"".join(plain), url=AT), ODD, "sha256")
    check(entries(READER, b"".join(reversed(plain)), url=AT), ODD, "sha256")


@pytest.mark.parametrize("style", [[], ["--tag"]])
def test_what_gpg_signs(folder: Path, tmp_path: Path, style: list[str]) -> None:
    require_program("gpg", "sha256sum")
    written = run("sha256sum", *style, "--", *ODD, cwd=folder)
    home = tmp_path / "keys"
    home.mkdir(mode=0o700)
    # The socket of its agent must have a short path.
    with tempfile.TemporaryDirectory() as short:
        os.symlink(home, f"{short}/g")
        gpg = ["gpg", "--batch", "--homedir", f"{short}/g", "--passphrase", ""]
        try:
            run(*gpg, "--quick-gen-key", "a@example.org", "ed25519", "sign", "1d", cwd=tmp_path)
            # Lines that begin with a dash, or like mail, are escaped.
            text = b"-- \nFrom here\n" + written
            signed = run(*gpg, "--clearsign", cwd=tmp_path, stdin=text)
        finally:
            subprocess.run(["gpgconf", "--homedir", f"{short}/g", "--kill", "all"], check=False)
    assert b"\n- -- \n- From here\n" in signed
    assert READER.recognises(signed, Document(name="SHA256SUMS.asc"))
    found = items(READER, signed, "SHA256SUMS.asc", url=AT)
    # The two lines that are no digests, and nothing of the signature.
    assert list(troubles(found)) == [4, 5]
    check([item for item in found if isinstance(item, Entry)], ODD, "sha256")


@settings(deadline=None, derandomize=True, max_examples=15)
@given(
    st.sets(
        st.binary(min_size=1, max_size=40).filter(lambda n: not {0, 47} & {*n}), max_size=20
    ).map(lambda names: sorted(names - {b".", b"..", b"-"})),
    st.sampled_from([[], ["--tag"], ["-b"]]),
)
def test_whatever_sha256sum_writes_is_read_back(names: list[bytes], style: list[str]) -> None:
    require_program("sha256sum")
    require("file names here are not bytes", os.name == "posix")
    if not names:
        return
    with tempfile.TemporaryDirectory() as made:
        for name in names:
            with open(os.path.join(os.fsencode(made), name), "wb") as file:
                file.write(b"content of " + name)
        written = run("sha256sum", *style, "--", *names, cwd=Path(made))
        check(entries(READER, written, url=AT), names, "sha256")


def test_a_name_that_is_a_dash() -> None:
    # sha256sum calls standard input so; a file of that name is ./- there.
    found = entries(READER, f"{A}  ./-\n{B} *./x\n", url=AT)
    assert [(entry.path, entry.urls) for entry in found] == [
        ("-", ("https://h/pub/-",)),
        ("x", ("https://h/pub/x",)),
    ]
    assert list(troubles(items(READER, f"{A}  -\n", "SHA256SUMS", url=AT))) == [1]


@pytest.mark.parametrize(
    "text",
    [
        f"{A.upper()}  f.iso\r\n",
        f"\ufeff{A}  f.iso\n",
        f"\ufeff\r\n{A} *f.iso",
        f"{A} f.iso\n",
        f"{A}\tf.iso\n",
        f"{A}  ./f.iso\n",
        f"# of today\n; and yesterday\n\n   \n{A}  f.iso\n",
        f"{A}  f.iso\n{A} *./f.iso\n",
        f"SHA256(f.iso)= {A}\n",
        f"MD5 (f.iso) = {M}\nSHA256 (f.iso) = {A}\nSHA1 (f.iso) = {'0' * 40}\n",
        # FreeBSD's ports, pkgsrc
        f"TIMESTAMP = 1700000000\nSHA256 (f.iso) = {A}\n",
        f"$NetBSD: distinfo,v 1.3 adam $\n\nRMD160 (f) = {'1' * 40}\nSHA256 (f) = {A}\n".replace(
            "(f)", "(f.iso)"
        ),
    ],
)
def test_what_the_web_has(text: str) -> None:
    (entry,) = entries(READER, text, url=AT)
    assert (entry.urls, str(entry.checksum)) == (("https://h/pub/f.iso",), f"sha256={A}")
    assert READER.recognises(text.encode(), Document(name="distinfo"))


@pytest.mark.parametrize(
    ("name", "text", "checksum"),
    [
        ("f.iso.sha256", f"{A}\n", f"sha256={A}"),
        ("f.iso.sha256sum", f"\ufeff{A.upper()}", f"sha256={A}"),
        ("f.iso.sha256", f"{A}   \r\n", f"sha256={A}"),
        ("f.iso.sha256", f"{A}  -\n", f"sha256={A}"),
        ("f.iso.md5", f"{M}\n", f"md5={M}"),
        ("f.iso.sha512", f"\n{S}\n", f"sha512={S}"),
        ("f.iso.b2", f"{S}\n", f"blake2b={S}"),
        ("f.iso.blake2s", f"{A}\n", f"blake2s={A}"),
        ("f.iso.sha3-256", f"{A}\n", f"sha3_256={A}"),
    ],
)
def test_a_digest_alone(name: str, text: str, checksum: str) -> None:
    at = f"https://h/pub/{name}?key=1"
    (entry,) = entries(READER, text, name, url=at)
    assert (entry.path, entry.urls) == ("f.iso", ("https://h/pub/f.iso",))
    assert str(entry.checksum) == checksum
    assert READER.recognises(text.encode(), Document(name=name))
    # Nothing tells whose it is.
    nameless = items(READER, text, url=AT)
    assert all("no name" in why for why in troubles(nameless).values())
    assert not READER.recognises(f"{A}\n".encode(), Document(name="SUMS"))


def test_sizes_belong_to_names() -> None:
    (entry,) = entries(READER, f"SHA256 (f) = {A}\nSIZE (f) = 1234\n", url=AT)
    assert (entry.size, str(entry.checksum)) == (1234, f"sha256={A}")
    (entry,) = entries(READER, f"Size (f) = 1234 bytes\nMD5 (f) = {M}\n", url=AT)
    assert (entry.size, str(entry.checksum)) == (1234, f"md5={M}")


def test_digests_that_contradict_each_other_are_none() -> None:
    found = items(READER, f"{A}  f\n{B}  g\n{B}  f\n", url=AT)
    assert [item.path for item in found if isinstance(item, Entry)] == ["g"]
    assert troubles(found) == {1: "it has two different digests"}
    # A stronger one that does not, decides.
    text = f"MD5 (f) = {M}\nMD5 (f) = {'0' * 32}\nSHA256 (f) = {A}\n"
    assert str(entries(READER, text, url=AT)[0].checksum) == f"sha256={A}"


@pytest.mark.parametrize(
    "line",
    [f"RMD160 (f) = {'1' * 40}", f"SHA256 (f) = {'1' * 40}", f"BLAKE2b-256 (f) = {A}"],
)
def test_what_cannot_be_checked_is_no_file(line: str) -> None:
    found = items(READER, f"{line}\n{A}  g\n", url=AT)
    assert [item.path for item in found if isinstance(item, Entry)] == ["g"]
    assert "none that can be checked" in troubles(found)[1]


def test_lines_that_are_none_do_not_stop_the_others() -> None:
    text = f"{A}  f\nnonsense \x1b[2J\n{A[1:]}  g\n{A}  {'x' * LONGEST}\n{B}  h\n"
    found = items(READER, text, url=AT)
    assert [item.path for item in found if isinstance(item, Entry)] == ["f", "h"]
    assert sorted(troubles(found)) == [2, 3, 4]
    assert "\x1b" not in str(troubles(found))


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        (AT, None, "https://h/pub/a%20b"),
        (f"{AT}?token=1", None, "https://h/pub/a%20b"),
        ("https://h", None, "https://h/a%20b"),
        ("https://u:p@h/x/y", None, "https://u:p@h/x/a%20b"),
        (AT, "https://m/pub", "https://m/pub/a%20b"),
        (AT, "https://m/pub/", "https://m/pub/a%20b"),
        (AT, "https://m", "https://m/a%20b"),
        (None, "https://m/pub?sig=1&b", "https://m/pub/a%20b?sig=1&b"),
    ],
)
def test_where_names_are(url: str | None, base: str | None, expected: str) -> None:
    (entry,) = entries(READER, f"{A}  a b\n", url=url, base=base)
    assert entry.urls == (expected,)


def test_without_a_base_there_is_nothing_to_fetch_from() -> None:
    with pytest.raises(UsageError, match="--base-url"):
        items(READER, f"{A}  f\n", "SHA256SUMS")
    with pytest.raises(UsageError):
        items(READER, f"{A}  f\n", "SHA256SUMS", base="ftp://h/")


def test_names_are_told_as_they_are_and_never_lead_to_another_host() -> None:
    names = ["../x", "/etc/passwd", "//evil/x", "http://evil/x", "a/../../x", "x?y#z", "a//b"]
    found = entries(READER, "".join(f"{A}  {name}\n" for name in names), url=AT)
    assert [entry.path for entry in found] == names
    assert all(parse_url(entry.urls[0]).origin.host == "h" for entry in found)
    assert found[5].urls == ("https://h/pub/x%3Fy%23z",)


def test_a_long_list_of_one_algorithm_is_not_kept() -> None:
    lines = [f"{number:064x}  f{number}\n" for number in range(10_000)]
    found = entries(READER, "".join(lines), url=AT)
    assert [entry.path for entry in found] == [f"f{number}" for number in range(10_000)]
    assert len({str(entry.checksum) for entry in found}) == 10_000
    # What comes far behind comes once more.
    found = entries(READER, "".join([*lines, f"{S}  f1\n"]), url=AT)
    assert [str(entry.checksum) for entry in found if entry.path == "f1"] == [
        f"sha256={1:064x}",
        f"sha512={S}",
    ]


def test_far_apart_in_a_long_list_that_mixes() -> None:
    count = 10_000
    md5 = [f"MD5 (f{number}) = {number:032x}\n" for number in range(count)]
    sha = [f"SHA256 (f{number}) = {number:064x}\n" for number in reversed(range(count))]
    found = entries(READER, "".join(md5 + sha), url=AT)
    assert [entry.path for entry in found] == [f"f{number}" for number in range(count)]
    assert [str(entry.checksum) for entry in found] == [
        f"sha256={number:064x}" for number in range(count)
    ]


@pytest.mark.parametrize(
    ("head", "name", "known"),
    [
        (f"{A}  f\n".encode(), "", True),
        (f"{A}  f\nnote\n".encode(), "", False),
        (f"{A}  f\n{A}  g\nnote\n".encode(), "", True),
        (b"https://h/" + A.encode() + b"  f\n", "", False),
        (b"<html>\n" + A.encode() + b"  f\n", "", False),
        (b"", "SHA256SUMS", False),
        (b"SIZE (f) = 5\n", "", False),
    ],
)
def test_it_is_known_by_its_first_lines(head: bytes, name: str, known: bool) -> None:
    assert READER.recognises(head, Document(name=name)) is known


@pytest.mark.parametrize("name", ["B3SUMS", "f.b3", "f.blake3", "XXH128SUMS", "sm3sums.txt"])
def test_what_nobody_here_can_compute_is_not_taken_for_sha256(name: str) -> None:
    text = f"{'a' * (32 if name[0] == 'X' else 64)}  f\n"
    assert READER.recognises(text.encode(), Document(name=name))
    (why,) = troubles(items(READER, text, name, base="https://h/")).values()
    assert "digest is none that can be checked" in why


def test_a_web_page_is_no_checksum_file() -> None:
    with pytest.raises(UsageError, match="web page"):
        items(READER, f"<html>\n{A}  f\n", url=AT)

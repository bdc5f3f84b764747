"""Who gets which secret; and the certificates that prove who asks."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from segdl.core.url import follow, parse_url
from segdl.errors import UsageError
from segdl.net.credentials import Credentials
from segdl.net.tls import SharedContext
from segdl.options import NetworkOptions, Request

if TYPE_CHECKING:
    from pathlib import Path

    from support.tls import Authority

ASKED = "http://h.example/a"
OTHERS = [
    "http://h.example:8080/a",
    "https://h.example/a",
    "http://other.example/a",
    "http://sub.h.example/a",
    "http://h.example.evil/a",
]


def sent(
    options: NetworkOptions, to: str, asked: str = ASKED, request: Request | None = None
) -> dict[str, str]:
    start = parse_url(asked)
    credentials = Credentials(options, request or Request(url=asked), start)
    return dict(credentials.headers(follow(start, to)))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("to", OTHERS)
def test_only_the_origin_asked_gets_secrets(to: str) -> None:
    options = NetworkOptions(headers=(("X-Key", "1"), ("Cookie", "c=1")), user=("me", "pw"))
    request = Request(url=ASKED, headers=(("X-Own", "2"),))
    own = sent(options, "/b?c", request=request)
    assert own["Authorization"] == basic("me:pw")
    assert (own["X-Key"], own["X-Own"], own["Cookie"]) == ("1", "2", "c=1")
    other = sent(options, to, request=request)
    assert set(other) == {"User-Agent", "Accept", "Accept-Encoding"}
    from_url = sent(NetworkOptions(), to, asked="http://me:pw@h.example/a")
    assert "Authorization" not in from_url
    trusting = NetworkOptions(user=("me", "pw"), headers=(("X-Key", "1"),), location_trusted=True)
    assert sent(trusting, to)["Authorization"] == basic("me:pw")
    assert sent(trusting, to)["X-Key"] == "1"


@pytest.mark.parametrize(
    ("host", "path"), [("bücher.example", "/a"), ("BÜCHER.example", "/ü"), ("☃.example", "/a")]
)
def test_cookies_of_a_host_that_is_not_ascii(tmp_path: Path, host: str, path: str) -> None:
    """A jar has the name that is looked up; what has none gets no cookie, and no traceback."""
    jar = tmp_path / "cookies.txt"
    line = "{}\tFALSE\t/\tFALSE\t0\ta\t1\n".format("xn--bcher-kva.example")
    jar.write_text("# Netscape HTTP Cookie File\n" + line)
    url = f"http://{host}{path}"
    cookie = sent(NetworkOptions(cookies=jar), url, asked=url).get("Cookie")
    assert cookie == ("a=1" if host != "☃.example" else None)


def test_the_order_of_users() -> None:
    url = "http://url:1@h.example/a"
    assert sent(NetworkOptions(), "/", asked=url)["Authorization"] == basic("url:1")
    both = NetworkOptions(user=("option", "2"))
    assert sent(both, "/", asked=url)["Authorization"] == basic("option:2")
    header = NetworkOptions(user=("option", "2"), headers=(("authorization", "Bearer 3"),))
    assert sent(header, "/")["authorization"] == "Bearer 3"
    # Whoever redirects may name a user of the place it leads to.
    assert sent(both, "http://new:4@x.example/")["Authorization"] == basic("new:4")


def test_text_beyond_latin_1_goes_out_as_utf_8() -> None:
    options = NetworkOptions(headers=(("X-A", "\u20ac"),), user=("me", "\u20ac\udcff"))
    fields = sent(options, "/")
    assert fields["X-A"].encode("latin-1") == "\u20ac".encode()
    assert base64.b64decode(fields["Authorization"][6:]) == b"me:\xe2\x82\xac\xff"


def test_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    path.write_text(
        "machine h.example login me password pw\n"
        "machine login.example login you password pw2\n"
        "default login anybody password pw3\n"
    )
    monkeypatch.setenv("NETRC", str(path))
    options = NetworkOptions(netrc=True)
    assert sent(options, "/")["Authorization"] == basic("me:pw")
    assert sent(options, "https://login.example/")["Authorization"] == basic("you:pw2")
    assert sent(options, "/", asked="http://h.example:99/")["Authorization"] == basic("me:pw")
    for to in ("http://h.example:8080/", "http://login.example:81/", "http://evil.example/"):
        assert "Authorization" not in sent(options, to)
    assert sent(options, "/", asked="http://any.example/")["Authorization"] == basic("anybody:pw3")
    assert "Authorization" not in sent(NetworkOptions(), "/")
    explicit = NetworkOptions(netrc=True, headers=(("Authorization", "Bearer x"),))
    assert sent(explicit, "/")["Authorization"] == "Bearer x"
    path.write_text("machine h.example nonsense pw-8811\n")
    with pytest.raises(UsageError, match="netrc: line 1 is not understood") as caught:
        sent(options, "/")
    assert "8811" not in str(caught.value)
    path.unlink()
    with pytest.raises(UsageError, match="No such file"):
        sent(options, "/")
    monkeypatch.delenv("NETRC")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "Authorization" not in sent(options, "/")


def test_a_list_cannot_name_whom_netrc_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers that a list wrote are for whom it wrote them; that makes it no user."""
    path = tmp_path / "netrc"
    path.write_text("machine h.example login me password pw\ndefault login any password pw2\n")
    monkeypatch.setenv("NETRC", str(path))
    options = NetworkOptions(netrc=True)
    source = "http://source.example:99/list"
    cases: list[tuple[str, str | None]] = [
        ("http://any.example/", None),
        ("http://h.example:81/", None),
        ("http://h.example/", basic("me:pw")),
        ("http://source.example:99/x", basic("any:pw2")),
    ]
    for url, told in cases:
        for entrusted in (None, url):
            own = Request(url=url, headers=(("X-Own", "1"),), entrusted=entrusted, named=source)
            fields = sent(options, url, asked=url, request=own)
            assert (fields["X-Own"], fields.get("Authorization")) == ("1", told)


@pytest.mark.parametrize(
    "header",
    [
        ("X-A", "se\r\ncret-8822"),
        ("X-A", "secret-8822\x00"),
        ("X A", "secret-8822"),
        ("", "secret-8822"),
        ("range", "secret-8822"),
        ("If-Range", "secret-8822"),
        ("Content-Length", "secret-8822"),
    ],
)
def test_headers_that_cannot_be_sent(header: tuple[str, str]) -> None:
    for make in (
        lambda: NetworkOptions(headers=(header,)),
        lambda: Request(url=ASKED, headers=(header,)),
    ):
        with pytest.raises(UsageError) as caught:
            make()
        assert "8822" not in str(caught.value)


def test_values_hide_their_secrets() -> None:
    options = NetworkOptions(
        headers=(("X-Key", "secret-1"),), user=("me", "secret-2"), proxy="http://me:secret-3@h:1"
    )
    request = Request(url="http://me:secret-4@h/?k=secret-5", headers=(("A", "secret-6"),))
    location = parse_url(request.url)
    assert "secret" not in f"{options!r} {request!r} {location!r} {location}"


# -- TLS --


def test_one_context_for_all() -> None:
    shared = SharedContext(NetworkOptions(insecure=True))
    assert shared.get() is shared.get()


def test_certificate_files_that_cannot_be_used(authority: Authority, tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    text.write_text("hello\n")
    locked = tmp_path / "locked.pem"
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"pw"),
        )
    )
    none = tmp_path / "none.pem"
    cases = [
        (NetworkOptions(cacert=none), "No such file"),
        (NetworkOptions(cacert=text), "not a PEM file of that kind"),
        (NetworkOptions(insecure=True, cert=none), "No such file"),
        (NetworkOptions(insecure=True, cert=text), "not a PEM file"),
        (NetworkOptions(insecure=True, cert=authority.cert, key=locked), "has a passphrase"),
        (
            NetworkOptions(insecure=True, cert=authority.client_cert, key=authority.key),
            "the key is not the certificate's",
        ),
    ]
    for options, says in cases:
        with pytest.raises(UsageError, match=says) as caught:
            SharedContext(options).get()
        assert "_ssl.c" not in str(caught.value)
        assert caught.value.hint


def test_a_folder_of_authorities_and_the_environment(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    SharedContext(NetworkOptions(cacert=tmp_path)).get()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.cacert))
    assert len(SharedContext(NetworkOptions()).get().get_ca_certs()) == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="No such file"):
        SharedContext(NetworkOptions()).get()

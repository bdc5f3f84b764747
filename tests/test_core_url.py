"""URLs: what is read, what is kept secret, where a redirect may lead."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segdl.core.text import is_hostile
from segdl.core.url import Location, Origin, _as_any, _as_usual, follow, parse_source, parse_url
from segdl.errors import SegdlError, ServerError, UsageError

PURE = settings(deadline=None, derandomize=True, max_examples=400)
any_text = st.text(alphabet=st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "url", "origin"),
    [
        ("http://h", "http://h/", ("http", "h", 80)),
        ("http://h/", "http://h/", ("http", "h", 80)),
        ("https://h/a/b", "https://h/a/b", ("https", "h", 443)),
        ("HTTP://Host.Example/A", "http://Host.Example/A", ("http", "host.example", 80)),
        ("http://h:8080/a", "http://h:8080/a", ("http", "h", 8080)),
        ("http://h:80/a", "http://h:80/a", ("http", "h", 80)),
        ("https://h:80/a", "https://h:80/a", ("https", "h", 80)),
        ("http://h:/a", "http://h:/a", ("http", "h", 80)),
        ("http://h:0/a", "http://h:0/a", ("http", "h", 0)),
        ("http://[::1]:81/a", "http://[::1]:81/a", ("http", "::1", 81)),
        ("http://h/a?b=c&d", "http://h/a?b=c&d", ("http", "h", 80)),
        ("http://h?b=c", "http://h/?b=c", ("http", "h", 80)),
        ("http://h/a#part", "http://h/a", ("http", "h", 80)),
        ("  http://h/a \n", "http://h/a", ("http", "h", 80)),
        ("http://h/a b", "http://h/a%20b", ("http", "h", 80)),
        ("http://h/a?b c", "http://h/a?b%20c", ("http", "h", 80)),
        # A stray % would have urllib3 encode those of the others once more.
        ("http://h/100%/a%20b", "http://h/100%25/a%20b", ("http", "h", 80)),
        ("http://h/a?b=5%&c=%2f", "http://h/a?b=5%25&c=%2f", ("http", "h", 80)),
        ("http://h/%zz%", "http://h/%25zz%25", ("http", "h", 80)),
        ("http://h/%41%zz", "http://h/%41%25zz", ("http", "h", 80)),
        ("http://h/é", "http://h/é", ("http", "h", 80)),
        ("http://h/\udce9\udcff", "http://h/%E9%FF", ("http", "h", 80)),
        ("http://h/\x7f\x01", "http://h/%7F%01", ("http", "h", 80)),
        ("http://h//a//b", "http://h//a//b", ("http", "h", 80)),
        ("http://h/a/../b", "http://h/b", ("http", "h", 80)),
        ("http://h/../../b", "http://h/b", ("http", "h", 80)),
        ("http://h/a/./b/.", "http://h/a/b/", ("http", "h", 80)),
        ("http://h/a/b/..", "http://h/a/", ("http", "h", 80)),
        ("http://h/..", "http://h/", ("http", "h", 80)),
        ("http://h/.a/..b/...?c=/../d", "http://h/.a/..b/...?c=/../d", ("http", "h", 80)),
        ("http://u:p@h/a", "http://h/a", ("http", "h", 80)),
        ("http://u:p@x@h/a", "http://h/a", ("http", "h", 80)),
    ],
)
def test_urls(text: str, url: str, origin: tuple[str, str, int]) -> None:
    location = parse_url(text)
    assert location.url == url
    assert location.origin == Origin(*origin)


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("http://h/", None),
        ("http://u@h/", ("u", "")),
        ("http://u:@h/", ("u", "")),
        ("http://u:p@h/", ("u", "p")),
        ("http://:p@h/", ("", "p")),
        ("http://u:p:q@h/", ("u", "p:q")),
        ("http://u%40x:p%3A%2F@h/", ("u@x", "p:/")),
        ("http://u:p@q@h/", ("u", "p@q")),
        ("http://h/u:p@x", None),
    ],
)
def test_users(text: str, user: tuple[str, str] | None) -> None:
    assert parse_url(text).user == user


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("", "scheme", "http"),
        ("file:///etc/passwd", "scheme", "segdl fetches"),
        ("ftp://h/a", "scheme", "segdl fetches"),
        ("javascript:alert(1)", "scheme", "segdl fetches"),
        ("data:text/plain,x", "scheme", "segdl fetches"),
        ("example.org/a", "scheme", "did you mean https://example.org/a?"),
        ("localhost:8080/a", "scheme", "did you mean http://localhost:8080/a?"),
        ("10.0.0.1:80", "scheme", "did you mean http://10.0.0.1:80?"),
        ("/a/b", "scheme", "segdl fetches"),
        ("//h/a", "scheme", "segdl fetches"),
        ("http:", "host", "https://HOST/PATH"),
        ("http://", "host", "https://HOST/PATH"),
        ("http:///a", "host", "https://HOST/PATH"),
        ("http:/h/a", "host", "https://HOST/PATH"),
        ("http://:80/", "host", "https://HOST/PATH"),
        ("http://a b/", "host", "https://HOST/PATH"),
        ("http://a\x00b/", "host", "https://HOST/PATH"),
        ("http://a\\b/", "host", "https://HOST/PATH"),
        ("http://a\x9bb/", "host", "https://HOST/PATH"),
        ("http://a\u202eb/", "host", "https://HOST/PATH"),
        ("http://h:x/", "not a URL", "typing"),
        ("http://h:99999/", "not a URL", "typing"),
        ("http://h:-1/", "not a URL", "typing"),
        ("http://[::1/", "not a URL", "typing"),
        ("http://h/\ud800", "not a URL", "typing"),
    ],
)
def test_what_is_no_url(text: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(text)
    assert says in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "https:/me:SECRET@host/",
        "https:///me:SECRET@host/",
        "http://me:SECRET/SECRET@host/",
        "http://me:SECRET?SECRET@host/",
        "http://me:SECRET#SECRET@host/",
        "http://SECRET:SECRET@host:x/",
        "ftp://SECRET:SECRET@host/a://b",
        "ftp://host/x?token=SECRET",
        "ftp://host/x#SECRET",
        "ftp://host/x?a=b@c&token=SECRET",
        "//SECRET:SECRET@host/",
        "SECRET:SECRET@host.example/x",
        "host.example/x?token=SECRET",
        "http:\\\\SECRET:SECRET@host/",
        "http://SECRET:SECRET@\u2100.example/",
        "http://SECRET:SECRET@[::1/",
        "ht\ntp://SECRET:SECRET@host:x/",
        "http://SECRET:SECRET@/x",
        "http://SECRET\x00:SECRET@h/x",
    ],
)
def test_what_is_no_url_keeps_its_secrets(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(text)
    # The causes, too: a traceback shows them.
    assert "SECRET" not in "".join(
        line for line in traceback.format_exception(caught.value) if "parse_url(" not in line
    )
    # As the place a redirect leads to; resolved against a URL of http it may be fine.
    for base in ("http://a.example/", "https://a.example/b"):
        found = followed(parse_url(base), text)
        if isinstance(found, ServerError):
            assert "SECRET" not in "".join(traceback.format_exception(found))
        else:
            assert found.user or found.origin.host == "a.example"


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("https://me:secret@example.org:443/a?token=x#frag", "https://example.org:443/a"),
        ("http://h/a;v=1?x", "http://h/a;v=1"),
        ("http://h/?", "http://h/"),
        ("http://h/\x9b2J\u202e", "http://h/?2J?"),
    ],
)
def test_public(text: str, public: str) -> None:
    location = parse_url(text)
    assert location.public == str(location) == public


def test_path() -> None:
    assert parse_url("http://h/a%20b/c?x").path == "/a%20b/c"
    assert parse_url("http://h").path == "/"


def parsed(text: str) -> Location | UsageError:
    try:
        return parse_url(text)
    except UsageError as error:
        return error


def followed(current: Location, text: str) -> Location | ServerError:
    try:
        return follow(current, text)
    except ServerError as error:
        return error


# Words that occur nowhere else in a URL or a message, so that finding one is a leak.
word = st.text(alphabet="ZQXJ", min_size=4, max_size=8)
spice = st.sampled_from(["", ":", "%40", "@", "é", "!", "$", "&", " ", "\t", "\x00", "\u202e"])
rough = st.sampled_from(["", "/", "?", "#", "\\", "://", "[", "]", "@", "//"])
hosts = st.sampled_from(
    [
        "h",
        "h.example",
        "[::1]",
        "[::1",
        "h:80",
        "h:x",
        "h:99999",
        "",
        "\u210e.example",
        "\u2100.com",
        "1.2.3",
    ]
)
schemes = st.sampled_from(
    ["http://", "https://", "HTTPS://", "ftp://", "file://", "https:/", "https:", "//", "", "x:"]
)
paths = st.sampled_from(["", "/", "/a/b", "/a://b", "/..", "/%41", "/a;b"])


@st.composite
def with_secrets(draw: st.DrawFn) -> tuple[str, set[str]]:
    secrets = [draw(word) for _ in range(4)]
    user = f"{secrets[0]}{draw(spice)}{draw(rough)}:{secrets[1]}{draw(spice)}{draw(rough)}@"
    tail = f"?{draw(st.sampled_from(['k=', 'mail=a@b&k=', '']))}{secrets[2]}#{secrets[3]}"
    text = (
        draw(schemes)
        + draw(st.sampled_from(["", user]))
        + draw(hosts)
        + draw(paths)
        + draw(st.sampled_from(["", tail]))
    )
    return text, set(secrets)


def assert_redacted(shown: str, secrets: set[str]) -> None:
    assert not any(secret.lower() in shown.lower() for secret in secrets), shown
    assert not any(is_hostile(character) for character in shown)


def read_as_path(location: Location, secrets: set[str]) -> bool:
    """`http://user:80/pass@host` is the host `user` and a path, for every reader of URLs."""
    visible = location.origin.host + location.path.lower()
    return any(secret.lower() in visible for secret in secrets)


@PURE
@given(with_secrets())
def test_no_secret_of_a_url_is_shown(case: tuple[str, set[str]]) -> None:
    text, secrets = case
    location = parsed(text)
    if isinstance(location, UsageError):
        assert_redacted(str(location), secrets)
        assert location.__cause__ is None
        assert location.__context__ is None or location.__suppress_context__
        return
    assume(not read_as_path(location, secrets))
    assert_redacted(location.public, secrets)
    assert_redacted(repr(location), secrets)
    assert_redacted(str(location), secrets)
    assert_redacted(f"{[location]}", secrets)


@PURE
@given(with_secrets(), st.sampled_from(["http", "https"]))
def test_no_secret_of_a_redirect_is_shown(case: tuple[str, set[str]], scheme: str) -> None:
    text, secrets = case
    current = parse_url(f"{scheme}://QQQQ:ZZZZ@a.example/b?XXXX")
    secrets = secrets | {"QQQQ", "ZZZZ", "XXXX"}
    target = followed(current, text)
    if isinstance(target, ServerError):
        if "from https to http (" in target.message:
            # The host alone is named, as every reader of URLs finds it.
            assert_redacted(target.message.partition("(")[0], secrets)
            return
        assert_redacted(str(target), secrets)
        assert target.__cause__ is None
        return
    assume(not read_as_path(target, secrets))
    assert_redacted(target.public, secrets)
    assert_redacted(repr(target), secrets)


@PURE
@given(any_text | any_text.map("http://".__add__) | any_text.map("https://h/".__add__))
def test_any_text_is_a_url_or_a_usage_error(text: str) -> None:
    location = parsed(text)
    if isinstance(location, UsageError):
        assert not any(is_hostile(character) for character in str(location))
        return
    assert location.origin.scheme in {"http", "https"}
    assert location.origin.host
    assert not any(is_hostile(c) or c.isspace() for c in location.origin.host)
    assert location.path.startswith("/")
    location.url.encode()
    assert not any(ord(c) <= 32 or ord(c) == 127 for c in location.url)
    assert parse_url(location.url).url == location.url
    assert not any(is_hostile(character) for character in location.public)


@PURE
@given(any_text | st.text(alphabet="/.:?#@\\[]htps %", max_size=20))
def test_any_location_leads_somewhere_or_is_a_server_error(text: str) -> None:
    current = parse_url("https://a.example/b/c?d")
    target = followed(current, text)
    if isinstance(target, ServerError):
        assert not any(is_hostile(character) for character in str(target))
        return
    assert target.origin.scheme == "https"
    assert target.origin.host


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("http://b.example/z", "http://b.example/z"),
        ("https://b.example/z", "https://b.example/z"),
        ("//b.example/z", "http://b.example/z"),
        ("/z", "http://a.example:81/z"),
        ("z", "http://a.example:81/x/z"),
        ("./z", "http://a.example:81/x/z"),
        ("../z?k=1", "http://a.example:81/z?k=1"),
        ("../../../z", "http://a.example:81/z"),
        ("?k=2", "http://a.example:81/x/y?k=2"),
        ("", "http://a.example:81/x/y?q=0"),
        ("/z#part", "http://a.example:81/z"),
        ("  /z  ", "http://a.example:81/z"),
        ("/a b", "http://a.example:81/a%20b"),
        ("HTTP://B.example/Z", "http://B.example/Z"),
        # Raw UTF-8, decoded as latin-1 on the way here.
        ("/\u00e6\u0097\u00a5.zip", "http://a.example:81/日.zip"),
        ("/日.zip", "http://a.example:81/日.zip"),
        ("/caf\u00e9", "http://a.example:81/café"),
        ("/%E6%97%A5.zip", "http://a.example:81/%E6%97%A5.zip"),
    ],
)
def test_follow(location: str, url: str) -> None:
    assert follow(parse_url("http://a.example:81/x/y?q=0"), location).url == url


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "ftp://b.example/",
        "gopher://b.example/",
        "mailto:me@b.example",
        "http://b:x/",
        "//[::1/",
        "http://\x00/",
        "http://\u00c2\u009b/",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_redirects_that_are_refused(location: str, scheme: str) -> None:
    with pytest.raises(ServerError, match="cannot be fetched") as caught:
        follow(parse_url(f"{scheme}://a.example/x"), location)
    assert not any(is_hostile(character) for character in str(caught.value))


@pytest.mark.parametrize("location", ["http://a.example/x", "http://b.example/", "HTTP://b/"])
def test_https_never_leads_to_http(location: str) -> None:
    with pytest.raises(ServerError, match="from https to http"):
        follow(parse_url("https://a.example/x"), location)


@pytest.mark.parametrize("location", ["http://a.example/x", "HTTP://b/"])
def test_an_object_that_comes_by_https_never_leads_to_http(location: str) -> None:
    place = parse_source("s3://bucket/key")
    with pytest.raises(ServerError, match="from https to http"):
        follow(place, location, safely=True)
    assert follow(place, location).origin.scheme == "http"
    assert follow(place, "https://b.example/", safely=True).origin.scheme == "https"


@pytest.mark.parametrize("location", ["/y", "//b.example/", "https://b.example/"])
def test_https_leads_to_https(location: str) -> None:
    assert follow(parse_url("https://a.example/x"), location).origin.scheme == "https"


@pytest.mark.parametrize(
    ("location", "user"),
    [
        ("/y", ("u", "p")),
        ("//a.example/y", ("u", "p")),
        ("https://A.EXAMPLE:443/y", ("u", "p")),
        ("https://other:one@a.example/y", ("other", "one")),
        ("https://b.example/y", None),
        ("https://a.example:444/y", None),
        ("https://sub.a.example/y", None),
        ("https://x:y@b.example/y", ("x", "y")),
    ],
)
def test_a_user_stays_with_its_origin(location: str, user: tuple[str, str] | None) -> None:
    assert follow(parse_url("https://u:p@a.example/x"), location).user == user


def test_from_http_to_https_is_another_origin() -> None:
    found = follow(parse_url("http://u:p@a.example/x"), "https://a.example/x")
    assert found.user is None


def test_errors_are_of_the_tree() -> None:
    assert issubclass(UsageError, SegdlError)
    assert issubclass(ServerError, SegdlError)


@given(
    st.builds(
        "".join,
        st.lists(
            st.sampled_from(
                [
                    *("http", "https", "://", "h", "a.example", "-", ":", "80", "99999", "08"),
                    *("/", "//", ".", "..", "/.", "x~_", "X", "%20", "%", "?", "#", "@", " "),
                    *("é", "\t", "\n"),
                ]
            ),
            max_size=9,
        ),
    ).map(lambda rest: rest if rest.startswith("http") else f"http://h{rest}")
)
def test_usual_ones_are_read_as_any_other(text: str) -> None:
    usual = _as_usual(text)
    if usual is not None:
        assert usual == _as_any(text)


def test_lists_are_full_of_usual_ones() -> None:
    for text in ("http://127.0.0.1:8080/00/a-b_c.bin", "https://a.example/", "http://h:080/x//y"):
        assert _as_usual(text) is not None

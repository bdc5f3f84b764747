"""Which paths globs let through, and which folders are not even looked at."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.globs import make_globs


@pytest.mark.parametrize(
    ("pattern", "named", "not_named"),
    [
        ("*.iso", ["a.iso", "x/y/a.iso"], ["a.iso.txt", "a.ISO"]),
        ("[ab].*", ["a.iso", "x/b.txt"], ["c.iso", "ab.iso"]),
        ("[!ab].*", ["c.iso"], ["a.iso"]),
        ("?", ["a", "x/b"], ["ab"]),
        ("README", ["README", "x/README", "README/in"], ["x/README.txt", "readme"]),
        ("/README", ["README", "README/in"], ["x/README"]),
        ("a/b", ["a/b", "a/b/c"], ["x/a/b", "a/bc", "b"]),
        ("/a/b", ["a/b", "a/b/c"], ["x/a/b"]),
        ("a/*.iso", ["a/x.iso", "a/b/x.iso"], ["x.iso", "b/a/x.iso"]),
        ("old/", ["old/x", "a/old/x", "a/old/b/x"], ["old", "a/old", "bold/x"]),
        ("a/old/", ["a/old/x"], ["old/x", "b/a/old/x", "a/old"]),
        ("/old/", ["old/x", "old/a/b"], ["a/old/x", "old"]),
        ("a/*", ["a/x", "a/b/x"], ["a", "b/a/x"]),
        ("a/**", ["a/x", "a/b/x"], ["a"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax"]),
        ("**/a/x", ["a/x", "b/a/x"], ["x", "ba/x"]),
        ("*", ["a", "a/b"], []),
    ],
)
def test_what_a_pattern_names(pattern: str, named: list[str], not_named: list[str]) -> None:
    for path in named:
        assert make_globs([pattern], []).takes(path), path
        assert not make_globs([], [pattern]).takes(path), path
    for path in not_named:
        assert not make_globs([pattern], []).takes(path), path
        assert make_globs([], [pattern]).takes(path), path


@pytest.mark.parametrize(
    ("exclude", "entered", "not_entered"),
    [
        ("old/", ["a", "a/bold"], ["old", "a/old", "old/a"]),
        ("old", ["a"], ["old", "a/old"]),
        ("old/*", ["a/old", "a"], ["old", "old/a"]),
        ("old/**", ["a/old"], ["old", "old/a"]),
        ("a/old/*", ["a", "old"], ["a/old", "a/old/b"]),
        ("*.iso", ["a"], ["folder.iso"]),
        ("a/*.iso", ["a", "a/b"], ["a/folder.iso"]),
    ],
)
def test_an_excluded_folder_is_not_looked_at(
    exclude: str, entered: list[str], not_entered: list[str]
) -> None:
    globs = make_globs([], [exclude])
    assert [folder for folder in entered + not_entered if globs.enters(folder)] == entered


@pytest.mark.parametrize(
    ("include", "entered", "not_entered"),
    [
        ("*.iso", ["a", "a/b"], []),
        ("dists/stable/*", ["dists", "dists/stable", "dists/stable/a"], ["pool", "dists/old"]),
        ("dists/s*/x", ["dists", "dists/stable", "dists/stable/a"], ["pool", "dists/old"]),
        ("/a/", ["a", "a/b"], ["b", "ab"]),
        ("/a", ["a", "a/b"], ["b", "ab"]),
    ],
)
def test_a_folder_without_anything_included_is_not_looked_at(
    include: str, entered: list[str], not_entered: list[str]
) -> None:
    globs = make_globs([include], [])
    assert [folder for folder in entered + not_entered if globs.enters(folder)] == entered


@pytest.mark.parametrize("path", ["./a/b", "/a/b", "././a/b", "//a/b", "./"])
def test_what_a_list_puts_before_a_path_does_not_count(path: str) -> None:
    assert make_globs(["a/b"], []).takes(path) == (path != "./")


STEPS = st.text(alphabet="ab.", min_size=1, max_size=3).filter(lambda step: step != ".")
PATHS = st.lists(STEPS, min_size=1, max_size=4).map("/".join)
PATTERNS = st.lists(
    st.tuples(
        st.sampled_from(["", "/", "**/"]),
        st.text(alphabet="ab.*?/", min_size=1, max_size=6),
        st.sampled_from(["", "/", "/*"]),
    ).map("".join),
    max_size=3,
)


@settings(deadline=None)
@given(include=PATTERNS, exclude=PATTERNS, folder=PATHS, below=PATHS)
def test_nothing_wanted_is_in_a_folder_that_is_not_looked_at(
    include: list[str], exclude: list[str], folder: str, below: str
) -> None:
    globs = make_globs(include, exclude)
    if globs.takes(f"{folder}/{below}"):
        assert globs.enters(folder)

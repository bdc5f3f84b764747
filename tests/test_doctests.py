"""The examples in docstrings are true, in every module that can be imported."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import segdl

# Importing it runs the program.
_PROGRAMS = {"segdl.__main__"}
MODULES = sorted(
    {
        module.name
        for module in pkgutil.walk_packages(segdl.__path__, "segdl.", onerror=lambda name: None)
    }
    - _PROGRAMS
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"cannot be imported: {error}")
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert not result.failed


def test_the_modules_of_core_have_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    with_examples = {
        name
        for name in MODULES
        if name.startswith("segdl.core.")
        and any(test.examples for test in finder.find(importlib.import_module(name)))
    }
    assert {"segdl.core.plan", "segdl.core.url", "segdl.core.verdict"} <= with_examples

"""The page."""
from __future__ import annotations
from pathlib import Path
from lab.results import FOLDER, Result
def write(results: list[Result]) -> Path:
    return FOLDER

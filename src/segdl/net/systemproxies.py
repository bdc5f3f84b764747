"""Whether the system can have a say in which proxy a request goes through."""

from __future__ import annotations

import os
import sys

_HAS_SETTINGS = sys.platform in {"win32", "darwin"}


def system_may_name_one() -> bool:
    """Tell whether it is worth looking: in the environment, or in the system's settings."""
    return _HAS_SETTINGS or any(name.lower().endswith("_proxy") for name in os.environ)

"""Text that is safe to show: nothing a server sends may steer a terminal."""

from __future__ import annotations

import unicodedata


def _characters(*ranges: tuple[int, int]) -> frozenset[str]:
    return frozenset(chr(code) for first, last in ranges for code in range(first, last + 1))


# Bidirectional overrides make "exe.gpj" of "jpg.exe".
_DECEPTIVE = _characters(
    (0x061C, 0x061C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF)
)
# With these, too, two names look the same: they are shown. Scripts without spaces and flags
# need them in names, which keep them; the joiners U+200C and U+200D scripts need to be read.
_INVISIBLE = _characters(
    (0x00AD, 0x00AD), (0x180E, 0x180E), (0x200B, 0x200B), (0xE0001, 0xE0001), (0xE0020, 0xE007F)
)


def is_hostile(character: str) -> bool:
    """Tell whether a character could steer a terminal or deceive its reader."""
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _DECEPTIVE


def printable(text: str, limit: int = 300) -> str:
    r"""Return `text` with what is hostile or cannot be seen replaced, at most `limit` long.

    Example:
        >>> printable("ok\x1b[2J")
        'ok?[2J'
    """
    clean = text[: limit + 1]
    if not (clean.isascii() and clean.isprintable()):
        clean = "".join("?" if _misleads(character) else character for character in clean)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def human_size(count: float) -> str:
    """Write a number of bytes the way people read it (1024-based).

    Example:
        >>> human_size(0), human_size(1536), human_size(5 * 1024**3)
        ('0 B', '1.5 KiB', '5.0 GiB')
    """
    if count < 1024:
        return f"{count:.0f} B"
    units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
    while (count := count / 1024) >= 1023.95 and len(units) > 1:
        del units[0]
    return f"{count:.1f} {units[0]}"


def counted(count: int, what: str) -> str:
    """Write a number of things, of which there may be one.

    Example:
        >>> counted(1, "file"), counted(1200, "file")
        ('1 file', '1,200 files')
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _misleads(character: str) -> bool:
    return is_hostile(character) or character in _INVISIBLE

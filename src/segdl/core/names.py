"""File names from servers and URLs: hostile until proved otherwise (RFC 6266, RFC 8187)."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote_to_bytes

from segdl.core.text import is_hostile

NAME_BYTES = 255
# Of a name that is cut for what is kept beside it.
_KEPT_BYTES = 200
_FALLBACK = "download"
_LONGEST_PATH = 4096
_MOST_FOLDERS = 32
_WINDOWS_CHARACTERS = frozenset('<>:"|?*')
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_PARAMETER = re.compile(
    r""";\s*([!#$&+\-.^_`|~0-9A-Za-z]+\*?)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)""", re.DOTALL
)


def safe_name(text: str, *, windows: bool = False, limit: int = NAME_BYTES) -> str:
    r"""Make one path component of `text`: never outside the folder, never a dot file.

    Args:
        text: what a server or a URL calls the file.
        windows: avoid what Windows reserves, too.
        limit: most bytes of the name in UTF-8; the extension is kept.

    Example:
        >>> safe_name("../../.bash\x1brc"), safe_name(" …résumé.pdf ")
        ('_.._.bashrc', '…résumé.pdf')
    """
    name = text
    if not (text.isascii() and text.isprintable()):
        name = "".join(character for character in text if not is_hostile(character))
    name = name.replace("/", "_").replace("\\", "_").strip().lstrip(". ")
    if windows:
        name = "".join("_" if character in _WINDOWS_CHARACTERS else character for character in name)
        name = name.rstrip(". ")
        if _WINDOWS_DEVICES.fullmatch(name):
            name = "_" + name
    return _shorten(name, limit).rstrip(". " if windows else "") or _FALLBACK


def safe_path(text: str, *, windows: bool = False) -> str | None:
    r"""Make a relative path of `text`, with ``/``, whose every component is a safe name.

    None where it leads out of the folder, into one that holds another file's parts, or names
    nothing.

    Args:
        text: what a list calls the file.
        windows: avoid what Windows reserves, too.

    Example:
        >>> safe_path("isos/./.a b.iso"), safe_path("a/../../b"), safe_path("C:\\b")
        ('isos/a b.iso', None, None)
    """
    posix = PurePosixPath(text)
    if not posix.parts or posix.is_absolute() or len(text) > _LONGEST_PATH:
        return None
    if ".." in (*posix.parts, *PureWindowsPath(text).parts):
        return None
    parts = [safe_name(part, windows=windows) for part in posix.parts]
    safe = "/".join(parts)
    if PureWindowsPath(text).anchor or PureWindowsPath(safe).anchor:
        return None
    if len(parts) > _MOST_FOLDERS or any(part.lower().endswith(".segdl") for part in parts):
        return None
    return safe


def _shorten(name: str, limit: int) -> str:
    if len(name.encode()) <= limit:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = limit - len((dot + extension).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + extension


def name_beside(name: str, ending: str) -> str:
    """Return the name of what is kept beside a file: the file's, and an ending.

    Where that is too long for a name it is cut, at a character's end, and a digest of the whole
    name tells it from others.

    Args:
        name: of the file.
        ending: at most 38 bytes.

    Example:
        >>> name_beside("a.iso", ".corrupt"), name_beside("a" * 250, ".corrupt")[196:]
        ('a.iso.corrupt', 'aaaa~3f3e35e0a775d9b1.corrupt')
    """
    whole = name + ending
    raw = os.fsencode(name)
    if len(os.fsencode(whole)) <= NAME_BYTES:
        return whole
    from hashlib import sha256

    digest = sha256(raw).hexdigest()[:16]
    return f"{raw[:_KEPT_BYTES].decode(errors='ignore')}~{digest}{ending}"


def name_from_path(path: str) -> str | None:
    """Return the last component of a URL's path, percent-decoded, or None where it has none.

    What is not UTF-8 is taken for latin-1: people are to read it. See `exact_name`.

    Example:
        >>> name_from_path("/a/b%20c.iso"), name_from_path("/a/")
        ('b c.iso', None)
    """
    name = _decode(_unquoted(path.rpartition("/")[2]))
    return name if name.strip(". ") else None


def exact_name(path: str) -> str | None:
    r"""Return the last component of a URL's path with every byte as it is, or None as above.

    Those that are not UTF-8 are surrogates (PEP 383), as in every name of the disk: a list of
    digests has the same bytes, and nobody guesses what characters they were meant for.

    Example:
        >>> exact_name("/a/caf%C3%A9%FF"), name_from_path("/a/caf%E9")
        ('café\udcff', 'café')
    """
    name = _unquoted(path.rpartition("/")[2]).decode("utf-8", "surrogateescape")
    return name if name.strip(". ") else None


def name_from_disposition(value: str) -> str | None:
    """Return the name in a Content-Disposition field, ``filename*`` before ``filename``.

    Path components before the last are dropped, as RFC 6266 4.3 asks.

    Example:
        >>> name_from_disposition("attachment; filename=x; filename*=UTF-8''na%C3%AFve.txt")
        'naïve.txt'
    """
    parameters: dict[str, str] = {}
    # Without a type (`filename=x`) the field is broken and common.
    text = value if ";" in value.split("=", 1)[0] else ";" + value
    for key, raw in _PARAMETER.findall(text[:8192]):
        parameters.setdefault(key.lower(), raw.strip())
    name = _extended(parameters.get("filename*", "")) or _plain(parameters.get("filename", ""))
    name = re.split(r"[/\\]", name)[-1]
    return name if name.strip(". ") else None


def choose_name(disposition: str | None, asked_path: str, final_path: str) -> str:
    """Choose among the server's name and those of the URL asked and the one redirected to.

    The same command must find the same partial file again, so the URL asked for counts
    more than the one it led to; only where it has no extension and the other has one, the
    other is what the user means (``/download?id=7`` leading to ``/files/real.zip``).

    Example:
        >>> choose_name(None, "/download", "/files/real.zip")
        'real.zip'
    """
    if disposition and (name := name_from_disposition(disposition)):
        return name
    asked, final = name_from_path(asked_path), name_from_path(final_path)
    if final and (not asked or ("." not in asked and "." in final)):
        return final
    return asked or _FALLBACK


def _extended(value: str) -> str:
    charset, quote, rest = value.partition("'")
    encoded = rest.partition("'")[2]
    if not quote or not encoded:
        return ""
    raw = _unquoted(encoded)
    if charset.strip().lower() == "iso-8859-1":
        return raw.decode("latin-1")
    return _decode(raw)


def _plain(value: str) -> str:
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    # Raw UTF-8 arrives decoded as latin-1.
    try:
        value = value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        pass
    return _decode(_unquoted(value)) if re.search("%[0-9A-Fa-f]{2}", value) else value


def _unquoted(text: str) -> bytes:
    return unquote_to_bytes(text.encode(errors="replace"))


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")

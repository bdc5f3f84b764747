"""Where in a mirror a file of a list goes: its own name, or nowhere.

Unlike a single download a mirror keeps names as they are: a file under another name would
be missing under its own. What cannot be kept is refused.
"""

from __future__ import annotations

import os
import re

from segdl.core.names import NAME_BYTES
from segdl.core.text import is_hostile

_LONGEST = 4096
_MOST_FOLDERS = 64
_WINDOWS = re.compile(r'[<>:"|?*\\]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
# Lists that name other files, and the pages of folders.
_LISTS = re.compile(
    r"""(?ix)
    (?: [a-z0-9-]*sums? | checksums? | (?:in)?release | packages | sources | contents-[a-z0-9-]+
      | repomd\.xml | index\.html? | ls-lr | manifest(?:-[a-z0-9]+)? )
    (?: \.(?:txt|json|key|asc|sig|gpg|gz|xz|bz2|zst) )*
    | .* \.(?:sha1|sha256|sha512|md5|sha256sum|md5sum|meta4|metalink|torrent|asc|sig)"""
)
# Files that are no web page, whatever a server calls what it sends.
_NO_PAGES = re.compile(
    r"""(?ix) .* \. (?: 7z | bam | bin | bw | bz2 | cram | deb | dmg | exe | fits | flac | gguf
      | gif | gz | h5 | hdf5? | iso | img | jar | jpe?g | lz4 | mkv | mov | mp[34] | msi | nc
      | np[yz] | ogg | onnx | parquet | pdf | png | pt | rar | rpm | safetensors | t[abgx]z | tar
      | tiff? | wav | webm | webp | whl | xz | zip | zst )"""
)


def tidy_path(text: str) -> str:
    """Return a list's path without steps that say nothing.

    Example:
        >>> tidy_path("./a//b/./c")
        'a/b/c'
    """
    if "//" not in text and not text.startswith("./") and "/./" not in text:
        return text
    steps = [step for step in text.split("/") if step not in {"", "."}]
    # A name that begins at the root still is to be seen as one.
    return ("/" if text.startswith("/") else "") + "/".join(steps)


def path_trouble(path: str, *, windows: bool = False) -> str | None:
    r"""Tell why a file cannot have this path in a mirror; None where it can.

    Args:
        path: relative, with ``/`` between folders, tidied.
        windows: whether it is to be one that Windows takes.

    Example:
        >>> path_trouble("isos/.treeinfo"), path_trouble("a/../../b")
        (None, 'it leads out of the mirror')
    """
    steps = path.split("/")
    if not path or "" in steps:
        return "it leads out of the mirror" if path.startswith("/") else "it names no file"
    if ".." in steps or "." in steps:
        return "it leads out of the mirror"
    if not (path.isascii() and path.isprintable()) and any(map(_deceives, path)):
        return "it has characters that deceive or steer a terminal"
    if len(path) > _LONGEST or len(steps) > _MOST_FOLDERS:
        return "it is too long"
    if any(len(os.fsencode(step)) > NAME_BYTES for step in steps if len(step) * 4 > NAME_BYTES):
        return "a name in it is too long"
    if ".segdl" in path.lower() and any(step.lower().endswith(".segdl") for step in steps):
        return "names that end in .segdl are for partial downloads"
    if windows and any(_WINDOWS.search(step) for step in steps):
        return "Windows does not take it"
    return None


def may_be_page(path: str, beginning: bytes | None = None) -> bool:
    r"""Tell whether a web page may be what a file is.

    Args:
        path: where it goes; its ending tells of many.
        beginning: first bytes of the one that is here, of 16 or more if it has them; what was
            no page does not become one.

    Example:
        >>> [may_be_page(path) for path in ("a.iso", "a.html", "wiki/A.B")]
        [False, True, True]
        >>> may_be_page("a", b"PK\x03\x04"), may_be_page("a", b" <!doctype html>")
        (False, True)
    """
    if _NO_PAGES.fullmatch(path):
        return False
    return not beginning or beginning.lstrip().startswith(b"<")


def is_list_name(path: str) -> bool:
    """Tell whether a file by its name is a list of others: it is published after them.

    Example:
        >>> [is_list_name(name) for name in ("iso/SHA256SUMS", "a.iso", "dists/InRelease")]
        [True, False, True]
    """
    return _LISTS.fullmatch(path.rpartition("/")[2]) is not None


def _deceives(character: str) -> bool:
    # Bytes that are not UTF-8 arrive as surrogates, and are what files may be called.
    return is_hostile(character) and not "\udc80" <= character <= "\udcff"

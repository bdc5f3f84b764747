"""A text stream that cannot fail its writer."""

from __future__ import annotations

from typing import Any, TextIO, cast


class _Unfailing:
    """Pass text on to a stream until the stream is gone, and then drop it.

    Nobody reads progress any more when the terminal was closed or the pipe
    broken; the download has to go on all the same.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._gone = False

    def write(self, text: str) -> int:
        """Write `text`; what the stream's encoding lacks becomes ``?``."""
        if not self._gone:
            try:
                encodable = text.encode(self._encoding, "replace").decode(self._encoding)
                self._stream.write(encodable)
            except (OSError, ValueError):
                self._gone = True
        return len(text)

    def flush(self) -> None:
        """Flush the stream if it is still there."""
        if not self._gone:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._gone = True

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal; a closed one is not."""
        try:
            return self._stream.isatty()
        except (OSError, ValueError):
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def unfailing(stream: TextIO) -> TextIO:
    """Return `stream` in a form that goes silent, instead of raising, when it is gone."""
    # It has what views, rich and tqdm use of a TextIO, and forwards the rest.
    return cast("TextIO", _Unfailing(stream))

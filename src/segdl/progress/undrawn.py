"""What views have in common that draw nothing which would have to be taken back."""

from __future__ import annotations

from typing import TextIO

from segdl.progress.pending_lines import write_line


class Undrawn:
    """Lines of others go where they are to go, at once."""

    def line(self, text: str, stream: TextIO) -> None:
        """Write a line to a stream.

        Raises:
            OSError: the stream cannot take it.
            ValueError: the stream is closed.
        """
        write_line(text, stream)

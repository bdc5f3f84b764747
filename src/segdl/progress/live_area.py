"""The rows at the bottom of a terminal that are drawn again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from segdl.progress.rich_cells import ASCII, UNICODE

if TYPE_CHECKING:
    from collections.abc import Sequence


class LiveArea:
    """Draws on `stream`, which is a terminal. One thread at a time may use it.

    Attributes:
        look: the characters that the terminal can show.
    """

    def __init__(self, stream: TextIO) -> None:
        # Whoever chose this saw a terminal; rich need not look for one again.
        self._console = Console(
            file=stream, force_terminal=True, markup=False, emoji=False, highlight=False
        )
        self.look = UNICODE if self._console.encoding.startswith("utf") else ASCII
        self._live: Live | None = None

    @property
    def width(self) -> int:
        """Cells that a row may have."""
        # Room for the ^C that a terminal writes behind the last row: a row more than is
        # known of would stay on the screen.
        return max(1, self._console.width - len("^C") - 1)

    @property
    def height(self) -> int:
        """Rows of the terminal."""
        return self._console.height

    def draw(self, rows: Sequence[Text]) -> None:
        """Put these rows in the place of those that were drawn before."""
        picture = Text("\n", no_wrap=True, end="").join(rows)
        if self._live is None:
            # Other output stays on its own stream: what a user redirects must not
            # turn up here instead.
            self._live = Live(
                picture,
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)
        else:
            self._live.update(picture, refresh=True)

    def erase(self) -> None:
        """Take the rows away, and give the cursor back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def print(self, line: str, style: str = "") -> None:
        """Print a line that stays, above the rows."""
        self._console.print(Text(line, style=style))

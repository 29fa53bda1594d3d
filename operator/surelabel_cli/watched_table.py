"""The rows of ``kubectl get -w`` as people want to see them: one for each change, columns in line.

kubectl writes a row for every write to the object, also where no column but the age differs, and
makes a column wider only when a longer cell comes. The cells are its own. Refuses to know the
columns, but for the words that the caller expects in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

# What kubectl leaves between the longest cell of a column and the next column.
_GAP = 3
# Words of a cell have fewer spaces between them than cells.
_CELL = re.compile(r"\S+(?: {1,2}\S+)*")


class WatchedTable:
    """Takes kubectl's lines one by one, the titles first; the last column is the age."""

    def __init__(self, longest: Mapping[str, int]) -> None:
        """``longest``: by title, the characters of the longest cell that may come."""
        self._longest = longest
        self._has_titles = False
        # As kubectl has the columns, to find its cells; as they are shown; of all but the last.
        self._given: list[int] = []
        self._shown: list[int] = []
        self._last: list[str] | None = None

    def line(self, raw: str) -> str | None:
        """The line to show, if any."""
        if not self._has_titles:
            self._has_titles = True
            return self._titles(raw)
        cells = self._cells(raw)
        changed = self._last is None or cells[:-1] != self._last[:-1]
        self._last = cells
        return self._aligned(cells) if changed else None

    def _titles(self, raw: str) -> str:
        titles = list(_CELL.finditer(raw))
        starts = [title.start() for title in titles]
        self._given = [end - start for start, end in pairwise(starts)]
        self._shown = [
            max(width, self._longest.get(title[0], 0) + _GAP)
            for width, title in zip(self._given, titles, strict=False)
        ]
        return self._aligned([title[0] for title in titles])

    def _cells(self, raw: str) -> list[str]:
        """The cells of a row, of which some may be empty; kubectl's columns grow with them."""
        cells = []
        start = 0
        for column, width in enumerate(self._given):
            found = _CELL.match(raw, start)
            cell = found[0] if found else ""
            cells.append(cell)
            self._given[column] = max(width, len(cell) + _GAP)
            start += self._given[column]
        return [*cells, raw[start:].strip()]

    def _aligned(self, cells: list[str]) -> str:
        for column, width in enumerate(self._shown):
            self._shown[column] = max(width, len(cells[column]) + _GAP)
        *front, last = cells
        padded = (f"{cell:{width}}" for cell, width in zip(front, self._shown, strict=False))
        return ("".join(padded) + last).rstrip()

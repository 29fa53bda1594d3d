"""Features that are no rows of numbers: one piece of bytes an item, such as its text or pixels.

For models that look at the parts of an item, of which each item has its own number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Packed:
    """``data``: all pieces, one after the other; ``end``: (n_items,), where each ends in it."""

    data: NDArray[np.uint8]
    end: NDArray[np.int64]

    @classmethod
    def of(cls, pieces: Iterable[bytes]) -> Packed:
        """The pieces in their order."""
        kept = list(pieces)
        return cls(
            np.frombuffer(b"".join(kept), np.uint8),
            np.cumsum([len(piece) for piece in kept], dtype=np.int64),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(n_items, 1): a matrix of one column, for who asks how many rows there are."""
        return len(self.end), 1

    def __len__(self) -> int:
        return len(self.end)

    def __iter__(self) -> Iterator[bytes]:
        start = 0
        for end in self.end.tolist():
            yield self.data[start:end].tobytes()
            start = end

    def __getitem__(self, rows: Any) -> Packed:
        """The pieces of ``rows``: positions, a mask or a slice."""
        wanted = np.arange(len(self.end))[rows]
        start = np.concatenate(([0], self.end))
        return Packed.of(self.data[start[row] : self.end[row]].tobytes() for row in wanted.tolist())

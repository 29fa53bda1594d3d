"""Cuts a manifest into byte ranges of whole lines, in one pass with bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NEWLINE = 10


class HugeLineError(ValueError):
    """A line that is longer than a range may be; ``line`` counts from 0."""

    def __init__(self, line: int, max_bytes: int) -> None:
        super().__init__(f"line {line + 1} is longer than {max_bytes} bytes")
        self.line = line
        self.max_bytes = max_bytes


@dataclass(frozen=True)
class LineRange:
    """Bytes [start, end) of the manifest: ``n_lines`` whole lines from ``first_line`` on."""

    number: int
    start: int
    end: int
    first_line: int
    n_lines: int


@dataclass(frozen=True)
class Split:
    """A manifest's digest and its ranges."""

    sha256: str
    size: int
    n_lines: int
    ranges: tuple[LineRange, ...]


def split_lines(chunks: Iterable[bytes], lines_per_range: int, max_bytes: int) -> Split:
    """The ranges of a text that arrives in chunks; a last line needs no newline.

    A range has as many lines as fit into both limits, however the text is cut into chunks.
    HugeLineError as soon as a line alone is longer than ``max_bytes``.
    """
    digest = hashlib.sha256()
    size = 0
    ranges = _Ranges(lines_per_range, max_bytes)
    for chunk in chunks:
        digest.update(chunk)
        ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == _NEWLINE) + (size + 1)
        size += len(chunk)
        ranges.add(ends)
        ranges.refuse_if_huge(size)
    if size > ranges.end:
        ranges.add(np.array([size]))
    ranges.cut()
    return Split(digest.hexdigest(), size, ranges.first_line, tuple(ranges.done))


class _Ranges:
    """The finished ranges, and the open one: [start, end) with ``n_lines`` from ``first_line``."""

    def __init__(self, lines_per_range: int, max_bytes: int) -> None:
        self.done: list[LineRange] = []
        self.start = self.end = self.first_line = self.n_lines = 0
        self._max_lines = lines_per_range
        self._max_bytes = max_bytes

    def add(self, ends: NDArray[np.int64]) -> None:
        """Take in lines by where each ends, ascending."""
        position = 0
        while position < len(ends):
            fit = int(np.searchsorted(ends, self.start + self._max_bytes, side="right"))
            stop = min(fit, position + self._max_lines - self.n_lines)
            if stop > position:
                self.n_lines += stop - position
                self.end = int(ends[stop - 1])
                position = stop
            elif self.n_lines == 0:
                raise HugeLineError(self.first_line, self._max_bytes)
            if self.n_lines == self._max_lines or position < len(ends):
                self.cut()

    def refuse_if_huge(self, size: int) -> None:
        """HugeLineError if what follows the last line is too long before it has ended."""
        if size - self.end > self._max_bytes:
            raise HugeLineError(self.first_line + self.n_lines, self._max_bytes)

    def cut(self) -> None:
        """End the open range, unless it is empty."""
        if self.n_lines:
            self.done.append(
                LineRange(len(self.done), self.start, self.end, self.first_line, self.n_lines)
            )
        self.start = self.end
        self.first_line += self.n_lines
        self.n_lines = 0


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a text that arrives in chunks, without their newlines."""
    # Joined once: a long line would be copied anew with every chunk.
    parts: list[bytes] = []
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        if whole:
            whole[0] = b"".join([*parts, whole[0]])
            parts = []
            yield from whole
        parts.append(rest)
    if last := b"".join(parts):
        yield last

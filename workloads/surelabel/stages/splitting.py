"""Cuts a manifest into byte ranges of whole lines, in one pass with bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

_NEWLINE = 10


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


def split_lines(chunks: Iterable[bytes], lines_per_range: int) -> Split:
    """The ranges of a text that arrives in chunks; a last line needs no newline."""
    digest = hashlib.sha256()
    size = n_lines = 0
    ends: list[int] = []
    last_end = 0
    for chunk in chunks:
        digest.update(chunk)
        found = np.flatnonzero(np.frombuffer(chunk, np.uint8) == _NEWLINE)
        # Of the newlines counted from 1 on, every lines_per_range-th ends a range.
        first = (-n_lines - 1) % lines_per_range
        ends.extend((found[first::lines_per_range] + size + 1).tolist())
        n_lines += len(found)
        if len(found):
            last_end = size + int(found[-1]) + 1
        size += len(chunk)
    if size > last_end:
        n_lines += 1
    if size > (ends[-1] if ends else 0):
        ends.append(size)
    starts = [0, *ends][: len(ends)]
    ranges = tuple(
        LineRange(
            number,
            start,
            end,
            number * lines_per_range,
            min(lines_per_range, n_lines - number * lines_per_range),
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
    return Split(digest.hexdigest(), size, n_lines, ranges)


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a text that arrives in chunks, without their newlines."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest

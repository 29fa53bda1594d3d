"""Byte ranges and lines of a text, however it is cut into chunks."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surelabel.stages.splitting import HugeLineError, LineRange, split_lines, whole_lines

TEXTS = st.lists(st.sampled_from([b"", b"a", b"bc", b"\xff\x00d"]), max_size=12).map(b"\n".join)
CHUNKS = st.integers(1, 9)


def chunks_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def lines_of(data: bytes) -> list[bytes]:
    """With their newlines; the last one need not have any."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def expected_ranges(data: bytes, max_lines: int, max_bytes: int) -> list[LineRange]:
    groups: list[list[bytes]] = []
    for line in lines_of(data):
        if (
            groups
            and len(groups[-1]) < max_lines
            and len(b"".join(groups[-1])) + len(line) <= (max_bytes)
        ):
            groups[-1].append(line)
        else:
            groups.append([line])
    found, start, first = [], 0, 0
    for number, group in enumerate(groups):
        end = start + len(b"".join(group))
        found.append(LineRange(number, start, end, first, len(group)))
        start, first = end, first + len(group)
    return found


@given(TEXTS, CHUNKS, st.integers(1, 5), st.integers(4, 12))
def test_ranges_are_as_full_as_both_limits_allow_whatever_the_chunks(
    data: bytes, size: int, max_lines: int, max_bytes: int
) -> None:
    split = split_lines(chunks_of(data, size), max_lines, max_bytes)
    assert list(split.ranges) == expected_ranges(data, max_lines, max_bytes)
    assert split.n_lines == len(lines_of(data))
    assert (split.size, split.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@given(TEXTS, CHUNKS, st.integers(1, 5), st.integers(1, 3))
def test_a_line_that_no_range_can_hold_is_told(
    data: bytes, size: int, max_lines: int, max_bytes: int
) -> None:
    huge = [n for n, line in enumerate(lines_of(data)) if len(line) > max_bytes]
    try:
        split_lines(chunks_of(data, size), max_lines, max_bytes)
    except HugeLineError as error:
        assert (error.line, error.max_bytes) == (huge[0], max_bytes)
    else:
        assert not huge


def test_a_huge_line_is_told_before_its_end_is_read() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        yield b"a\n"
        while True:
            read += 1
            yield b"x" * 1000

    with pytest.raises(HugeLineError, match="line 2 is longer than 5000 bytes"):
        split_lines(endless(), 10, 5000)
    assert read == 6


@given(TEXTS, CHUNKS)
def test_whole_lines_are_those_of_the_text(data: bytes, size: int) -> None:
    assert list(whole_lines(chunks_of(data, size))) == [
        line.removesuffix(b"\n") for line in lines_of(data)
    ]


def test_a_long_line_is_not_copied_with_every_chunk() -> None:
    chunk = b"x" * 1000
    tracemalloc.start()
    try:
        (line,) = whole_lines(chunk for _ in range(2000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(line) == 2_000_000
    # Joined once; with every chunk the old and the new line were there, to 2,000 times the work.
    assert peak < 2_200_000

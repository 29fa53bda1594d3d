"""What all exports stand on: corners, areas, run lengths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surelabel.exports.geometry import (
    box_of_corners,
    corners,
    decode_counts,
    mask_of_runs,
    run_lengths,
)
from surelabel.tasks.values import Box

number = st.floats(-50, 50)


@given(number, number, st.floats(0.5, 40), st.floats(0.5, 40), st.floats(-179, 180))
def test_a_box_is_found_again_from_its_corners(left, top, width, height, rotation):
    box = Box(0, left, top, width, height, rotation)
    found = box_of_corners(corners(box), 0)
    for point, other in zip(corners(box), corners(found), strict=True):
        assert math.dist(point, other) < 1e-3
    assert (found.width, found.height) == (pytest.approx(width), pytest.approx(height))


def test_corners_go_clockwise_from_the_upper_left():
    box = Box(0, 0, 0, 4, 2, rotation=90)
    assert [(round(x, 9), round(y, 9)) for x, y in corners(box)] == [
        (3, -1),
        (3, 3),
        (1, 3),
        (1, -1),
    ]


@given(st.integers(1, 7), st.integers(1, 7), st.data())
def test_runs_lead_back_to_the_mask(height, width, data):
    bits = data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    mask = np.array(bits).reshape(height, width)
    assert np.array_equal(mask_of_runs(run_lengths(mask), height, width), mask)


def compressed(counts: list[int]) -> str:
    """COCO's compressed runs, as its C code (rleToString) writes them."""
    text = ""
    for place, count in enumerate(counts):
        x = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            bits = x & 31
            x >>= 5
            more = x != -1 if bits & 16 else x != 0
            text += chr((bits | 32 if more else bits) + 48)
    return text


@given(st.lists(st.integers(0, 100_000), max_size=9))
def test_compressed_runs_are_read(counts):
    assert decode_counts(compressed(counts)) == counts


@pytest.mark.parametrize("text", ["P", "\x00", "1\xff"])
def test_broken_runs_are_refused(text):
    with pytest.raises(ValueError, match="compressed runs"):
        decode_counts(text)

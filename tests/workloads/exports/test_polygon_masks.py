"""Masks of polygons are those of pycocotools, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as theirs

from surelabel.exports.polygon_masks import polygon_mask

# Also outside of the image, on edges between pixels, and one point twice.
NUMBERS = st.one_of(st.integers(-8, 40), st.floats(-8, 40, allow_subnormal=False))
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=9)


def painted(points, height, width):
    flat = [float(each) for point in points for each in point]
    return theirs.decode(theirs.frPyObjects([flat], height, width))[..., 0].astype(bool)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@given(POINTS, st.integers(1, 24), st.integers(1, 24))
def test_every_polygon_has_the_pixels_that_pycocotools_gives_it(points, height, width):
    assert np.array_equal(polygon_mask(points, height, width), painted(points, height, width))


def test_a_polygon_on_whole_pixels_has_just_these():
    mask = polygon_mask([(1, 1), (4, 1), (4, 3), (1, 3)], 5, 6)
    expected = np.zeros((5, 6), bool)
    expected[1:3, 1:4] = True
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(1, 1), (4, 1)], "must have 3 points; got 2"),
        ([(1, 1), (4, 1), (1e9, 3)], "must lie near its image, 6 x 5"),
        ([(1, 1), (4, 1), (float("nan"), 3)], "must lie near its image"),
    ],
)
def test_what_is_no_polygon_is_refused(points, message):
    with pytest.raises(ValueError, match=message):
        polygon_mask(points, 5, 6)

"""What all exports stand on: corners, areas, enclosing boxes; Shapely is the judge."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import affinity

from surelabel.exports.geometry import area, box_of_corners, corners, enclosing
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


@given(st.lists(st.tuples(number, number), min_size=3, max_size=9))
def test_areas_and_enclosing_boxes_are_those_of_shapely(points):
    shape = shapely.LinearRing(points)
    left, top, right, bottom = shape.bounds
    assert enclosing(points) == pytest.approx((left, top, right - left, bottom - top), abs=1e-9)
    # A ring that crosses itself has the signed sum of its parts, as Shapely's algorithm has it.
    assert area(points) == pytest.approx(shapely.Polygon(points).area, abs=1e-6)


@given(number, number, st.floats(0.5, 40), st.floats(0.5, 40), st.floats(-179, 180))
def test_corners_are_those_of_a_box_that_shapely_turned(left, top, width, height, rotation):
    upright = shapely.box(left, top, left + width, top + height)
    turned = affinity.rotate(upright, rotation, origin="centroid")
    ours = shapely.Polygon(corners(Box(0, left, top, width, height, rotation)))
    assert ours.symmetric_difference(turned).area < 1e-6

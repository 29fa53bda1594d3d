"""Similarity of every kind: against pictures, against each other, and where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surelabel.consolidation.objects import Boxes, KeyPoints, Polygons, Polylines, RotatedBoxes
from surelabel.consolidation.objects.box_kernels import overlaps as box_overlaps
from surelabel.consolidation.objects.overlap import overlaps
from surelabel.consolidation.objects.overlap_kernels import overlaps_of
from workloads.consolidation.objects.scenes import KINDS, chains_of

numbers = st.floats(0, 10, allow_nan=False, width=32)
whole = st.integers(0, 8).map(float)
# Whole numbers make edges that touch, coincide and cross in corners.
corners = st.one_of(
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=9),
    st.lists(st.tuples(whole, whole), min_size=1, max_size=9),
)


def one(geometry, other):
    return float(geometry.similarity(np.array([0]), other, np.array([0]))[0])


def painted(polygon, n=400):
    """The polygon as a picture of n x n points over (-1 .. 11), by the even-odd rule."""
    at = (np.arange(n) + 0.5) / n * 12 - 1
    x, y = np.meshgrid(at, at)
    inside = np.zeros((n, n), dtype=bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            spans = ((y0 <= y) & (y < y1)) | ((y1 <= y) & (y < y0))
            inside ^= spans & (x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x)
    return inside


@settings(max_examples=80, deadline=None)
@given(corners, corners)
def test_polygons_overlap_as_their_pictures_do(first, second):
    a, b = np.array(first), np.array(second)
    pictures = painted(a), painted(b)
    union = (pictures[0] | pictures[1]).sum() * (12 / 400) ** 2
    common = (pictures[0] & pictures[1]).sum() * (12 / 400) ** 2
    found = one(chains_of(Polygons, [a]), chains_of(Polygons, [b]))
    assert 0 <= found <= 1
    # Points next to the outlines may fall on either side.
    length = sum(np.linalg.norm(p - np.roll(p, 1, axis=0), axis=1).sum() for p in (a, b))
    assert common - found * union == pytest.approx(0, abs=0.75 * length * 12 / 400 + 0.01)


def test_random_polygons_overlap_as_fine_pictures_do():
    rng = np.random.default_rng(0)
    for turn in range(40):
        a, b = (rng.uniform(0, 10, (rng.integers(3, 12), 2)) for _ in range(2))
        if turn % 3 == 0:
            a, b = np.round(a), np.round(b)
        first, second = painted(a, 600), painted(b, 600)
        pictured = (first & second).sum() / max((first | second).sum(), 1)
        found = one(chains_of(Polygons, [a]), chains_of(Polygons, [b]))
        assert found == pytest.approx(pictured, abs=0.002)


@settings(max_examples=80, deadline=None)
@given(st.lists(corners, min_size=2, max_size=6))
def test_the_kernel_of_polygons_equals_the_tables(shapes):
    shapes = [np.array(shape) for shape in shapes]
    vertices = np.vstack(shapes)
    starts = np.concatenate(([0], np.cumsum([len(shape) for shape in shapes])))
    n = len(shapes)
    rows, others = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
    tables = overlaps(vertices, starts, rows, vertices, starts, others)
    kernel = overlaps_of(vertices, starts, rows, vertices, starts, others)
    np.testing.assert_allclose(tables, kernel, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(corners, st.floats(0, 360), st.floats(0.5, 3))
def test_turning_and_enlarging_both_changes_nothing(shape, angle, factor):
    a = np.array(shape)
    b = a * 0.8 + 0.5
    turn = np.deg2rad(angle)
    matrix = factor * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    before = one(chains_of(Polygons, [a]), chains_of(Polygons, [b]))
    after = one(chains_of(Polygons, [a @ matrix]), chains_of(Polygons, [b @ matrix]))
    # A shape that is next to a line has no area but rounding's.
    pictured = painted(a).sum()
    assert pictured < 20 or before == pytest.approx(after, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=2, max_size=5))
def test_boxes_overlap_as_polygons_and_as_unturned_rotated_boxes(rows):
    given_ = np.array(rows)
    boxes, rotated = Boxes.of(given_), RotatedBoxes.of(np.hstack((given_, 0 * given_[:, :1])))
    n = len(rows)
    a, b = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
    plain = boxes.similarity(a, boxes, b)
    area = given_[:, 2] * given_[:, 3]
    wide = np.minimum(area[a], area[b]) > 1e-3
    turned = rotated.similarity(a, rotated, b)
    np.testing.assert_allclose(plain[wide], turned[wide], atol=1e-6)
    np.testing.assert_array_equal(plain, box_overlaps(boxes.corners, a, boxes.corners, b))


def test_a_square_and_itself_turned_by_45_degrees():
    square = RotatedBoxes.of([[0, 0, 2, 2, 0]])
    turned = RotatedBoxes.of([[0, 0, 2, 2, 45]])
    # The common octagon has the area 8 (sqrt 2 - 1).
    common = 8 * (np.sqrt(2) - 1)
    assert one(square, turned) == pytest.approx(common / (8 - common), abs=1e-12)
    assert one(square, RotatedBoxes.of([[0, 0, 2, 2, 270]])) == pytest.approx(1)


def test_a_bow_tie_has_two_wings_and_a_hole_is_outside():
    bow = chains_of(Polygons, [np.array([[0, 0], [2, 2], [2, 0], [0, 2]], float)])
    square = chains_of(Polygons, [np.array([[0, 0], [2, 0], [2, 2], [0, 2]], float)])
    assert one(bow, square) == pytest.approx(0.5)
    # A ring that touches itself along the line from the outer to the inner square.
    ring = np.array(
        [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0], [1, 1], [1, 2], [2, 2], [2, 1], [1, 1]], float
    )
    hole = np.array([[1, 1], [2, 1], [2, 2], [1, 2]], float)
    assert one(chains_of(Polygons, [ring]), chains_of(Polygons, [hole])) == pytest.approx(0)


def test_overlap_does_not_depend_on_where_the_image_is():
    box = np.array([[0.0, 0, 30, 20, 33]])
    near, far = np.zeros((1, 5)), np.array([[1e6, -1e6, 0, 0, 0]])
    moved = box + np.array([[5, 5, 0, 0, 10]])
    here = one(RotatedBoxes.of(box + near), RotatedBoxes.of(moved + near))
    there = one(RotatedBoxes.of(box + far), RotatedBoxes.of(moved + far))
    assert here == pytest.approx(there, abs=1e-7)


@pytest.mark.parametrize(
    "nothing",
    [
        Boxes.of([[5, 5, 0, 7]]),
        RotatedBoxes.of([[5, 5, 0, 0, 30]]),
        chains_of(Polygons, [np.array([[5.0, 5.0]])]),
        chains_of(Polygons, [np.array([[5.0, 5.0], [6, 6], [7, 7]])]),
        chains_of(Polylines, [np.array([[5.0, 5.0]])]),
        chains_of(Polylines, [np.array([[5.0, 5.0], [5, 5]])]),
    ],
    ids=lambda g: f"{type(g).__name__}",
)
def test_marks_without_extent_are_like_nothing(nothing):
    assert one(nothing, nothing) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_similarity_is_symmetric_within_0_and_1_and_0_where_bounds_are_apart(kind):
    rng = np.random.default_rng(3)
    marks = KINDS[kind](rng.uniform(0, 150, (30, 2)), rng.uniform(20, 90, 30), rng, 0.1)
    a, b = np.repeat(np.arange(30), 30), np.tile(np.arange(30), 30)
    there, back = marks.similarity(a, marks, b), marks.similarity(b, marks, a)
    np.testing.assert_allclose(there, back, atol=1e-12)
    assert (there >= 0).all()
    assert (there <= 1 + 1e-12).all()
    np.testing.assert_allclose(there[a == b], 1)
    bounds = marks.bounds()
    low, high = np.maximum(bounds[a, :2], bounds[b, :2]), np.minimum(bounds[a, 2:], bounds[b, 2:])
    apart = (low > high).any(axis=1)
    assert apart.any()
    np.testing.assert_array_equal(there[apart], 0)


def test_a_radius_and_a_twentieth_of_the_length_are_half_alike():
    first, second = KeyPoints.of([[0, 0]], 10), KeyPoints.of([[6, 8]], 10)
    assert one(first, second) == pytest.approx(0.5)
    line = chains_of(Polylines, [np.array([[0.0, 0], [100, 0]])])
    # Shifted across by 5 % of the length, and drawn from the other end with a point between.
    beside = chains_of(Polylines, [np.array([[100.0, 5], [40, 5], [0, 5]])])
    assert one(line, beside) == pytest.approx(0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("boxes", lambda v: Boxes.of([[0, 0, 1, 1], [0, v, 1, 1]])),
        ("boxes", lambda v: RotatedBoxes.of([[0, 0, 1, 1, 0], [0, v, 1, 1, 0]])),
        ("points", lambda v: KeyPoints.of([[0, 0], [0, v]], 5)),
        ("vertices", lambda v: Polygons.of([[0, 0], [0, v]], [0, 0], 1)),
    ],
)
def test_coordinates_that_are_no_numbers_are_refused_with_their_place(kind, make, bad):
    with pytest.raises(ValueError, match=rf"{kind} must be finite.*at row 1, (top|y)"):
        make(bad)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Boxes.of([[0, 0, -1, 1]]), r"boxes must have a width of at least 0; got -1.0"),
        (lambda: Boxes.of([[0, 0, 1]]), r"boxes must have shape \(n, 4\)"),
        (lambda: Boxes.of([["0", "0", "1", "1"]]), r"boxes must hold numbers"),
        (lambda: RotatedBoxes.of([[0, 0, 1, -2, 0]]), r"height of at least 0; got -2.0 at row 0"),
        (lambda: KeyPoints.of([[0, 0]], 0), r"radius must be positive and finite; got 0.0"),
        (lambda: KeyPoints.of([[0, 0]], np.nan), r"radius must be positive and finite; got nan"),
        (lambda: Polygons.of([[0, 0]], [0], 2), r"at least 1 vertex; mark 1 has none"),
        (lambda: Polygons.of([[0, 0], [1, 1]], [1, 0], 2), r"mark must ascend within 0 \.\. 1"),
        (lambda: Polygons.of([[0, 0]], [0, 0], 1), r"one entry per vertex \(1\)"),
    ],
)
def test_impossible_marks_are_refused_with_a_reason(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_ground_truth_form_goes_in_and_comes_out():
    boxes = [[1.5, 2, 30, 40], [0, 0, 0, 0]]
    np.testing.assert_allclose(Boxes.of(boxes).to_ground_truth(), boxes)
    rotated = [[1.5, 2, 30, 40, 350], [0, 0, 0, 0, 0]]
    np.testing.assert_allclose(RotatedBoxes.of(rotated).to_ground_truth(), rotated)
    assert len(Boxes.of([])) == len(RotatedBoxes.of([])) == len(KeyPoints.of([], 1)) == 0

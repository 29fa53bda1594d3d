"""IoU and matching of boxes, rotated boxes and polygons against Shapely, pycocotools and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pycocotools import mask as tools
from scipy.optimize import linear_sum_assignment
from shapely import affinity

from surelabel.consolidation.objects import (
    Boxes,
    ObjectAnswers,
    Polygons,
    RotatedBoxes,
    disagreement,
)
from surelabel.consolidation.objects.matching import match
from workloads.consolidation.objects.scenes import chains_of

edge, extent = st.floats(-60, 60), st.floats(0.25, 50)
boxes = st.lists(st.tuples(edge, edge, extent, extent), min_size=1, max_size=6)
rotated = st.lists(
    st.tuples(edge, edge, extent, extent, st.floats(-180, 180)), min_size=1, max_size=4
)
# In thousandths of a pixel: of a triangle with a corner at 2e-308 Shapely says that it is equal to
# another one, of which it shares a half.
along = st.integers(0, 20_000).map(lambda thousandths: thousandths / 1_000)
point = st.tuples(along, along)


def all_pairs(first, second):
    """(n, m): similarity of every mark of the one to every mark of the other."""
    n, m = len(first), len(second)
    rows, others = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    return first.similarity(rows, second, others).reshape(n, m)


def iou(first, second):
    """Of two shapes of Shapely; 0 where their union has no area."""
    union = first.union(second).area
    return first.intersection(second).area / union if union > 0 else 0.0


def turned(row):
    left, top, width, height, rotation = row
    return affinity.rotate(shapely.box(left, top, left + width, top + height), rotation)


def outline(points):
    """The points in the order of their angle about their mean: an outline that rarely crosses
    itself, for what does has no area that everybody agrees on."""
    x, y = np.mean(points, axis=0)
    return sorted(points, key=lambda p: np.arctan2(p[1] - y, p[0] - x))


@settings(deadline=None)
@given(boxes, boxes)
def test_boxes_overlap_as_pycocotools_says(first, second):
    found = all_pairs(Boxes.of(first), Boxes.of(second))
    theirs = tools.iou(np.array(first), np.array(second), [0] * len(second))
    np.testing.assert_allclose(found, theirs, atol=1e-9)


@settings(deadline=None)
@given(rotated, rotated)
def test_rotated_boxes_overlap_as_shapely_says(first, second):
    found = all_pairs(RotatedBoxes.of(first), RotatedBoxes.of(second))
    theirs = [[iou(turned(a), turned(b)) for b in second] for a in first]
    np.testing.assert_allclose(found, theirs, atol=1e-6)


@settings(deadline=None)
@given(st.lists(point, min_size=3, max_size=9), st.lists(point, min_size=3, max_size=9))
def test_simple_polygons_overlap_as_shapely_says(first, second):
    first, second = outline(first), outline(second)
    one, other = shapely.Polygon(first), shapely.Polygon(second)
    assume(one.is_valid and other.is_valid and one.area > 1e-3 and other.area > 1e-3)
    pair = [chains_of(Polygons, [np.array(each)]) for each in (first, second)]
    assert all_pairs(*pair)[0, 0] == pytest.approx(iou(one, other), abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(3, 20), st.integers(3, 20))
def test_stars_with_deep_notches_overlap_as_shapely_says(seed, n, m):
    rng = np.random.default_rng(seed)
    stars = []
    for corners in (n, m):
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radius = rng.uniform(1, 10, corners)
        middle = rng.uniform(0, 8, 2)
        stars.append(middle + radius[:, None] * np.column_stack((np.cos(angle), np.sin(angle))))
    shapes = [shapely.Polygon(star) for star in stars]
    assume(all(shape.is_valid for shape in shapes))
    found = all_pairs(*(chains_of(Polygons, [star]) for star in stars))[0, 0]
    assert found == pytest.approx(iou(*shapes), abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(boxes, boxes)
def test_answers_agree_as_far_as_the_best_assignment_of_their_boxes(first, second):
    table = tools.iou(np.array(first), np.array(second), [0] * len(second))
    best = table[linear_sum_assignment(table, maximize=True)].sum()
    labels = np.zeros(len(first), int), np.zeros(len(second), int)
    apart = disagreement(Boxes.of(first), labels[0], Boxes.of(second), labels[1])
    assert apart == pytest.approx(1 - 2 * best / (len(first) + len(second)), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(boxes, boxes, st.floats(0.05, 0.9))
def test_two_peoples_boxes_are_matched_where_pycocotools_says_they_may(first, second, threshold):
    """Best first is a greedy matching: maximal, and worth at least half of the best assignment."""
    n = len(first)
    table = tools.iou(np.array(first), np.array(second), [0] * len(second))
    assume((np.abs(table - threshold) > 1e-9).all())
    answers = ObjectAnswers.of(
        np.zeros(2, int), np.arange(2), np.repeat([0, 1], [n, len(second)]),
        Boxes.of([*first, *second]), np.zeros(n + len(second), int), 1, 2, 1,
    )  # fmt: skip
    cluster, _, _ = match(answers, threshold)
    place = np.empty_like(cluster)
    place[answers.row] = cluster
    joined = place[:n, None] == place[None, n:]
    assert (joined.sum(0) <= 1).all()
    assert (joined.sum(1) <= 1).all()
    assert (table[joined] >= threshold).all()
    free = ~joined.any(1)[:, None] & ~joined.any(0)[None]
    assert (table[free] < threshold).all()
    allowed = np.where(table >= threshold, table, 0)
    best = allowed[linear_sum_assignment(allowed, maximize=True)].sum()
    assert best / 2 - 1e-9 <= table[joined].sum() <= best + 1e-9

"""Compiled loops give the same bits on any number of threads."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from surelabel.consolidation.objects import SupportVote, boxes, fusion, matching, overlap
from surelabel.consolidation.objects.threads import in_parts
from workloads.consolidation.objects.scenes import made_up_scene


@pytest.mark.parametrize("kind", ["Boxes", "RotatedBoxes"])
def test_the_result_does_not_depend_on_the_number_of_threads(monkeypatch, kind):
    for module in (matching, fusion, overlap):
        monkeypatch.setattr(module, "_MANY", 0)
    monkeypatch.setattr(boxes, "MANY", 0)
    scene = made_up_scene(kind, 0, n_items=30, jitter=0.1)
    found = []
    for n_threads in (1, 3):
        monkeypatch.setattr(numba, "get_num_threads", lambda n=n_threads: n)
        found.append(SupportVote(threshold=0.3).fit_predict(scene.coded))
    one, three = found
    np.testing.assert_array_equal(one.mark_object, three.mark_object)
    np.testing.assert_array_equal(one.geometry.bounds(), three.geometry.bounds())
    np.testing.assert_array_equal(one.confidence, three.confidence)
    np.testing.assert_array_equal(one.annotators.bias, three.annotators.bias)


def test_parts_cover_everything_once_and_in_order(monkeypatch):
    monkeypatch.setattr(numba, "get_num_threads", lambda: 4)
    for n in (0, 1, 3, 4, 10):
        parts = in_parts(lambda begin, end: list(range(begin, end)), n)
        assert [row for part in parts for row in part] == list(range(n))

"""Huge images: tiles give the same as one piece, and memory does not grow with the image."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from surelabel.consolidation.masks import METHODS, MaskAnswers, MaskReader, SmoothedVote
from workloads.consolidation.masks.drawings import made_up_drawings


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("tile", [3, 7, 33])
def test_tiles_give_the_same_as_one_piece(method, n_classes, tile):
    drawn = made_up_drawings(4, n_items=2, n_classes=n_classes, shape=(23, 45))
    whole = method().fit_predict(drawn.answers)
    tiled = method(tile=tile).fit_predict(drawn.answers)
    for item in range(2):
        np.testing.assert_array_equal(whole.label[item], tiled.label[item])
        np.testing.assert_array_equal(whole.confidence_byte[item], tiled.confidence_byte[item])
    np.testing.assert_array_equal(whole.confidence, tiled.confidence)
    np.testing.assert_array_equal(whole.region_confidence, tiled.region_confidence)
    for figure in ("iou", "sensitivity", "specificity", "border_bias", "rejected"):
        np.testing.assert_array_equal(
            getattr(whole.annotators, figure), getattr(tiled.annotators, figure)
        )


def test_a_mask_behind_a_function_is_never_read_whole(tmp_path):
    size, edge = 3000, 256
    largest = 0

    def reader(radius):
        def read(rows, columns):
            nonlocal largest
            y, x = np.ogrid[rows, columns]
            found = np.hypot(y - size / 2, x - size / 2) < radius
            largest = max(largest, found.size)
            return found

        return MaskReader((size, size), read)

    def canvas(item, what, shape, dtype):
        return np.lib.format.open_memmap(
            tmp_path / f"{item}-{what}.npy", mode="w+", dtype=dtype, shape=shape
        )

    answers = MaskAnswers.of(
        np.zeros(5, int), np.arange(5), [reader(r) for r in (1000, 1003, 1004, 998, 1001)], 1, 5
    )
    tracemalloc.start()
    result = SmoothedVote(tile=edge).fit_predict(answers, canvas=canvas)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A tile with its halo; an image is 9 MB, five of them 45.
    assert largest < (edge + 60) ** 2
    assert peak < 8e6
    assert result.region_pixels[1] == pytest.approx(np.pi * 1001**2, rel=0.001)
    np.testing.assert_allclose(result.annotators.border_bias, [-1, 2, 3, -3, 0], atol=0.2)
    assert np.load(tmp_path / "0-label.npy").sum() == result.region_pixels[1]

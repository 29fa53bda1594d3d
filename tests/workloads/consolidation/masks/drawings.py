"""Masks for the tests: made up ones, and the real set of $SURELABEL_DATA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from surelabel.consolidation.masks import MaskAnswers
from workloads.consolidation.crowds import DATA


@dataclass(frozen=True)
class Drawings:
    """``mask[n]`` is the answer of annotator[n] to item[n]; ``truth``: one mask per item."""

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    mask: list[NDArray]
    truth: list[NDArray]
    n_annotators: int
    n_classes: int = 2

    @property
    def answers(self) -> MaskAnswers:
        return MaskAnswers.of(
            self.item,
            self.annotator,
            self.mask,
            len(self.truth),
            self.n_annotators,
            self.n_classes,
        )


def blobs(rng, shape, n_classes):
    """Smooth regions of each class."""
    noise = ndimage.gaussian_filter(rng.normal(size=(n_classes, *shape)), (0, 4, 4))
    return noise.argmax(axis=0).astype(np.uint8)


def wobbly(rng, truth, strength):
    """``truth`` drawn with an unsteady hand: every border moves by some pixels."""
    height, width = truth.shape
    shift = ndimage.gaussian_filter(rng.normal(size=(2, height, width)), (0, 3, 3)) * 10 * strength
    rows, columns = np.mgrid[:height, :width] + shift
    rows = np.clip(np.rint(rows), 0, height - 1).astype(int)
    columns = np.clip(np.rint(columns), 0, width - 1).astype(int)
    return truth[rows, columns]


def made_up_drawings(seed, n_items=4, n_annotators=5, n_classes=2, shape=(40, 50)) -> Drawings:
    """Every annotator draws every item, some more steadily than others."""
    rng = np.random.default_rng(seed)
    truth = [blobs(rng, shape, n_classes) for _ in range(n_items)]
    strength = rng.uniform(0.5, 2, n_annotators)
    item = np.repeat(np.arange(n_items), n_annotators)
    annotator = np.tile(np.arange(n_annotators), n_items)
    pairs = zip(item, annotator, strict=True)
    mask = [wobbly(rng, truth[i], strength[a]) for i, a in pairs]
    return Drawings(item, annotator, mask, truth, n_annotators, n_classes)


def one_image(masks, n_classes=2) -> MaskAnswers:
    """One item, annotator r drew masks[r]."""
    n = len(masks)
    return MaskAnswers.of(np.zeros(n, int), np.arange(n), masks, 1, n, n_classes)


def iou(first, second) -> float:
    union = (first | second).sum()
    return float((first & second).sum() / union) if union else 1.0


def real_drawings() -> tuple[Drawings, NDArray[np.int64]]:
    """BU-BIL sets 2, 4, 5, and the set of each image; skips the test where they are missing."""
    folder = DATA / "segmentation" / "bu_bil"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set SURELABEL_DATA to the folder with the real data")
    masks, truth, sets = [], [], []
    for number in (2, 4, 5):
        with np.load(folder / f"dataset{number}_masks.npz") as stored:
            for key in sorted({name.rsplit("__", 1)[0] for name in stored.files}):
                n, height, width = (int(side) for side in stored[key + "__shape"])
                crowd = np.unpackbits(stored[key + "__crowd"])[: n * height * width]
                gold = np.unpackbits(stored[key + "__gold"])[: height * width]
                masks += list(crowd.reshape(n, height, width).astype(bool))
                truth.append(gold.reshape(height, width).astype(bool))
                sets.append(number)
    item = np.repeat(np.arange(len(truth)), len(masks) // len(truth))
    # Who drew what is not known: nobody is taken to have drawn twice.
    annotator = np.arange(len(masks))
    return Drawings(item, annotator, masks, truth, len(masks)), np.array(sets)

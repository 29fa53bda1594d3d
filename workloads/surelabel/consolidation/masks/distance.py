"""How far two masks of one image, or all the instances of two answers, differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.masks.instance_answers import InstanceAnswers
from surelabel.consolidation.masks.patterns import coded
from surelabel.consolidation.masks.voting import overlap


def disagreement(first: ArrayLike, second: ArrayLike) -> float:
    """1 - IoU, the mean over the classes but the background (0) that either has; in [0, 1].

    ``first``, ``second``: (height, width), bool or classes from 0. 0 for two masks without an
    object, 1 if only one has any. Raises ValueError for different sizes.
    """
    masks = [np.asarray(mask) for mask in (first, second)]
    if masks[0].ndim != 2 or masks[0].shape != masks[1].shape:
        raise ValueError(
            "first and second must both be (height, width) of one size; "
            f"got {masks[0].shape} and {masks[1].shape}."
        )
    for name, mask in zip(("first", "second"), masks, strict=True):
        if mask.dtype != np.bool_ and not np.issubdtype(mask.dtype, np.integer):
            raise ValueError(
                f"{name} must hold classes as integers, or bool; got {mask.dtype}. "
                "Pass mask > 0 for a binary mask."
            )
        if mask.size and int(mask.min()) < 0:
            raise ValueError(f"{name} must hold classes from 0; got {mask.min()}.")
    if masks[0].size == 0:
        return 0.0
    # Classes are numbered anew, so that a few large ones cost no more than small ones.
    classes = np.union1d([0], np.union1d(np.unique(masks[0]), np.unique(masks[1])))
    numbered = [np.searchsorted(classes, mask) for mask in masks]
    patterns = coded(numbered, len(classes)).patterns
    return float(1 - overlap(patterns, patterns.votes[:, 1])[0])


def instance_disagreement(answers: InstanceAnswers, first: int, second: int) -> float:
    """1 - panoptic quality of two answers (rows) to one item, in [0, 1] and symmetric.

    A. Kirillov et al., "Panoptic Segmentation" (2019), arXiv:1801.00868: instances of one class
    whose IoU is above one half are the same; the sum of their IoUs over the mean number of
    instances. 0 for two answers without an instance, 1 if only one has any.
    """
    rows = [np.flatnonzero(answers.answer == row) for row in (first, second)]
    n = len(rows[0]) + len(rows[1])
    if n == 0:
        return 0.0
    marks = np.concatenate(rows)
    iou = answers.ious(marks)[: len(rows[0]), len(rows[0]) :]
    same = answers.label[rows[0]][:, None] == answers.label[rows[1]][None, :]
    iou = np.where(same & (iou > 0.5), iou, 0.0)
    # Instances of one answer may overlap; each still counts once.
    total = 0.0
    while iou.size and iou.max() > 0:
        i, j = np.unravel_index(int(iou.argmax()), iou.shape)
        total += float(iou[i, j])
        iou[i, :] = 0
        iou[:, j] = 0
    return 1 - total / (n / 2)

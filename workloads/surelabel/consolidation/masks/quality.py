"""How each annotator draws, added up over images."""

from __future__ import annotations

import math

import numpy as np

from surelabel.consolidation.masks.drawing import Tally
from surelabel.consolidation.masks.patterns import Ints
from surelabel.consolidation.masks.result import MaskAnnotators
from surelabel.consolidation.masks.voting import Voting
from surelabel.consolidation.result import Floats

# A straight line in all directions crosses 4 / pi as many pixel edges as it is long.
_LENGTH_PER_EDGE = math.pi / 4


class Quality:
    """Sums over images; exact, so that the order of the images does not matter."""

    def __init__(self, n_annotators: int) -> None:
        self._iou: list[list[float]] = [[] for _ in range(n_annotators)]
        self._bias: list[list[float]] = [[] for _ in range(n_annotators)]
        # Pixels: objects, of them right, background, of it left as such.
        self._pixels = np.zeros((4, n_annotators), np.int64)
        self._rejected = np.zeros(n_annotators, np.int64)

    def add(self, annotator: Ints, voting: Voting, tally: Tally) -> Floats:
        """One image: what its annotators said, beside what became of it; (n_people,), their IoU.

        ``annotator``: (n_people,), the first of those that ``voting`` and ``tally`` have.
        """
        n = len(annotator)
        confusion = tally.confusion[:n]
        right = np.diagonal(confusion, axis1=1, axis2=2)
        truth, said = confusion.sum(axis=2), confusion.sum(axis=1)
        iou = _mean_overlap(right, truth, said)
        for who, value in zip(annotator, iou, strict=True):
            self._iou[who].append(float(value))
        for who, value in zip(annotator, _shift(truth, said, tally.border), strict=True):
            if not np.isnan(value):
                self._bias[who].append(float(value))
        objects = right[:, 1:].sum(axis=1), truth[:, 1:].sum(axis=1)
        self._pixels[:, annotator] += np.array(
            [objects[1], objects[0], truth[:, 0], right[:, 0]], np.int64
        )
        self._rejected[annotator] += ~voting.counted[:n]
        return iou

    def annotators(self) -> MaskAnnotators:
        """The means."""
        objects, right, background, left = self._pixels.astype(float)
        with np.errstate(invalid="ignore"):
            sensitivity, specificity = right / objects, left / background
        return MaskAnnotators(
            n_answers=np.array([len(values) for values in self._iou], np.int64),
            iou=np.array([_mean(values) for values in self._iou]),
            sensitivity=sensitivity,
            specificity=specificity,
            border_bias=np.array([_mean(values) for values in self._bias]),
            rejected=self._rejected,
        )


def _mean_overlap(right: Ints, truth: Ints, said: Ints) -> Floats:
    """(n_annotators,): mean IoU over the classes but the background that one of the two has."""
    either = (truth + said - right)[:, 1:]
    there = either > 0
    iou = np.where(there, right[:, 1:] / np.maximum(either, 1), 0.0)
    n = there.sum(axis=1)
    return np.asarray(np.where(n > 0, iou.sum(axis=1) / np.maximum(n, 1), 1.0))


def _shift(truth: Ints, said: Ints, border: Ints) -> Floats:
    """(n_annotators,): how far out the borders lie, were they moved all along by the same.

    The mean over the classes but the background that have a border; nan without one.
    """
    there = border[1:] > 0
    if not there.any():
        return np.full(len(truth), np.nan)
    more = (said - truth)[:, 1:][:, there]
    return np.asarray((more / (_LENGTH_PER_EDGE * border[1:][there])).mean(axis=1))


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan

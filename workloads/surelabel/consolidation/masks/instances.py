"""Instances by matching masks: who marked the same object, how many did, and what shape it has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.masks.answers import MaskAnswers
from surelabel.consolidation.masks.base import Segmentation
from surelabel.consolidation.masks.instance_answers import Crop, InstanceAnswers
from surelabel.consolidation.masks.instance_result import InstanceAnnotators, InstanceResult
from surelabel.consolidation.masks.result import MaskAnnotators
from surelabel.consolidation.masks.smoothed_vote import SmoothedVote
from surelabel.consolidation.nothing_there import chance_of_nothing
from surelabel.consolidation.result import Floats

Ints = NDArray[np.int64]


@dataclass
class MatchedInstances(Fitted):
    """Pairs of IoU ``match`` or more are joined, best first, if all between two clusters are that
    near on average and no annotator has two; a cluster stays that at least ``support`` of those
    who saw the item marked. Its class is the plurality's (ties: the lower), its mask what
    ``fusion`` makes of its members.

    Instances of different classes are matched too: what it is and where it is are two questions.
    Instances that come out may overlap, as those of people do.
    """

    match: float = 0.5
    support: float = 0.5
    fusion: Segmentation = field(default_factory=lambda: SmoothedVote(pixel_confidence=False))
    result_: InstanceResult = field(init=False, repr=False, compare=False)

    def fit(
        self, answers: InstanceAnswers, *, frozen_annotators: MaskAnnotators | None = None
    ) -> Self:
        """Consolidate the instances of every item; the result is in ``result_``.

        ``frozen_annotators``: how annotators draw, for ``fusion``, aligned with the codes.
        """
        self.check_parameters()
        clusters: list[Ints] = []
        saw: list[int] = []
        real = np.zeros(answers.n_items)
        order = np.argsort(answers.item[answers.answer], kind="stable")
        item = answers.item[answers.answer][order]
        for each in np.unique(item):
            first, last = np.searchsorted(item, [each, each + 1])
            people = int((answers.item == each).sum())
            for cluster in self._clusters(answers, order[first:last]):
                real[each] += _there(len(cluster), people)
                if len(cluster) >= self.support * people - 1e-9:
                    clusters.append(cluster)
                    saw.append(people)
        self.result_ = self._fused(answers, clusters, saw, frozen_annotators, real)
        return self

    def fit_predict(
        self, answers: InstanceAnswers, *, frozen_annotators: MaskAnnotators | None = None
    ) -> InstanceResult:
        """``fit``, and its result."""
        return self.fit(answers, frozen_annotators=frozen_annotators).result_

    def _clusters(self, answers: InstanceAnswers, marks: Ints) -> list[Ints]:
        """The instances of one item, by object; in an order that only their geometry decides."""
        keys = [(*answers.box[m].tolist(), answers.mask[m].tobytes()) for m in marks]
        keyed = sorted(range(len(marks)), key=lambda m: (keys[m], answers.label[marks[m]]))
        marks = marks[keyed]
        who = answers.annotator[answers.answer[marks]]
        total = answers.ious(marks)
        members = [[m] for m in range(len(marks))]
        people = [{int(code)} for code in who]
        cluster = list(range(len(marks)))
        pairs = np.argwhere(np.triu(total >= self.match, 1))
        best = np.argsort(-total[pairs[:, 0], pairs[:, 1]], kind="stable")
        for i, j in pairs[best]:
            a, c = sorted((cluster[i], cluster[j]))
            if a == c or people[a] & people[c]:
                continue
            if total[a, c] < self.match * len(members[a]) * len(members[c]):
                continue
            # Sums of IoUs between clusters: those of the two together.
            total[a] += total[c]
            total[:, a] += total[:, c]
            people[a] |= people[c]
            members[a] += members[c]
            for m in members[c]:
                cluster[m] = a
        return [marks[sorted(members[a])] for a in sorted(set(cluster))]

    def _fused(
        self,
        answers: InstanceAnswers,
        clusters: list[Ints],
        saw: list[int],
        known: MaskAnnotators | None,
        real: Floats,
    ) -> InstanceResult:
        who = answers.annotator[answers.answer]
        boxes = [_around(answers.box[cluster]) for cluster in clusters]
        flat = np.concatenate(clusters) if clusters else np.empty(0, np.int64)
        number = np.repeat(np.arange(len(clusters)), [len(cluster) for cluster in clusters])
        crops = [_placed(answers, m, boxes[n]) for m, n in zip(flat, number, strict=True)]
        drawn = self.fusion.fit_predict(
            MaskAnswers.of(number, who[flat], crops, len(clusters), answers.n_annotators),
            frozen_annotators=known,
        )
        belongs = np.full(len(answers.mask), -1, np.int64)
        belongs[flat] = number
        ious = [[] for _ in range(answers.n_annotators)]  # type: list[list[float]]
        label, mask, box, confidence = [], [], [], []
        start = 0
        for cluster, outer, people, fused in zip(clusters, boxes, saw, drawn.label, strict=True):
            own = crops[start : start + len(cluster)]
            start += len(cluster)
            shape = np.zeros(own[0].shape, bool) if fused is None else fused > 0
            if not shape.any():
                # Members that have no majority anywhere: the one nearest to the others.
                shape = own[int(np.argmax([sum(_iou(a, b) for b in own) for a in own]))]
            near = [_iou(crop, shape) for crop in own]
            for m, value in zip(cluster, near, strict=True):
                ious[who[m]].append(value)
            votes = np.bincount(answers.label[cluster], minlength=answers.n_classes)
            label.append(int(votes.argmax()))
            # That it exists, that it is this, that it has this shape.
            there = _there(len(cluster), people)
            confidence.append(there * votes.max() / len(cluster) * math.fsum(near) / len(near))
            tight, around = _cut(shape, outer)
            mask.append(tight)
            box.append(around)
        support = np.array([len(cluster) for cluster in clusters], np.int64)
        item = np.array([answers.item[answers.answer[c[0]]] for c in clusters], np.int64)
        annotators = _judged(answers, item, belongs, ious, drawn.annotators.border_bias)
        sure = _of_items(answers, item, confidence, real, learn=known is None)
        return InstanceResult(
            item=item,
            label=np.array(label, np.int64),
            mask=tuple(mask),
            box=np.array(box, np.int64).reshape(-1, 4),
            confidence=np.array(confidence, float),
            support=support,
            out_of=np.array(saw, np.int64),
            instance=belongs,
            item_confidence=sure,
            annotators=annotators,
            n_iter=drawn.n_iter,
            converged=drawn.converged,
        )


def _there(marked: int, people: int) -> float:
    """The chance that what so many of the people who looked have marked exists."""
    return (marked + 0.5) / (people + 1)


def _of_items(
    answers: InstanceAnswers,
    item: Ints,
    confidence: list[float],
    real: Floats,
    *,
    learn: bool,
) -> Floats:
    """(n_items,): see ``InstanceResult.item_confidence``.

    ``real``: (n_items,), how many candidates are expected to exist.
    """
    n = answers.n_items
    found = np.bincount(item, minlength=n)
    right = np.bincount(item, weights=np.array(confidence, float), minlength=n)
    marked = np.bincount(answers.answer, minlength=len(answers.item)) > 0
    nothing = chance_of_nothing(answers.item, marked, n, learn=learn)
    expected = np.divide(2 * right, found + real, out=nothing, where=found > 0)
    answered = np.bincount(answers.item, minlength=n) > 0
    return np.where(answered, np.minimum(expected, 1.0), np.nan)


def _around(box: Ints) -> tuple[int, int, int, int]:
    """The box around all, with a pixel of background on each side: nothing goes on beyond it."""
    top, left = box[:, :2].min(axis=0) - 1
    bottom, right = box[:, 2:].max(axis=0) + 1
    return int(top), int(left), int(bottom), int(right)


def _placed(answers: InstanceAnswers, m: int, outer: tuple[int, int, int, int]) -> Crop:
    found = np.zeros((outer[2] - outer[0], outer[3] - outer[1]), bool)
    top, left = answers.box[m, 0] - outer[0], answers.box[m, 1] - outer[1]
    crop = answers.mask[m]
    found[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    return found


def _cut(shape: Crop, outer: tuple[int, int, int, int]) -> tuple[Crop, Sequence[int]]:
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    box = (outer[0] + top, outer[1] + left, outer[0] + bottom, outer[1] + right)
    return shape[top:bottom, left:right].copy(), [int(side) for side in box]


def _iou(first: Crop, second: Crop) -> float:
    return float((first & second).sum() / (first | second).sum())


def _judged(
    answers: InstanceAnswers, item: Ints, belongs: Ints, ious: list[list[float]], bias: Floats
) -> InstanceAnnotators:
    n = answers.n_annotators
    who = answers.annotator[answers.answer]
    objects = np.bincount(item, minlength=answers.n_items)
    seen = np.bincount(answers.annotator, weights=objects[answers.item], minlength=n)
    marked = np.bincount(who, minlength=n)
    matched = np.bincount(who[belongs >= 0], minlength=n)
    with np.errstate(invalid="ignore"):
        hit_rate, false_rate = matched / seen, (marked - matched) / marked
    return InstanceAnnotators(
        n_answers=np.bincount(answers.annotator, minlength=n),
        hit_rate=hit_rate,
        false_rate=false_rate,
        iou=np.array([math.fsum(own) / len(own) if own else math.nan for own in ious]),
        border_bias=bias,
    )


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

"""Instances by matching masks: who marked the same object, how many did, and what shape it has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.masks.answers import MaskAnswers
from surelabel.consolidation.masks.base import Segmentation
from surelabel.consolidation.masks.instance_answers import Crop, Gold, InstanceAnswers
from surelabel.consolidation.masks.instance_gold import JudgedByGold
from surelabel.consolidation.masks.instance_matching import by_item, known_instances, matched
from surelabel.consolidation.masks.instance_result import InstanceAnnotators, InstanceResult
from surelabel.consolidation.masks.result import MaskAnnotators
from surelabel.consolidation.masks.smoothed_vote import SmoothedVote
from surelabel.consolidation.nothing_there import chance_of_nothing
from surelabel.consolidation.result import Floats

Ints = NDArray[np.int64]
_NOTHING: Ints = np.empty(0, np.int64)


class _Cluster(NamedTuple):
    """An instance of an item. ``marks``: people's, of the ``people`` who looked; worth that of
    ``marked`` of them. ``known``: the mark that is known, or -1."""

    item: int
    marks: Ints
    people: int
    marked: float
    known: int = -1

    @property
    def all_marks(self) -> Ints:
        """With what is known."""
        return self.marks if self.known < 0 else np.append(self.marks, self.known)


@dataclass
class MatchedInstances(Fitted):
    """Pairs of IoU ``match`` or more are joined, best first, if all between two clusters are that
    near on average and no annotator has two; a cluster stays that at least ``support`` of those
    who saw the item marked. Its class is the plurality's (ties: the lower), its mask what
    ``fusion`` makes of its members.

    Instances of different classes are matched too: what it is and where it is are two questions.
    Instances that come out may overlap, as those of people do. Where gold shows how well annotators
    find, name and draw, marks, classes and masks are weighed by it.
    """

    match: float = 0.5
    support: float = 0.5
    fusion: Segmentation = field(default_factory=lambda: SmoothedVote(pixel_confidence=False))
    result_: InstanceResult = field(init=False, repr=False, compare=False)

    def fit(
        self,
        answers: InstanceAnswers,
        *,
        frozen_annotators: MaskAnnotators | None = None,
        gold: Gold = MappingProxyType({}),
        judged: JudgedByGold | None = None,
    ) -> Self:
        """Consolidate the instances of every item; the result is in ``result_``.

        ``frozen_annotators``: how annotators draw, for ``fusion``, aligned with the codes.
        ``gold``: the instances (labels, masks, corners as ``InstanceAnswers.of`` has them) of items
        where they are known, by item; they stand with a confidence of 1, and annotators are judged
        by them. ``judged``: what gold items of another fit showed, taken for gold where there is
        none here.
        """
        self.check_parameters()
        told = answers.with_gold(gold)
        marks_of = by_item(told)
        clusters = []
        if gold:
            counts = np.zeros((5, answers.n_annotators))
            for each in gold:
                clusters += self._of_known(told, each, marks_of.pop(each, _NOTHING), counts)
            unknown = MaskAnnotators.unknown(answers.n_annotators)
            judged = JudgedByGold(counts, unknown, answers.n_classes)
        worth = np.ones(answers.n_annotators) if judged is None else judged.worth
        real = np.zeros(answers.n_items)
        for each, marks in marks_of.items():
            looked = answers.annotator[answers.item == each]
            people = len(looked)
            for cluster in matched(answers, marks, self.match):
                who = answers.annotator[answers.answer[cluster]]
                # So many of equal worth.
                marked = float(worth[who].sum() * (people / worth[looked].sum()))
                real[each] += _there(marked, people)
                if marked >= self.support * people - 1e-9:
                    clusters.append(_Cluster(each, cluster, people, marked))
        clusters.sort(key=lambda cluster: cluster.item)
        self.result_ = self._fused(answers, told, clusters, frozen_annotators, real, judged)
        return self

    def fit_predict(
        self,
        answers: InstanceAnswers,
        *,
        frozen_annotators: MaskAnnotators | None = None,
        gold: Gold = MappingProxyType({}),
        judged: JudgedByGold | None = None,
    ) -> InstanceResult:
        """``fit``, and its result."""
        return self.fit(
            answers, frozen_annotators=frozen_annotators, gold=gold, judged=judged
        ).result_

    def _of_known(
        self, told: InstanceAnswers, item: int, marks: Ints, counts: Floats
    ) -> list[_Cluster]:
        """The known instances of an item; adds to ``counts``, (5, n_annotators), of judgement."""
        looked = told.annotator[(told.item == item) & (told.annotator != told.oracle)]
        hits, seen, named, false, absent = counts
        whose = told.annotator[told.answer]
        known, free = known_instances(told, marks, self.match)
        for instance, own in known:
            seen[looked] += 1
            hits[whose[own]] += 1
            named[whose[own]] += told.label[own] == told.label[instance]
        for own in matched(told, free, self.match):
            absent[looked] += 1
            false[whose[own]] += 1
        n = len(looked)
        return [_Cluster(item, own, n, float(len(own)), instance) for instance, own in known]

    def _fused(
        self,
        answers: InstanceAnswers,
        told: InstanceAnswers,
        clusters: list[_Cluster],
        known: MaskAnnotators | None,
        real: Floats,
        judged: JudgedByGold | None,
    ) -> InstanceResult:
        who = answers.annotator[answers.answer]
        naming = np.ones(answers.n_annotators) if judged is None else judged.naming
        boxes = [_around(told.box[cluster.all_marks]) for cluster in clusters]
        flat = np.concatenate([_NOTHING, *(cluster.marks for cluster in clusters)])
        number = np.repeat(np.arange(len(clusters)), [len(cluster.marks) for cluster in clusters])
        crops = [_placed(answers, m, boxes[n]) for m, n in zip(flat, number, strict=True)]
        gold = {
            n: _placed(told, cluster.known, boxes[n])
            for n, cluster in enumerate(clusters)
            if cluster.known >= 0
        }
        drawn = self.fusion.fit_predict(
            MaskAnswers.of(number, who[flat], crops, len(clusters), answers.n_annotators),
            frozen_annotators=known,
            gold=gold,
            judged_annotators=None if judged is None or gold else judged.drawn,
        )
        if judged is not None and told.oracle is not None:
            judged = replace(judged, drawn=drawn.annotators)
        belongs = np.full(len(answers.mask), -1, np.int64)
        belongs[flat] = number
        ious = [[] for _ in range(answers.n_annotators)]  # type: list[list[float]]
        label, mask, box, confidence = [], [], [], []
        start = 0
        for cluster, outer, fused in zip(clusters, boxes, drawn.label, strict=True):
            marks = cluster.marks
            own = crops[start : start + len(marks)]
            start += len(marks)
            shape = np.zeros(own[0].shape, bool) if fused is None else fused > 0
            if not shape.any():
                # Members that have no majority anywhere: the one nearest to the others.
                shape = own[int(np.argmax([sum(_iou(a, b) for b in own) for a in own]))]
            near = [_iou(crop, shape) for crop in own]
            for m, value in zip(marks, near, strict=True):
                ious[who[m]].append(value)
            if cluster.known >= 0:
                label.append(int(told.label[cluster.known]))
                confidence.append(1.0)
            else:
                weight, n = naming[who[marks]], answers.n_classes
                votes = np.bincount(answers.label[marks], weights=weight, minlength=n)
                label.append(int(votes.argmax()))
                # That it exists, that it is this, that it has this shape.
                there = _there(cluster.marked, cluster.people)
                confidence.append(there * votes.max() / weight.sum() * math.fsum(near) / len(near))
            tight, around = _cut(shape, outer)
            mask.append(tight)
            box.append(around)
        support = np.array([len(cluster.marks) for cluster in clusters], np.int64)
        item = np.array([cluster.item for cluster in clusters], np.int64)
        annotators = _judged(answers, item, belongs, ious, drawn.annotators.border_bias)
        of_items = _of_items(answers, item, confidence, real, learn=known is None)
        if told.oracle is not None:
            of_items[told.item[told.annotator == told.oracle]] = 1.0
        return InstanceResult(
            item=item,
            label=np.array(label, np.int64),
            mask=tuple(mask),
            box=np.array(box, np.int64).reshape(-1, 4),
            confidence=np.array(confidence, float),
            support=support,
            out_of=np.array([cluster.people for cluster in clusters], np.int64),
            instance=belongs,
            item_confidence=of_items,
            annotators=annotators,
            n_iter=drawn.n_iter,
            converged=drawn.converged,
            judged=judged,
        )


def _there(marked: float, people: int) -> float:
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

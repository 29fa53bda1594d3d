"""InstanceSegmentation: objects of an image, each with a class and a mask of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from scipy import ndimage

from surelabel.consolidation.masks import (
    INSTANCE_METHODS,
    InstanceAnnotators,
    InstanceAnswers,
    InstanceResult,
    JudgedByGold,
    MatchedInstances,
    instance_disagreement,
)
from surelabel.frames import Frame
from surelabel.tasks.base import Random
from surelabel.tasks.classes import Classes
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.instance_segmentation.format import InstanceSegmentationFormat, instances_png
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.people import other_class
from surelabel.tasks.regions import (
    MISSED,
    MISTAKEN,
    TREMBLE,
    WELL_OFF,
    Region,
    gold_first,
    image_batches,
    pixels_of,
    shifted,
)
from surelabel.tasks.valued import Fit, ValueAnswers, ValueTask
from surelabel.tasks.values import ImageSize, Instances

# Objects seen where there are none, for each error on one that is there.
_FALSE = 0.3


@dataclass(frozen=True)
class _Marks:
    """The objects of one answer: class, mask cut to its box, and the box's (row, column)."""

    labels: tuple[int, ...]
    masks: tuple[Region, ...]
    corners: tuple[tuple[int, int], ...]
    shape: tuple[int, int]

    def of_class(self, label: int) -> _Marks:
        """Those of one class."""
        own = [position for position, each in enumerate(self.labels) if each == label]
        masks = tuple(self.masks[position] for position in own)
        corners = tuple(self.corners[position] for position in own)
        return _Marks((label,) * len(own), masks, corners, self.shape)


@dataclass(frozen=True)
class InstanceSegmentation(ValueTask[Instances]):
    """Any number of objects, also none; their masks do not overlap."""

    format: LabelFormat[Instances] = field(default_factory=InstanceSegmentationFormat)
    source_kind: Literal["text", "image"] = "image"
    methods: ClassVar[Mapping[str, Any]] = INSTANCE_METHODS
    # Masks are large, and each image shows well enough by itself who is far from the others.
    remembers: ClassVar[int] = 0
    marks_classes: ClassVar[bool] = True

    def disagreement(self, first: Instances, second: Instances) -> float:
        """See ``ValueTask``; 1 less the panoptic quality, 1 for masks of different sizes."""
        return _apart(_marks(first), _marks(second))

    def disagreement_about(self, first: Instances, second: Instances, label: int) -> float:
        """See ``ValueTask``."""
        return _apart(_marks(first).of_class(label), _marks(second).of_class(label))

    def vary(self, truth: Instances, accuracy: float, rng: Random, n_classes: int) -> Instances:
        """See ``ValueTask``; who errs on an object misses it, mistakes its class, or draws it
        aside, and now and then takes a part of the background for another one."""
        given = pixels_of(truth)
        drawn = np.full_like(given, -1)
        labels: list[int] = []
        for number, label in enumerate(truth.labels):
            right, kind, by = rng.random() < accuracy, rng.random(), int(rng.integers(1, 1 << 16))
            own = given == number
            region = shifted(own, TREMBLE if right else WELL_OFF, rng)
            if right or kind >= MISSED:
                mistaken = not right and kind < MISSED + MISTAKEN and n_classes > 1
                further = 1 + by % (n_classes - 1) if mistaken else 0
                drawn[region] = len(labels)
                labels.append(other_class(label, further, n_classes))
            if rng.random() < (1 - accuracy) * _FALSE:
                drawn[shifted(own, 1.0, rng) & (drawn < 0)] = len(labels)
                labels.append(label)
        return _without_hidden(labels, drawn)[0]

    def consolidate(
        self, answers: ValueAnswers[Instances], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[Instances]]]:
        """See ``ValueTask``; ValueError where the masks of an item differ in size."""
        fit, on_gold = Fit(), list[JudgedByGold]()

        def labels(
            part: ValueAnswers[Instances], judged: JudgedByGold | None
        ) -> Iterator[tuple[int, Consolidated[Instances]]]:
            for batch in image_batches(part, _marks):
                result = _fitted(batch, answers, self.methods[method](), judged)
                fit.note(result)
                if judged is None and result.judged is not None:
                    on_gold.append(result.judged)
                for number, (item, theirs) in enumerate(batch.items()):
                    label = _of_item(result, number, next(iter(theirs.values())).shape)
                    ours = _marks(label.value)
                    # While they are in memory.
                    apart = tuple(_apart(each, ours) for each in theirs.values())
                    yield item, replace(label, apart=apart)

        def judge() -> JudgedByGold | None:
            return JudgedByGold.pooled(on_gold) if on_gold else None

        yield from gold_first(answers, labels, judge, lambda value: len(value.labels))
        if fit.annotators:
            answers.fit.note(fit, InstanceAnnotators.pooled(fit.annotators))

    def frame(self, value: Instances) -> Frame:
        """See ``ValueTask``; the size of the mask."""
        height, width = pixels_of(value).shape
        return Frame(size=(width, height))

    def stored(
        self, value: Instances, classes: Classes, write: Callable[[str, bytes], str]
    ) -> Instances:
        """See ``ValueTask``; the mask becomes an indexed PNG."""
        mask = pixels_of(value)
        height, width = mask.shape
        ref = write("png", instances_png(mask))
        return Instances(value.labels, None, ref, ImageSize(width, height))


def _fitted(
    batch: dict[int, dict[int, _Marks]],
    answers: ValueAnswers[Instances],
    method: MatchedInstances,
    judged: JudgedByGold | None,
) -> InstanceResult:
    given = [
        (number, who, marks)
        for number, masks in enumerate(batch.values())
        for who, marks in masks.items()
    ]
    n_classes = max(len(answers.classes), 1)
    coded = _coded(given, len(batch), max(answers.n_annotators, 1), n_classes)
    known = {
        number: _marks(answers.gold[item])
        for number, item in enumerate(batch)
        if item in answers.gold
    }
    gold = {
        number: (np.array(marks.labels, np.int64), marks.masks, marks.corners)
        for number, marks in known.items()
    }
    return method.fit_predict(coded, gold=gold, judged=judged)


def _marks(value: Instances) -> _Marks:
    pixels = pixels_of(value)
    boxes = ndimage.find_objects(pixels + 1, max_label=len(value.labels))
    found = [
        (label, pixels[box] == number, (box[0].start, box[1].start))
        for number, (label, box) in enumerate(zip(value.labels, boxes, strict=True))
        # An object without a pixel is nothing.
        if box is not None
    ]
    height, width = pixels.shape
    return _Marks(
        tuple(label for label, _, _ in found),
        tuple(mask for _, mask, _ in found),
        tuple(corner for _, _, corner in found),
        (height, width),
    )


def _apart(one: _Marks, other: _Marks) -> float:
    if one.shape != other.shape:
        return 1.0
    n_classes = max((*one.labels, *other.labels), default=0) + 1
    return instance_disagreement(_coded([(0, 0, one), (0, 1, other)], 1, 2, n_classes), 0, 1)


def _coded(
    given: list[tuple[int, int, _Marks]], n_items: int, n_annotators: int, n_classes: int
) -> InstanceAnswers:
    return InstanceAnswers.of(
        np.array([item for item, _, _ in given], np.int64),
        np.array([who for _, who, _ in given], np.int64),
        np.repeat(np.arange(len(given)), [len(marks.labels) for _, _, marks in given]),
        np.array([label for _, _, marks in given for label in marks.labels], np.int64),
        [mask for _, _, marks in given for mask in marks.masks],
        n_items,
        n_annotators,
        n_classes,
        corner=np.array(
            [corner for _, _, marks in given for corner in marks.corners], np.int64
        ).reshape(-1, 2),
    )


def _of_item(result: InstanceResult, item: int, shape: tuple[int, int]) -> Consolidated[Instances]:
    """The instances of one item; where two overlap, the pixel is of the surer one."""
    rows = np.arange(*np.searchsorted(result.item, (item, item + 1))).tolist()
    drawn = np.full(shape, -1, np.int32)
    # The surest last, on top; of equals the first.
    by_confidence = sorted(
        range(len(rows)), key=lambda place: (result.confidence[rows[place]], -place)
    )
    for place in by_confidence:
        top, left, bottom, right = result.box[rows[place]].tolist()
        # A smoothed border may reach a pixel beyond the image.
        height, width = shape
        mask = result.mask[rows[place]][max(-top, 0) : height - top, max(-left, 0) : width - left]
        window = drawn[max(top, 0) : bottom, max(left, 0) : right]
        window[mask] = place
    labels = [int(result.label[row]) for row in rows]
    value, kept = _without_hidden(labels, drawn)
    confidences = tuple(float(result.confidence[rows[place]]) for place in kept)
    return Consolidated(value, float(result.item_confidence[item]), confidences)


def _without_hidden(labels: list[int], drawn: np.ndarray) -> tuple[Instances, list[int]]:
    """The instances that have a pixel, numbered anew, and which of them these are."""
    kept = [number for number in np.unique(drawn).tolist() if number >= 0]
    numbers = np.full(len(labels) + 1, -1, np.int32)
    numbers[kept] = np.arange(len(kept))
    return Instances(tuple(labels[number] for number in kept), numbers[drawn]), kept

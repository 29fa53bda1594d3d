"""SemanticSegmentation: a class for every pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.masks import METHODS, MaskAnnotators, MaskAnswers, Segmentation
from surelabel.consolidation.masks import disagreement as apart
from surelabel.frames import Frame
from surelabel.tasks.base import Random
from surelabel.tasks.classes import Classes
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.pixels import palette_of
from surelabel.tasks.regions import (
    MISSED,
    MISTAKEN,
    TREMBLE,
    WELL_OFF,
    gold_first,
    image_batches,
    pixels_of,
    shifted,
)
from surelabel.tasks.semantic_segmentation.format import SemanticSegmentationFormat, mask_png
from surelabel.tasks.valued import Fit, ValueAnswers, ValueTask
from surelabel.tasks.values import SemanticMask

Classes16 = NDArray[np.uint16]


@dataclass(frozen=True)
class SemanticSegmentation(ValueTask[SemanticMask]):
    """Masks of an image; what is of no class is background."""

    format: LabelFormat[SemanticMask] = field(default_factory=SemanticSegmentationFormat)
    source_kind: Literal["text", "image"] = "image"
    methods: ClassVar[Mapping[str, Any]] = METHODS
    # Masks are large, and each image shows well enough by itself who is far from the others.
    remembers: ClassVar[int] = 0
    marks_classes: ClassVar[bool] = True

    def disagreement(self, first: SemanticMask, second: SemanticMask) -> float:
        """See ``ValueTask``; 1 less the mean IoU of the classes that either has, 1 for masks of
        different sizes."""
        one, other = pixels_of(first), pixels_of(second)
        return apart(one + 1, other + 1) if one.shape == other.shape else 1.0

    def disagreement_about(self, first: SemanticMask, second: SemanticMask, label: int) -> float:
        """See ``ValueTask``; 1 less the IoU of the class, 1 for masks of different sizes."""
        one, other = pixels_of(first) == label, pixels_of(second) == label
        if one.shape != other.shape:
            return 1.0
        either = np.count_nonzero(one | other)
        return 1 - np.count_nonzero(one & other) / either if either else 0.0

    def vary(
        self, truth: SemanticMask, accuracy: float, rng: Random, n_classes: int
    ) -> SemanticMask:
        """See ``ValueTask``; who errs on a class misses it, mistakes it, or draws it aside."""
        given = pixels_of(truth)
        drawn = np.full_like(given, -1)
        for label in np.unique(given[given >= 0]).tolist():
            right, kind, by = rng.random() < accuracy, rng.random(), int(rng.integers(1, 1 << 16))
            region = shifted(given == label, TREMBLE if right else WELL_OFF, rng)
            if not right and kind < MISSED:
                continue
            mistaken = not right and kind < MISSED + MISTAKEN and n_classes > 1
            further = 1 + by % (n_classes - 1) if mistaken else 0
            drawn[region] = (label + further) % n_classes
        return SemanticMask(drawn)

    def consolidate(
        self, answers: ValueAnswers[SemanticMask], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[SemanticMask]]]:
        """See ``ValueTask``; ValueError where the masks of an item differ in size."""
        fit = Fit()

        def labels(
            part: ValueAnswers[SemanticMask], judged: MaskAnnotators | None
        ) -> Iterator[tuple[int, Consolidated[SemanticMask]]]:
            for batch in image_batches(part, _classes_of_pixels):
                yield from _of_batch(batch, answers, self.methods[method], fit, judged)

        def judge() -> MaskAnnotators | None:
            return MaskAnnotators.pooled(fit.annotators) if fit.annotators else None

        n_classes = max(len(answers.classes), 1) + 1
        yield from gold_first(answers, labels, judge, lambda _: n_classes)
        if (found := judge()) is not None:
            answers.fit.note(fit, found)

    def frame(self, value: SemanticMask) -> Frame:
        """See ``ValueTask``; the size of the mask."""
        height, width = pixels_of(value).shape
        return Frame(size=(width, height))

    def stored(
        self, value: SemanticMask, classes: Classes, write: Callable[[str, bytes], str]
    ) -> SemanticMask:
        """See ``ValueTask``; the mask becomes an indexed PNG."""
        png = mask_png(pixels_of(value), classes)
        return SemanticMask(ref=write("png", png), palette=palette_of(classes))


def _classes_of_pixels(value: SemanticMask) -> Classes16:
    # 0 is the background.
    return (pixels_of(value) + 1).astype(np.uint16)


def _of_batch(
    batch: dict[int, dict[int, Classes16]],
    answers: ValueAnswers[SemanticMask],
    method: type[Segmentation],
    fit: Fit,
    judged: MaskAnnotators | None,
) -> Iterator[tuple[int, Consolidated[SemanticMask]]]:
    rows = [
        (number, who, mask)
        for number, masks in enumerate(batch.values())
        for who, mask in masks.items()
    ]
    n_classes = max(len(answers.classes), 1) + 1
    coded = MaskAnswers.of(
        np.array([number for number, _, _ in rows]),
        np.array([who for _, who, _ in rows]),
        [mask for _, _, mask in rows],
        len(batch),
        answers.n_annotators,
        n_classes,
    )
    gold = {
        number: _classes_of_pixels(answers.gold[item])
        for number, item in enumerate(batch)
        if item in answers.gold
    }
    result = method(pixel_confidence=False).fit_predict(coded, gold=gold, judged_annotators=judged)
    fit.note(result)
    sure = np.repeat(result.confidence[:, None], n_classes, axis=1)
    sure[result.region_item, result.region_class] = result.region_confidence
    for number, item in enumerate(batch):
        mask: Any = result.label[number]
        # A class that the image does not have is as sure as the image is.
        yield (
            item,
            Consolidated(
                SemanticMask(mask.astype(np.int32) - 1),
                float(result.confidence[number]),
                tuple(sure[number].tolist()),
                tuple((1 - result.iou[coded.rows_of(number)]).tolist()),
            ),
        )

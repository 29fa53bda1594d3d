"""SemanticSegmentation: a class for every pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.masks import MaskAnswers, SmoothedVote
from surelabel.consolidation.masks import disagreement as apart
from surelabel.tasks.base import Random
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.pixels import palette_of
from surelabel.tasks.semantic_segmentation.format import SemanticSegmentationFormat, mask_png
from surelabel.tasks.valued import Consolidated, ValueAnswers, ValueTask
from surelabel.tasks.values import SemanticMask

# Pixels of the images that are consolidated at once; each takes a byte for every annotator.
_BATCH_PIXELS = 16_000_000
# How far a border is off, as a share of the image's shorter side: by a hand, and by an error.
_TREMBLE, _WELL_OFF = 0.004, 0.05
_MISSED, _MISTAKEN = 0.4, 0.3

Pixels = NDArray[np.int32]


@dataclass(frozen=True)
class SemanticSegmentation(ValueTask[SemanticMask]):
    """Masks of an image; what is of no class is background."""

    format: LabelFormat[SemanticMask] = field(default_factory=SemanticSegmentationFormat)
    source_kind: Literal["text", "image"] = "image"

    def disagreement(self, first: SemanticMask, second: SemanticMask) -> float:
        """See ``ValueTask``; 1 less the mean IoU of the classes that either has, 1 for masks of
        different sizes."""
        one, other = _pixels(first), _pixels(second)
        return apart(one + 1, other + 1) if one.shape == other.shape else 1.0

    def vary(
        self, truth: SemanticMask, accuracy: float, rng: Random, n_classes: int
    ) -> SemanticMask:
        """See ``ValueTask``; who errs on a class misses it, mistakes it, or draws it aside."""
        given = _pixels(truth)
        drawn = np.full_like(given, -1)
        for label in np.unique(given[given >= 0]).tolist():
            right, kind, by = rng.random() < accuracy, rng.random(), int(rng.integers(1, 1 << 16))
            region = _shifted(given == label, _TREMBLE if right else _WELL_OFF, rng)
            if not right and kind < _MISSED:
                continue
            mistaken = not right and kind < _MISSED + _MISTAKEN and n_classes > 1
            further = 1 + by % (n_classes - 1) if mistaken else 0
            drawn[region] = (label + further) % n_classes
        return SemanticMask(drawn)

    def consolidate(
        self, answers: ValueAnswers[SemanticMask]
    ) -> Iterator[tuple[int, Consolidated[SemanticMask]]]:
        """See ``ValueTask``; of an item's masks only those count whose size most of them have."""
        for batch in _batches(answers):
            yield from _of_batch(batch, answers)

    def stored(
        self, value: SemanticMask, classes: Classes, write: Callable[[str, bytes], str]
    ) -> SemanticMask:
        """See ``ValueTask``; the mask becomes an indexed PNG."""
        png = mask_png(_pixels(value), classes)
        return SemanticMask(ref=write("png", png), palette=palette_of(classes))


# Item, and its masks by annotator: 0 is the background.
_Batch = dict[int, dict[int, NDArray[np.uint16]]]


def _batches(answers: ValueAnswers[SemanticMask]) -> Iterator[_Batch]:
    batch: _Batch = {}
    pixels = 0
    for item, positions in answers.by_item():
        masks = {
            answers.annotator[p]: (_pixels(answers.value[p]) + 1).astype(np.uint16)
            for p in positions
        }
        shape = Counter(mask.shape for mask in masks.values()).most_common(1)[0][0]
        batch[item] = {who: mask for who, mask in masks.items() if mask.shape == shape}
        pixels += shape[0] * shape[1]
        if pixels >= _BATCH_PIXELS:
            yield batch
            batch, pixels = {}, 0
    if batch:
        yield batch


def _of_batch(
    batch: _Batch, answers: ValueAnswers[SemanticMask]
) -> Iterator[tuple[int, Consolidated[SemanticMask]]]:
    rows = [
        (number, who, mask)
        for number, masks in enumerate(batch.values())
        for who, mask in masks.items()
    ]
    n_classes = len(answers.classes) + 1
    coded = MaskAnswers.of(
        np.array([number for number, _, _ in rows]),
        np.array([who for _, who, _ in rows]),
        [mask for _, _, mask in rows],
        len(batch),
        answers.n_annotators,
        n_classes,
    )
    result = SmoothedVote(pixel_confidence=False).fit_predict(coded)
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
            ),
        )
    answers.fit.note(result)


def _pixels(value: SemanticMask) -> Pixels:
    if value.mask is None:
        raise ValueError(f"the mask {value.ref} must be in memory; read it first.")
    return value.mask


def _shifted(region: NDArray[np.bool_], share: float, rng: Random) -> NDArray[np.bool_]:
    """The region moved, by a normal share of the image's shorter side; what leaves it is lost."""
    scale = share * min(region.shape)
    down, right = (round(rng.normal(0, scale)) for _ in range(2))
    moved = np.zeros_like(region)
    height, width = region.shape
    down, right = max(-height, min(height, down)), max(-width, min(width, right))
    source = region[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]
    moved[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = source
    return moved

"""What both segmentations share: masks in memory, how people draw regions, batches of images."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from surelabel.tasks.base import Random
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.valued import ValueAnswers
from surelabel.tasks.values import Instances, Mask, SemanticMask

V = TypeVar("V", SemanticMask, Instances)
H = TypeVar("H")
J = TypeVar("J")
Region = NDArray[np.bool_]

# How far a border is off, as a share of the image's shorter side: by a hand, and by an error.
TREMBLE, WELL_OFF = 0.004, 0.05
# Of the errors on a region; the rest draws it aside.
MISSED, MISTAKEN = 0.4, 0.3
# Pixels of the images that are consolidated at once; each takes a byte for every annotator.
_BATCH_PIXELS = 16_000_000


def pixels_of(value: SemanticMask | Instances) -> Mask:
    """(height, width): the mask, which must be in memory; ValueError otherwise."""
    if value.mask is None:
        raise ValueError(f"the mask {value.ref} must be in memory; read it first.")
    return value.mask


def shifted(region: Region, share: float, rng: Random) -> Region:
    """The region moved, by a normal share of the image's shorter side; what leaves it is lost."""
    scale = share * min(region.shape)
    down, right = (round(rng.normal(0, scale)) for _ in range(2))
    moved = np.zeros_like(region)
    height, width = region.shape
    down, right = max(-height, min(height, down)), max(-width, min(width, right))
    source = region[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]
    moved[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = source
    return moved


def gold_first(
    answers: ValueAnswers[V],
    labels: Callable[[ValueAnswers[V], J | None], Iterator[tuple[int, Consolidated[V]]]],
    judge: Callable[[], J | None],
    n_parts: Callable[[V], int],
) -> Iterator[tuple[int, Consolidated[V]]]:
    """Every item that has answers, in their order, and its label; what is known stands.

    Gold items come first, and what they show of annotators serves all batches of images.
    ``labels``: of answers, by annotators that gold has judged, None without gold; ``judge``: what
    the labels so far have shown; ``n_parts``: of a value, each of which has a confidence.
    """
    is_known = [item in answers.gold for item in range(answers.n_items)]
    for _ in labels(answers.of_items(is_known), None):
        # Only what it shows of annotators counts.
        pass
    others = labels(answers.of_items([not known for known in is_known]), judge())
    told = (
        (item, Consolidated(answers.gold[item], 1.0, (1.0,) * n_parts(answers.gold[item])))
        for item, _ in answers.by_item()
        if is_known[item]
    )
    yield from heapq.merge(told, others, key=lambda pair: pair[0])


def image_batches(
    answers: ValueAnswers[V], hold: Callable[[V], H]
) -> Iterator[dict[int, dict[int, H]]]:
    """Items in their order, each with its masks by annotator, as many at once as memory bears.

    ``hold``: what is kept of a mask while its batch grows. ValueError where the masks of an item
    differ in size; whoever reads answers sets such aside.
    """
    batch: dict[int, dict[int, H]] = {}
    pixels = 0
    for item, positions in answers.by_item():
        sizes = set()
        batch[item] = {}
        for position in positions:
            value = answers.value[position]
            sizes.add(pixels_of(value).shape)
            batch[item][answers.annotator[position]] = hold(value)
        if len(sizes) > 1:
            raise ValueError(
                f"masks of item {item} must have one size; got {sorted(sizes)} (height, width). "
                "Set aside those that do not have the image's."
            )
        height, width = sizes.pop()
        pixels += height * width
        if pixels >= _BATCH_PIXELS:
            yield batch
            batch, pixels = {}, 0
    if batch:
        yield batch

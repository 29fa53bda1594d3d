"""What every consolidation of masks returns, and what it found out about the annotators."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.masks.voting import Flags
from surelabel.consolidation.names import NamedAnnotators, only_as_written
from surelabel.consolidation.read_only import ReadOnlyArrays
from surelabel.consolidation.result import Floats

Ints = NDArray[np.int64]
# Of those who answered enough, how far below the others (in robust standard deviations) is odd.
_ODD, _LEAST_SPREAD, _ENOUGH = 3.0, 0.02, 5
# Answers of an average annotator that everybody is credited with.
_PRIOR_ANSWERS = 4.0


def shrunk(total: Floats, n: Ints, mean: float) -> Floats:
    """Means of ``n`` values that sum to ``total``, drawn towards ``mean`` as far as n is small."""
    return np.asarray((total + _PRIOR_ANSWERS * mean) / (n + _PRIOR_ANSWERS))


def pooled_mean(parts: Sequence[Any], name: str) -> Floats:
    """(n_annotators,): the mean of a figure of several fits, each as often as it had answers."""
    values = np.array([getattr(part, name) for part in parts])
    weight = np.where(np.isnan(values), 0, [part.n_answers for part in parts])
    total = weight.sum(axis=0)
    summed = (np.nan_to_num(values) * weight).sum(axis=0)
    nothing = np.full(len(total), np.nan)
    found: Floats = np.divide(summed, total, out=nothing, where=total > 0)
    return found


def far_below(values: Floats, n_answers: Ints) -> Flags:
    """Which values of annotators with five answers or more lie far below those of the others."""
    telling = (n_answers >= _ENOUGH) & ~np.isnan(values)
    if not telling.any():
        return telling
    median = float(np.median(values[telling]))
    spread = 1.4826 * float(np.median(np.abs(values[telling] - median)))
    below = np.nan_to_num(values, nan=np.inf) < median - _ODD * max(spread, _LEAST_SPREAD)
    return np.asarray(telling & below)


@dataclass(frozen=True)
class MaskAnnotators(NamedAnnotators):
    """How each annotator draws; all (n_annotators,), nan where there is nothing to tell from.

    ``iou``: mean IoU with the consensus. ``sensitivity``: share of the consensus's objects'
    pixels that the annotator gave the same class; ``specificity``: share of its background left
    as background. ``border_bias``: pixels by which borders lie outside the consensus's (negative:
    inside), from the areas over the lengths of the borders. ``rejected``: items where the mask
    was too far from the others' to count, of the ``n_answers`` answered.
    """

    n_answers: Ints
    iou: Floats
    sensitivity: Floats
    specificity: Floats
    border_bias: Floats
    rejected: Ints
    names: tuple[str, ...] = ()

    @property
    def reliability(self) -> Floats:
        """``iou`` drawn towards the mean of all, the more the fewer the answers; 1 if unknown."""
        total = np.where(self.n_answers > 0, np.nan_to_num(self.iou) * self.n_answers, 0.0)
        n = int(self.n_answers.sum())
        # Exact, so that the order of the annotators does not show.
        return shrunk(total, self.n_answers, math.fsum(total) / n if n else 1.0)

    @classmethod
    def unknown(cls, n_annotators: int) -> MaskAnnotators:
        """Of people who have not drawn anything."""
        nothing, none = np.full(n_annotators, np.nan), np.zeros(n_annotators, np.int64)
        return cls(none, nothing, nothing, nothing, nothing, none)

    @classmethod
    def pooled(cls, parts: Sequence[MaskAnnotators]) -> MaskAnnotators:
        """What several fits found out about the same annotators: means over all their answers."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            n_answers=np.sum([part.n_answers for part in parts], axis=0),
            iou=pooled_mean(parts, "iou"),
            sensitivity=pooled_mean(parts, "sensitivity"),
            specificity=pooled_mean(parts, "specificity"),
            border_bias=pooled_mean(parts, "border_bias"),
            rejected=np.sum([part.rejected for part in parts], axis=0),
            names=parts[0].names,
        )

    @property
    def outlier(self) -> Flags:
        """Whose IoU is far below the others', with five answers or more: for a person to look."""
        return far_below(self.iou, self.n_answers)

    def for_annotators(self, names: Sequence[str]) -> MaskAnnotators:
        """The figures in the order of ``names``; nothing is known of a name that is not here."""
        places = self.places_of(names)
        return MaskAnnotators(
            n_answers=places.take(self.n_answers, 0),
            iou=places.take(self.iou, np.nan),
            sensitivity=places.take(self.sensitivity, np.nan),
            specificity=places.take(self.specificity, np.nan),
            border_bias=places.take(self.border_bias, np.nan),
            rejected=places.take(self.rejected, 0),
            names=tuple(names),
        )

    def to_json(self) -> bytes:
        """Bytes for the store; equal figures give equal bytes."""
        rows = [
            {
                "name": self.names[code] if self.names else str(code),
                "answers": int(self.n_answers[code]),
                "rejected": int(self.rejected[code]),
                "iou": _number(self.iou[code]),
                "sensitivity": _number(self.sensitivity[code]),
                "specificity": _number(self.specificity[code]),
                "borderBias": _number(self.border_bias[code]),
            }
            for code in range(len(self.n_answers))
        ]
        value = {"schemaVersion": 1, "annotators": rows}
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    @only_as_written
    def from_json(cls, data: bytes) -> MaskAnnotators:
        """The figures that ``to_json`` wrote; ValueError for other bytes."""
        rows = json.loads(data)["annotators"]

        def floats(key: str) -> Floats:
            return np.array([np.nan if row[key] is None else row[key] for row in rows], float)

        return cls(
            n_answers=np.array([row["answers"] for row in rows], np.int64),
            iou=floats("iou"),
            sensitivity=floats("sensitivity"),
            specificity=floats("specificity"),
            border_bias=floats("borderBias"),
            rejected=np.array([row["rejected"] for row in rows], np.int64),
            names=tuple(row["name"] for row in rows),
        )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True)
class MaskResult(ReadOnlyArrays):
    """One mask per item, and its regions: the pixels of one class of one item.

    ``label[item]``: (height, width), the class of each pixel (uint8, uint16 above 256 classes);
    None where nobody answered. ``confidence_byte[item]``: 255 times the chance that the pixel's
    class is right; None where nobody answered or it was not asked for. ``confidence``:
    (n_items,), the mean over the pixels that people disagree on (all of them where they agree);
    nan where nobody answered. ``n_answers``: (n_items,). ``iou``: one for each of the answers, in
    their order, with the label: 1 less their ``disagreement``.

    Regions, (n_regions,), by item and class, the background among them: ``region_item``,
    ``region_class``, ``region_pixels``, ``region_confidence`` (mean over its pixels),
    ``region_support`` (annotators who marked the class somewhere in it, out of the item's
    ``n_answers``).
    """

    label: tuple[NDArray[Any] | None, ...]
    confidence_byte: tuple[NDArray[np.uint8] | None, ...]
    confidence: Floats
    n_answers: Ints
    iou: Floats
    region_item: Ints
    region_class: Ints
    region_pixels: Ints
    region_confidence: Floats
    region_support: Ints
    annotators: MaskAnnotators
    n_iter: int
    converged: bool

    def pixel_confidence(self, item: int) -> NDArray[np.float32]:
        """(height, width): the chance that each pixel's class is right, in steps of 1/255.

        ValueError where none was kept: nobody answered the item, or it was not asked for.
        """
        stored = self.confidence_byte[item]
        if stored is None:
            raise ValueError(
                f"item {item} has no confidence per pixel: nobody answered it, or the algorithm "
                "was made with pixel_confidence=False."
            )
        return np.asarray(stored / np.float32(255), dtype=np.float32)

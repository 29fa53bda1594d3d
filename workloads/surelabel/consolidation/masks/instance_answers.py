"""Instances, each with a mask of its own, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surelabel.consolidation.answers import Answers, Codes
from surelabel.consolidation.checked import codes

Crop = NDArray[np.bool_]
# The known instances of items, by item: (n,) classes, their masks, and the (row, column) of each.
Gold = Mapping[int, tuple[ArrayLike, Sequence[NDArray[Any]], ArrayLike]]


@dataclass(frozen=True)
class InstanceAnswers:
    """Who answered which item, and the instances marked in each answer.

    ``item``, ``annotator``: (n_answers,), at most one answer per pair. ``answer``, ``label``:
    (n_instances,), the row of the answer and the class from 0 (no background here). ``mask[m]``:
    bool, cut to the box ``box[m]`` = (top, left, bottom, right) in pixels, the last two exclusive.
    """

    item: Codes
    annotator: Codes
    answer: Codes
    label: Codes
    mask: tuple[Crop, ...]
    box: Codes
    n_items: int
    n_annotators: int
    n_classes: int
    # Somebody among the annotators who is always right; see ``with_gold``.
    oracle: int | None = None

    @classmethod
    def of(
        cls,
        item: ArrayLike,
        annotator: ArrayLike,
        answer: ArrayLike,
        label: ArrayLike,
        mask: Sequence[NDArray[Any]],
        n_items: int,
        n_annotators: int,
        n_classes: int,
        *,
        corner: ArrayLike | None = None,
    ) -> InstanceAnswers:
        """Keep the last answer of each (item, annotator); cut every mask to its box.

        ``mask``: one per instance, (height, width), what is not 0 is the object. They may be of
        the whole image or of a part, whose top left pixel in the image is ``corner[m]`` = (row,
        column), (0, 0) if left out. An instance without a pixel is nothing and left out. Raises
        ValueError for codes out of range and masks that are not two-dimensional.
        """
        answers = np.asarray(item)
        kept = Answers.of(
            item, annotator, np.arange(len(answers)), n_items, n_annotators, max(len(answers), 1)
        )
        row = codes("answer", answer, 0, len(answers))
        label_ = codes("label", label, 0, n_classes)
        for name, column in (("answer", row), ("label", label_)):
            if len(column) != len(mask):
                raise ValueError(
                    f"{name} must have one entry per mask ({len(mask)}); got {len(column)}."
                )
        corners = np.zeros((len(mask), 2), np.int64) if corner is None else np.asarray(corner)
        if corners.shape != (len(mask), 2) or not np.issubdtype(corners.dtype, np.integer):
            raise ValueError(
                f"corner must hold integers, one (row, column) for each of {len(mask)} masks; "
                f"got {corners.dtype} of shape {corners.shape}."
            )
        renumbered = np.full(len(answers), -1, np.int64)
        renumbered[kept.label] = np.arange(len(kept.label))
        marks, crops, boxes = [], [], []
        for m in np.flatnonzero(renumbered[row] >= 0).tolist():
            pixels = np.asarray(mask[m])
            if pixels.ndim != 2:
                raise ValueError(
                    f"mask must have (height, width); got shape {pixels.shape} at position {m}."
                )
            rows, columns = (np.flatnonzero((pixels != 0).any(axis=axis)) for axis in (1, 0))
            if len(rows) == 0:
                continue
            top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
            crops.append(pixels[top:bottom, left:right] != 0)
            boxes.append(np.array([top, left, bottom, right]) + np.tile(corners[m], 2))
            marks.append(m)
        return cls(
            kept.item,
            kept.annotator,
            renumbered[row[marks]] if marks else np.empty(0, np.int64),
            label_[marks] if marks else np.empty(0, np.int64),
            tuple(crops),
            np.array(boxes, np.int64).reshape(-1, 4),
            n_items,
            n_annotators,
            n_classes,
        )

    def with_gold(self, gold: Gold) -> InstanceAnswers:
        """The same answers, and the known instances of some items as those of one more annotator,
        the last, who is always right; theirs come last. ValueError as from ``of``."""
        if not gold:
            return self
        row = len(self.item) + np.repeat(
            np.arange(len(gold)), [len(m) for _, m, _ in gold.values()]
        )
        corners = [np.reshape(corner, (-1, 2)) for _, _, corner in gold.values()]
        found = InstanceAnswers.of(
            np.concatenate((self.item, np.array(list(gold), np.int64))),
            np.concatenate((self.annotator, np.full(len(gold), self.n_annotators))),
            np.concatenate((self.answer, row)),
            np.concatenate(
                (self.label, *(np.asarray(each, np.int64) for each, _, _ in gold.values()))
            ),
            [*self.mask, *(mask for _, masks, _ in gold.values() for mask in masks)],
            self.n_items,
            self.n_annotators + 1,
            self.n_classes,
            corner=np.concatenate((self.box[:, :2], *corners)).astype(np.int64),
        )
        return replace(found, oracle=self.n_annotators)

    def ious(self, marks: Codes) -> NDArray[np.float64]:
        """(n, n): IoU of each two of the instances ``marks``, (n,); 0 on the diagonal."""
        box = self.box[marks]
        top_left = np.maximum(box[:, None, :2], box[None, :, :2])
        bottom_right = np.minimum(box[:, None, 2:], box[None, :, 2:])
        area = [int(self.mask[m].sum()) for m in marks]
        found = np.zeros((len(marks), len(marks)))
        # Boxes first: most pairs of an image do not even touch.
        for i, j in np.argwhere(np.triu((top_left < bottom_right).all(axis=2), 1)):
            views = []
            for k in (i, j):
                start, stop = top_left[i, j] - box[k, :2], bottom_right[i, j] - box[k, :2]
                views.append(self.mask[marks[k]][start[0] : stop[0], start[1] : stop[1]])
            both = int((views[0] & views[1]).sum())
            found[i, j] = found[j, i] = both / (area[i] + area[j] - both)
        return found

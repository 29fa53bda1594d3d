"""What every algorithm for masks shares: a look at each image, then a decision for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import aligned, instance
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.masks.answers import MaskAnswers, MaskSource
from surelabel.consolidation.masks.drawing import Bytes, Tally, draw
from surelabel.consolidation.masks.patterns import Patterns, coded
from surelabel.consolidation.masks.quality import Quality
from surelabel.consolidation.masks.result import MaskAnnotators, MaskResult
from surelabel.consolidation.masks.study import Study, as_known, majority_borders
from surelabel.consolidation.masks.tiles import followed, tiles
from surelabel.consolidation.masks.voting import Voting
from surelabel.consolidation.result import Floats

# Where a label or a confidence is drawn: (item, "label" or "confidence", shape, dtype) to array.
Canvas = Callable[[int, str, tuple[int, int], Any], NDArray[Any]]

# Codes of images that are kept between the two passes, at most; beyond it they are read again.
_KEPT_BYTES = 1 << 26
# From here on compiling the loops pays: pixels of all images.
_MANY_PIXELS = 1 << 24


@dataclass
class Segmentation(Fitted, ABC):
    """An algorithm for masks: every pixel has one of K classes, 0 is the background.

    ``tile``: edge of the windows in pixels that larger images are worked through by, with the
    same result as in one piece. ``pixel_confidence``: whether to keep one per pixel.
    """

    tile: int = 2048
    pixel_confidence: bool = True
    result_: MaskResult = field(init=False, repr=False, compare=False)

    # Whether ``Study.border`` is needed.
    _needs_border = False

    @abstractmethod
    def _judge(
        self,
        study: Study,
        known: MaskAnnotators | None,
        judged: MaskAnnotators | None,
        trust: Floats,
    ) -> Voting:
        """How this image is decided.

        ``known``: what was known of all annotators before, by their codes; ``judged``: what gold
        shows of them; ``trust``: of this image's, from ``_trusted``.
        """

    def _trusted(
        self,
        studies: list[Study],
        n_annotators: int,
        known: MaskAnnotators | None,
        judged: MaskAnnotators | None,
    ) -> list[Floats]:
        """For each image how far its annotators can be trusted, from what is known of them."""
        return [np.ones(len(study.annotator)) for study in studies]

    def fit(
        self,
        answers: MaskAnswers,
        *,
        frozen_annotators: MaskAnnotators | None = None,
        gold: Mapping[int, MaskSource] = MappingProxyType({}),
        judged_annotators: MaskAnnotators | None = None,
        canvas: Canvas | None = None,
    ) -> Self:
        """Consolidate the masks of every item; the result is in ``result_``.

        ``frozen_annotators``: what is known of the annotators (aligned with the codes); nothing is
        then learned over items. ``gold``: the masks of items where they are known, by item; they
        stand with a confidence of 1, and annotators are judged by them. ``judged_annotators``: what
        gold items of another fit showed of them, taken for gold where there is none here: the
        images of a large job do not fit into one. ``canvas``: gives the array to draw in, a memory
        map say, for (item, "label" or "confidence", (height, width), dtype); without it arrays are
        made. ValueError for a canvas of another shape, a tile below 1 pixel, masks whose pixels are
        no classes, and annotators that are not aligned.
        """
        self.check_parameters()
        known = frozen_annotators
        for given in (known, judged_annotators):
            if given is not None:
                instance("frozen_annotators", given, MaskAnnotators)
                aligned(len(given.n_answers), answers.n_annotators)
        told = answers.with_gold(gold)
        fast = _pixels(told) >= _MANY_PIXELS
        studies = self._studies(told, fast=fast)
        quality = Quality(answers.n_annotators)
        label: list[NDArray[Any] | None] = [None] * answers.n_items
        confidence: list[Bytes | None] = [None] * answers.n_items
        decided: dict[int, tuple[Voting, Tally]] = {}
        iou = np.full(len(answers.item), np.nan)

        def decide(study: Study, voting: Voting) -> None:
            kind = np.uint8 if answers.n_classes <= 256 else np.uint16
            drawn = _array(canvas, study, "label", kind)
            sure = _array(canvas, study, "confidence", np.uint8) if self.pixel_confidence else None
            tally = draw(
                told, study.rows, voting, self.tile, drawn, sure, ready=study.ready, fast=fast
            )
            if study.is_known:
                tally.make_sure()
                if sure is not None:
                    sure[...] = 255
            label[study.item], confidence[study.item] = drawn, sure
            near = quality.add(study.annotator[: study.n_people], voting, tally)
            iou[answers.rows_of(study.item)] = near
            decided[study.item] = voting, tally

        # Gold first: it tells whom to believe in all other images.
        for study in studies:
            if study.is_known:
                decide(study, as_known(study))
        judged = quality.annotators() if gold else judged_annotators
        open_ = [study for study in studies if not study.is_known]
        trusted = self._trusted(open_, answers.n_annotators, known, judged)
        for study, trust in zip(open_, trusted, strict=True):
            decide(study, self._judge(study, known, judged, trust))
        self.result_ = _result(answers, label, confidence, studies, decided, iou, quality)
        return self

    def fit_predict(
        self,
        answers: MaskAnswers,
        *,
        frozen_annotators: MaskAnnotators | None = None,
        gold: Mapping[int, MaskSource] = MappingProxyType({}),
        judged_annotators: MaskAnnotators | None = None,
        canvas: Canvas | None = None,
    ) -> MaskResult:
        """``fit``, and its result."""
        return self.fit(
            answers,
            frozen_annotators=frozen_annotators,
            gold=gold,
            judged_annotators=judged_annotators,
            canvas=canvas,
        ).result_

    @property
    def labels_(self) -> tuple[NDArray[Any] | None, ...]:
        """(height, width) for each item: the class of each pixel; None where nobody answered."""
        return self.result_.label

    @property
    def confidence_(self) -> Floats:
        """(n_items,): see ``MaskResult``."""
        return self.result_.confidence

    @property
    def annotators_(self) -> MaskAnnotators:
        """How each annotator draws."""
        return self.result_.annotators

    def _studies(self, answers: MaskAnswers, *, fast: bool) -> list[Study]:
        """A look at every image that somebody answered."""
        left = _KEPT_BYTES
        found = []
        for item in np.unique(answers.item).tolist():
            study = self._study(answers, item, fast=fast)
            if study.ready is not None:
                left -= study.ready.code.nbytes
                if left < 0:
                    study = Study(**{**vars(study), "ready": None})
            found.append(study)
        return found

    def _study(self, answers: MaskAnswers, item: int, *, fast: bool) -> Study:
        rows = answers.rows_of(item)
        shape = answers.mask[rows.start].shape
        size = (int(shape[0]), int(shape[1]))
        parts: list[Patterns] = []
        border = 0
        whole = None
        for tile in tiles(size, self.tile):
            window = followed(tile, size) if self._needs_border else tile
            piece = coded(answers.window(rows, window), answers.n_classes, fast=fast)
            height, width = (side.stop - side.start for side in tile)
            found = piece.cut((slice(0, height), slice(0, width))).patterns
            here = found.count > 0
            parts.append(Patterns(found.votes[here], found.count[here]))
            if self._needs_border:
                border += majority_borders(piece, tile)
            if window == (slice(0, size[0]), slice(0, size[1])):
                whole = piece
        who = answers.annotator[rows]
        is_known = answers.oracle is not None and int(who[-1]) == answers.oracle
        return Study(item, rows, who, size, Patterns.merged(parts), border, whole, is_known)


def _pixels(answers: MaskAnswers) -> int:
    _, first = np.unique(answers.item, return_index=True)
    shapes = (answers.mask[row].shape for row in first)
    return sum(shape[0] * shape[1] for shape in shapes)


def _array(canvas: Canvas | None, study: Study, what: str, kind: Any) -> NDArray[Any]:
    if canvas is None:
        return np.empty(study.shape, kind)
    array = canvas(study.item, what, study.shape, kind)
    if tuple(array.shape) != study.shape or array.dtype != kind:
        raise ValueError(
            f"canvas must give an array of shape {study.shape} and {np.dtype(kind)} for the {what} "
            f"of item {study.item}; got {tuple(array.shape)} and {array.dtype}."
        )
    return array


def _result(
    answers: MaskAnswers,
    label: list[NDArray[Any] | None],
    confidence: list[Bytes | None],
    studies: list[Study],
    decided: Mapping[int, tuple[Voting, Tally]],
    iou: Floats,
    quality: Quality,
) -> MaskResult:
    sure = np.full(answers.n_items, np.nan)
    regions: list[tuple[int, int, int, float, int]] = []
    for study in studies:
        voting, tally = decided[study.item]
        pixels = tally.pixels
        if tally.disputed:
            sure[study.item] = tally.disputed_certainty / tally.disputed / 255
        else:
            sure[study.item] = tally.certainty.sum() / pixels.sum() / 255
        right = np.diagonal(tally.confusion, axis1=1, axis2=2)[: study.n_people]
        support = (right > 0).sum(axis=0)
        for k in np.flatnonzero(pixels):
            mean = tally.certainty[k] / pixels[k] / 255
            regions.append((study.item, voting.classes[k], pixels[k], mean, support[k]))
    columns = list(zip(*regions, strict=True)) or [()] * 5
    item, class_, size, mean_, backed = (np.array(column) for column in columns)
    return MaskResult(
        label=tuple(label),
        confidence_byte=tuple(confidence),
        confidence=sure,
        n_answers=np.bincount(answers.item, minlength=answers.n_items),
        iou=iou,
        region_item=item.astype(np.int64),
        region_class=class_.astype(np.int64),
        region_pixels=size.astype(np.int64),
        region_confidence=mean_.astype(float),
        region_support=backed.astype(np.int64),
        annotators=quality.annotators(),
        n_iter=max((voting.n_iter for voting, _ in decided.values()), default=0),
        converged=all(voting.converged for voting, _ in decided.values()),
    )

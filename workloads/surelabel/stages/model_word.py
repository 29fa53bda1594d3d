"""What the newest model says of items whose answers it has not seen: it is one more annotator.

Never of a sample that is out: people who are asked until they agree with a machine cannot test it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.stages.context import StageContext
from surelabel.stages.sealed import sealed_lines


@dataclass(frozen=True)
class ModelWord:
    """(n,) each: a line (ascending), the class that the model takes it for, and how probably it is
    right: as often as it agreed with people on items that it had not seen and was as sure of. What
    is asked about next is what the model is least sure of, so one accuracy would trust it far too
    much there."""

    line: NDArray[np.int64]
    label: NDArray[np.int64]
    right: NDArray[np.float64]

    def where(self, mask: NDArray[np.bool_]) -> ModelWord:
        """The word on the lines that the mask picks."""
        return ModelWord(self.line[mask], self.label[mask], self.right[mask])

    def heard(
        self, lines: NDArray[np.int64], posterior: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(len(lines), n_classes): ``posterior`` of ``lines`` after the model's answer as well.

        Its mistakes fall on all other classes alike. A line that it said nothing of stays.
        """
        there = np.isin(lines, self.line)
        place = np.searchsorted(self.line, lines[there])
        label, right = self.label[place], self.right[place]
        k = posterior.shape[1]
        chance = np.tile(((1 - right) / max(k - 1, 1))[:, None], k)
        chance[np.arange(len(label)), label] = right
        found = posterior.copy()
        found[there] *= chance
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def read_model_word(
    context: StageContext, reader: ItemReader, lines: Sequence[int]
) -> ModelWord | None:
    """The model's word on ``lines``, as far as it has one; None without a model.

    Of items that people had labeled before it counts what was said without their label. A line of
    the sample that is out is not in it.
    """
    if not context.has("scores") or not context.has("outOfFold"):
        return None
    # With them come models, which other jobs do without.
    from surelabel.stages.scoring import ScoreIndex, Scores

    past, errors = _past(context)
    wanted = np.setdiff1d(np.array(lines, np.int64), sealed_lines(context))
    index = ScoreIndex.from_json(context.read("scores"))
    numbers = sorted({reader.index.shard_of(line) for line in wanted.tolist()})
    parts = [Scores.from_bytes(context.read_ref(index.shards[number])) for number in numbers]
    said = [past.where(np.isin(past.line, wanted))]
    for part in (part.where(np.isin(part.line, wanted)) for part in parts):
        right = 1 - errors(part.confidence.astype(np.float64))
        said.append(ModelWord(part.line, part.label.astype(np.int64), right))
    line = np.concatenate([each.line for each in said])
    order = np.argsort(line, kind="stable")
    return ModelWord(
        line[order],
        np.concatenate([each.label for each in said])[order],
        np.concatenate([each.right for each in said])[order],
    )


def past_word(context: StageContext) -> ModelWord:
    """The word on all items that trained the model, each by a model that was not shown it."""
    return _past(context)[0]


def _past(
    context: StageContext,
) -> tuple[ModelWord, Callable[[NDArray[np.float64]], NDArray[np.float64]]]:
    """That, and the chance that the model is wrong, by its confidence."""
    from surelabel.proposing import fit_errors
    from surelabel.stages.train import OutOfFold

    past = OutOfFold.from_bytes(context.read("outOfFold"))
    confidence = past.confidence.astype(np.float64)
    errors = fit_errors(confidence, past.predicted != past.label)
    return ModelWord(past.line, past.predicted.astype(np.int64), 1 - errors(confidence)), errors

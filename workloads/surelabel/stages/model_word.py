"""What the newest model says of items that people have answered since: it is one more annotator.

Never while a sample is out: people who are asked until they agree with a machine cannot test it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.stages.context import StageContext


@dataclass(frozen=True)
class ModelWord:
    """(n,) each: a line (ascending), the class that the model takes it for, and how probably it is
    right: as often as it agreed with people on items that it had not seen and was as sure of. What
    is asked about next is what the model is least sure of, so one accuracy would trust it far too
    much there."""

    line: NDArray[np.int64]
    label: NDArray[np.int64]
    right: NDArray[np.float64]

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
    """The model's word on ``lines``; None without a model, or with a sample among them."""
    needed = context.has("scores") and context.has("outOfFold")
    if not needed or context.has("proposal") or not lines:
        return None
    # With them come models, which other jobs do without.
    from surelabel.proposing import fit_errors
    from surelabel.stages.scoring import ScoreIndex, Scores
    from surelabel.stages.train import OutOfFold

    past = OutOfFold.from_bytes(context.read("outOfFold"))
    index = ScoreIndex.from_json(context.read("scores"))
    wanted = np.unique(np.array(lines, np.int64))
    numbers = sorted({reader.index.shard_of(line) for line in wanted.tolist()})
    parts = [Scores.from_bytes(context.read_ref(index.shards[number])) for number in numbers]
    said = [part.where(np.isin(part.line, wanted)) for part in parts]
    errors = fit_errors(past.confidence.astype(np.float64), past.predicted != past.label)
    confidence = np.concatenate([part.confidence for part in said]).astype(np.float64)
    return ModelWord(
        np.concatenate([part.line for part in said]),
        np.concatenate([part.label for part in said]).astype(np.int64),
        1 - errors(confidence),
    )

"""A sample's labels by people, and where the proposing model's differ from them.

Nothing is learned from the sample's answers: annotators are as they were judged before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import CodedAnswers
from surelabel.consolidation import AnnotatorParameters
from surelabel.items import ItemReader
from surelabel.label_values import LabelValue
from surelabel.stages.answer_contents import AnswerContents
from surelabel.stages.consensus import Consensus, reference_labels
from surelabel.stages.context import StageContext, StateCorruptedError
from surelabel.stages.sealed_values import SealedValues, newest, sealed_values, wrong_lines
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.stages import ObjectRef

if TYPE_CHECKING:
    from surelabel.ledger import Region, StoredProposal


@dataclass(frozen=True)
class Answered:
    """The answers of the round with the sample, and by reference those of each round before it,
    oldest first."""

    answers: CodedAnswers
    contents: AnswerContents
    earlier: Sequence[ObjectRef]


@dataclass(frozen=True)
class JudgedSample:
    """The labels of a sample by people, and ``wrong``: the lines where the model's are errors.

    ``values``: the labels where they are no classes.
    """

    reference: Consensus
    wrong: list[int]
    values: SealedValues | None = None

    def stored(self, context: StageContext) -> dict[int, LabelValue]:
        """By line the labels that are no classes, as files have them."""
        task = TASK_TYPES[context.config.task_type]
        if self.values is None or not isinstance(task, ValueTask):
            return {}
        return self.values.stored(context, task)


def judge_sample(
    context: StageContext,
    reader: ItemReader,
    stored: StoredProposal,
    region: Region,
    sample: NDArray[np.int64],
    given: Answered,
) -> JudgedSample:
    """The sample (lines, ascending) against what the model said of its ``region``.

    No usable reference label is none of the model's: it counts as an error.
    """
    task = TASK_TYPES[context.config.task_type]
    if not isinstance(task, ValueTask):
        reference = sealed_reference(context, stored, given.answers, sample)
        wrong = sample[reference.label != region.labels_of(sample)]
        return JudgedSample(reference, wrong.tolist())
    if stored.guesses is None:
        raise StateCorruptedError(f"the proposal of {stored.step} names no guesses.")
    before = newest(context, given.earlier, task.remembers, sample.tolist())
    values = sealed_values(context, reader, task, given.answers, given.contents, sample, before)
    return JudgedSample(
        values.consensus, wrong_lines(context, task, values, stored.guesses), values
    )


def sealed_reference(
    context: StageContext, stored: StoredProposal, answers: CodedAnswers, sample: NDArray[np.int64]
) -> Consensus:
    """The sample's labels by people where they are classes."""
    annotators: AnnotatorParameters | None = None
    if stored.annotators is not None:
        annotators = AnnotatorParameters.from_json(context.read_ref(stored.annotators))
    return reference_labels(context.config, answers, sample, annotators)

"""A sample's reference labels by people, sealed, and what the proposing model got wrong in it."""

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
    from surelabel.account import Proposal
    from surelabel.ledger import Region, StoredProposal


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
    proposal: Proposal,
    region: Region,
    answers: CodedAnswers,
    contents: AnswerContents,
    earlier: Sequence[ObjectRef],
) -> JudgedSample:
    """The sample against what the model said; ``earlier``: answers of each round before it.

    An item without a usable answer has no reference label, and counts as an error.
    """
    sample = np.array(proposal.sample, np.int64)
    task = TASK_TYPES[context.config.task_type]
    if not isinstance(task, ValueTask):
        reference = sealed_reference(context, stored, answers, sample)
        wrong = sample[reference.label != region.labels_of(sample)]
        return JudgedSample(reference, wrong.tolist())
    if stored.guesses is None:
        raise StateCorruptedError(f"the proposal of {stored.step} names no guesses.")
    before = newest(context, earlier, task.remembers, sample.tolist())
    values = sealed_values(context, reader, task, answers, contents, sample, before)
    return JudgedSample(
        values.consensus, wrong_lines(context, task, values, stored.guesses), values
    )


def sealed_reference(
    context: StageContext, stored: StoredProposal, answers: CodedAnswers, sample: NDArray[np.int64]
) -> Consensus:
    """The sample's labels by people, with the annotators as they were judged before it."""
    annotators: AnnotatorParameters | None = None
    if stored.annotators is not None:
        annotators = AnnotatorParameters.from_json(context.read_ref(stored.annotators))
    return reference_labels(context.config, answers, sample, annotators)

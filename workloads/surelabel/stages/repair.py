"""People's labels of earlier rounds that the model contradicts, and who is asked about them again.

The model says its word out of sample: it was scored without the label that it contradicts. Two
people who have not seen the item answer it with the next batch, as blind to the model as ever, and
all its answers together make the label anew.

Refuses labels of a decided sample, which are frozen: people who are asked again wherever they
disagree with a machine would lean towards the machine that they test. Refuses labels of machines:
to look at those again is a matter of the account.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import CodedAnswers, merge
from surelabel.labels import Kind, LabelState, Role
from surelabel.stages.consensus import gain_beside_a_model
from surelabel.stages.context import StageContext
from surelabel.stages.model_word import past_word
from surelabel.stages.passes import LEAST_GAIN, MoreAnswers, Wanted, next_pass
from surelabel.stages.stored import read_answer_index
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask

# From here on a model contradicts: where it is as sure, it agrees with people more often than not.
CONFIDENT = 0.5
# One who agrees with the model would leave a single earlier answer in a draw.
_AT_A_TIME = 2


def choose_repairs(context: StageContext, state: LabelState, most: int) -> list[MoreAnswers]:
    """The items to ask about again, those first where two more answers are worth most.

    ``most``: answers that they may take together. An item gets at most two more people than
    ``annotatorsPerItem``, or ``maxAnnotatorsPerItem`` where that is more; one whom nobody of the
    team is left for is not asked about.
    """
    config = context.config
    if config.simulated is None or most <= 0 or not context.has("outOfFold"):
        return []
    if isinstance(TASK_TYPES[config.task_type], ValueTask):
        # Such a label is made of one round's answers, and no class that a model could deny.
        return []
    word = past_word(context)
    word = word.where(np.isin(word.line, repairable(state)))
    answers = answers_before(context, word.line)
    gain = gain_beside_a_model(config, answers, word, state.label)
    denied = (word.label != state.label[word.line]) & (word.right >= CONFIDENT)
    lines = [line for line in word.line[denied].tolist() if line in gain]
    found = next_pass(
        answers,
        sorted(lines, key=lambda line: (-gain[line], line)),
        max(config.max_annotators_per_item, config.annotators_per_item + _AT_A_TIME),
        [person.name for person in config.simulated.annotators],
        Wanted(gain, LEAST_GAIN, _AT_A_TIME),
    )
    spent = np.cumsum([entry.annotators for entry in found], dtype=np.int64)
    return found[: int(np.searchsorted(spent, most, side="right"))]


def repairable(state: LabelState) -> NDArray[np.int64]:
    """Lines whose label people gave and may change, ascending."""
    free = (state.kind == Kind.HUMAN) & (state.attempt == 0) & (state.role != Role.SAMPLE)
    return np.flatnonzero(free)


def asked_again(state: LabelState, lines: Sequence[int]) -> NDArray[np.int64]:
    """Those of a round's lines whose label people had given before it, ascending."""
    return np.intersect1d(np.array(lines, np.int64), repairable(state))


def answers_before(context: StageContext, lines: NDArray[np.int64]) -> CodedAnswers:
    """What people said of these lines in the rounds that are finished."""
    if not len(lines):
        return CodedAnswers.empty()
    found = []
    for ref in read_answer_index(context).coded:
        part = CodedAnswers.from_bytes(context.read_ref(ref))
        found.append(part.where(np.isin(part.line, lines)))
    return merge(found)

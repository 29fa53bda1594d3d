"""The sample's labels by people where labels are no classes, and where a model differs from them.

Each item is labeled by its own answers alone and by what answers of earlier rounds say of the same
people, so a label depends neither on the draw nor on what the model said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import CodedAnswers, merge
from surelabel.items import ItemReader
from surelabel.label_values import LabelValue, LabelValues, value_lines
from surelabel.labels import ValueFile
from surelabel.stages.answer_contents import AnswerContents
from surelabel.stages.consensus import Consensus, method_of
from surelabel.stages.context import StageContext
from surelabel.stages.stored_labels import stored_label, value_of
from surelabel.stages.value_consensus import coded_values
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.valued import ValueTask
from surelabel_contract.stages import ObjectRef, StageConfig

if TYPE_CHECKING:
    from surelabel.stages.scoring import ScoreIndex


@dataclass(frozen=True)
class SealedValues:
    """``consensus``: of every line of the sample, ascending; ``label``: of those with usable
    answers, by line."""

    consensus: Consensus
    label: Mapping[int, Consolidated[Any]]

    def stored(self, context: StageContext, task: ValueTask[Any]) -> dict[int, LabelValue]:
        """The labels as files have them, by line."""
        return {
            line: stored_label(context, line, label, task) for line, label in self.label.items()
        }


def sealed_values(
    context: StageContext,
    reader: ItemReader,
    task: ValueTask[Any],
    answers: CodedAnswers,
    contents: AnswerContents,
    sample: NDArray[np.int64],
    earlier: Sequence[CodedAnswers],
) -> SealedValues:
    """The labels of the sample's lines (ascending).

    ``earlier``: answers of the rounds before the sample, see ``newest``.
    """
    own = answers.where(np.isin(answers.line, sample)).usable
    all_ = merge([*earlier, own]).usable
    line, item = np.unique(all_.line, return_inverse=True)
    coded = coded_values(context, reader, task, all_, contents, item)
    in_sample = np.isin(line, sample)
    known = _annotators(context, task, coded.of_items((~in_sample).tolist()))
    label: dict[int, Consolidated[Any]] = {}
    with method_of(context.config):
        for place, rows in coded.by_item():
            if not in_sample[place]:
                continue
            alone = coded.alone(place, rows, known)
            ((_, found),) = task.consolidate(alone, context.config.consolidation_method)
            label[int(line[place])] = found
    count = dict(zip(line.tolist(), np.bincount(item, minlength=len(line)).tolist(), strict=True))
    usable = [each in label for each in sample.tolist()]
    consensus = Consensus(
        sample,
        np.where(usable, 0, -1),
        np.array([label[each].confidence if each in label else 0.0 for each in sample.tolist()]),
        np.array([count.get(each, 0) for each in sample.tolist()], np.int64),
        None,
    )
    return SealedValues(consensus, label)


def _annotators(context: StageContext, task: ValueTask[Any], earlier: Any) -> Any:
    """What the fit of earlier answers says of everybody; None without any."""
    if not len(earlier.item):
        return None
    with method_of(context.config):
        # Until the last label has come, the fit is not over.
        for _ in task.consolidate(earlier, context.config.consolidation_method):
            pass
    return earlier.fit.annotators[-1] if earlier.fit.annotators else None


def wrong_lines(
    context: StageContext,
    task: ValueTask[Any],
    sealed: SealedValues,
    guesses: ObjectRef,
) -> list[int]:
    """Lines of the sample where the model's guess is an error, or people gave no usable answer."""
    # Read as it was committed: what stands in the store now could be another one.
    committed = LabelValues.of_bytes(context.read_ref(guesses))
    tolerance = tolerance_of(context.config)
    wrong: list[int] = []
    for line in sealed.consensus.line.tolist():
        label = sealed.label.get(line)
        guess = value_of(context, committed[line], task)
        if label is None or task.disagreement(guess, label.value) > tolerance:
            wrong.append(line)
    return wrong


def tolerance_of(config: StageConfig) -> float:
    """How far a machine's label may disagree with people's and be no error; 0: not at all."""
    promise = config.auto_labeling
    permille = 0 if promise is None else promise.tolerance_permille or 0
    return permille / 1000


def write_guesses(context: StageContext, index: ScoreIndex, lines: NDArray[np.int64]) -> ObjectRef:
    """The model's labels of a region's lines (ascending), in one file."""
    wanted = frozenset(lines.tolist())

    def parts() -> Iterator[bytes]:
        for shard in index.guesses or ():
            guesses = LabelValues.of_bytes(context.read_ref(shard))
            yield value_lines(guess for line, guess in guesses.items() if line in wanted)

    key = context.keys.output(context.config.step, "guesses.jsonl")
    return context.write_stream(key, parts(), role="guesses")


def guess_file(guesses: ObjectRef, lines: NDArray[np.int64]) -> ValueFile:
    """The file of a region's guesses as the labels of ``lines`` (ascending, not empty)."""
    return ValueFile(first_line=int(lines[0]), last_line=int(lines[-1]), file=guesses)


def newest(
    context: StageContext, coded: Sequence[ObjectRef], most: int, without: Sequence[int]
) -> list[CodedAnswers]:
    """About ``most`` answers of earlier rounds, the newest round first, whole items each.

    ``coded``: of each round, oldest first; ``without``: lines whose answers are left out.
    """
    found: list[CodedAnswers] = []
    for ref in reversed(coded):
        if most <= 0:
            break
        part = CodedAnswers.from_bytes(context.read_ref(ref))
        part = part.where(~np.isin(part.line, without))
        if len(part.line) > most:
            part = part.where(part.line <= np.sort(part.line)[most - 1])
        most -= len(part.line)
        found.append(part)
    return found

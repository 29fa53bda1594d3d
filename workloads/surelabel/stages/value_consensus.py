"""From a round's answers to its labels where these are no classes.

A round's items are labeled once, by its own answers and what the newest answers of earlier rounds
say of the same people; to work through all of them again each round would cost as much as all
rounds together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.answers import CodedAnswers, merge
from surelabel.items import ItemReader
from surelabel.label_values import LabelValue, value_lines
from surelabel.labels import ValueFile
from surelabel.stages.answer_contents import AnswerContents
from surelabel.stages.consensus import Consensus, method_of
from surelabel.stages.context import StageContext
from surelabel.stages.passes import (
    LEAST_GAIN,
    Wanted,
    doubt_of,
    wanted_by_doubt,
    wanted_by_votes,
)
from surelabel.stages.sources import item_texts
from surelabel.stages.stored_labels import job_classes, stored_label
from surelabel.tasks.chosen import ChoiceTask
from surelabel.tasks.valued import (
    OnDemand,
    ValueAnswers,
    ValueTask,
)
from surelabel.value_agreement import AnnotatorAgreement
from surelabel.value_gain import gain_by_item
from surelabel_contract.model import canonical_json
from surelabel_contract.stages import StageConfig

# Answers whose images are fetched at once.
_TOGETHER = 64


@dataclass(frozen=True)
class ValueConsensus:
    """Labels of the round's items with usable answers, and the file that has them.

    ``values``: what the file has. ``annotators``: JSON for the report, how far each agrees with
    the labels.
    """

    consensus: Consensus
    file: ValueFile | None
    annotators: bytes
    values: tuple[LabelValue, ...] = ()


def consolidate_values(
    context: StageContext,
    reader: ItemReader,
    task: ValueTask[Any],
    answers: CodedAnswers,
    contents: AnswerContents,
    earlier: Sequence[CodedAnswers] = (),
    sealed: Mapping[int, LabelValue] = MappingProxyType({}),
) -> ValueConsensus:
    """The labels of all items in ``answers``; writes their file.

    ``earlier``: answers to other items, which only help to judge the annotators. ``sealed``: by
    line, labels that are decided and stand.
    """
    usable = merge([*earlier, answers]).usable
    line, item = np.unique(usable.line, return_inverse=True)
    is_new = np.isin(line, answers.line)
    found = coded_values(context, reader, task, usable, contents, item)
    confidence = np.zeros(len(line))
    agreement = AnnotatorAgreement(task, found)
    values: list[LabelValue] = []
    # One by one: the masks of a whole round do not fit into memory.
    with method_of(context.config):
        for code, label in task.consolidate(found, context.config.consolidation_method):
            agreement.add(code, label)
            if not is_new[code]:
                continue
            confidence[code] = label.confidence
            number = int(line[code])
            values.append(sealed.get(number) or stored_label(context, number, label, task))
    n_answers = np.bincount(item, minlength=len(line))[is_new]
    line = line[is_new].astype(np.int64)
    consensus = Consensus(line, np.zeros_like(line), confidence[is_new], n_answers, None)
    file = _write(context, values) if values else None
    people = _people(agreement, usable.annotators)
    return ValueConsensus(consensus, file, people, tuple(values))


def wanted_of_values(
    config: StageConfig, task: ValueTask[Any], answers: CodedAnswers, contents: AnswerContents
) -> Wanted:
    """Which labels two more answers are expected to bring nearer to the truth, or, where they are
    choices, which are too doubtful.

    One answer alone is enough where nobody asked for a second one.
    """
    usable = answers.usable
    if isinstance(task, ChoiceTask):
        return _wanted_of_choices(config, task, usable, contents)
    rows: dict[int, list[int]] = {}
    for row, line in enumerate(usable.line.tolist()):
        rows.setdefault(line, []).append(row)
    values = _decoded([usable.contents[code] for code in usable.label.tolist()], contents)
    one_is_enough = config.annotators_per_item == 1
    gain = gain_by_item(task, values, rows, one_is_enough=one_is_enough)
    return Wanted(gain, LEAST_GAIN, 2)


def _wanted_of_choices(
    config: StageConfig, task: ChoiceTask[Any], usable: CodedAnswers, contents: AnswerContents
) -> Wanted:
    """As ``wanted_of_classes``: by who said it, not only by how many did."""
    if not len(usable.line):
        return wanted_by_votes(usable)
    line, item = np.unique(usable.line, return_inverse=True)
    answers = ValueAnswers(
        item=tuple(item.tolist()),
        annotator=tuple(usable.annotator.tolist()),
        value=_decoded([usable.contents[code] for code in usable.label.tolist()], contents),
        n_annotators=len(usable.annotators),
        sources=(None,) * len(line),
        classes=job_classes(config),
    )
    with method_of(config):
        result = task.fitted(answers, config.consolidation_method)
    one_is_enough = config.annotators_per_item == 1
    doubt = doubt_of(result.posterior, result.n_answers, one_is_enough=one_is_enough)
    return wanted_by_doubt(line, doubt)


def coded_values(
    context: StageContext,
    reader: ItemReader,
    task: ValueTask[Any],
    usable: CodedAnswers,
    contents: AnswerContents,
    item: NDArray[np.int64],
) -> ValueAnswers[Any]:
    """The answers for ``ValueTask.consolidate``; ``item``: of each, by its line's place."""
    codes = usable.label.tolist()
    lines = np.unique(usable.line).tolist()
    texts = item_texts(context, reader.items(lines)) if task.wants_texts else {}
    return ValueAnswers(
        item=tuple(item.tolist()),
        annotator=tuple(usable.annotator.tolist()),
        value=_decoded([usable.contents[code] for code in codes], contents),
        n_annotators=len(usable.annotators),
        sources=tuple(texts.get(line) for line in lines),
        classes=job_classes(context.config),
    )


def _write(context: StageContext, values: list[LabelValue]) -> ValueFile:
    file = context.write("values.jsonl", value_lines(values), role="values")
    return ValueFile(first_line=values[0].line, last_line=values[-1].line, file=file)


def _people(agreement: AnnotatorAgreement, names: tuple[str, ...]) -> bytes:
    """For the report, as ``AnnotatorParameters`` tells of people."""
    rows = [
        {"name": name, "answers": count, "agreement": None if mean is None else round(mean, 6)}
        for name, (count, mean) in zip(names, agreement.means(), strict=True)
    ]
    return canonical_json({"schemaVersion": 1, "annotators": rows})


def _decoded(coded: list[bytes], contents: AnswerContents) -> OnDemand[Any]:
    """Decoded each time: all masks of a round do not fit into memory."""

    def value_at(position: int) -> Any:
        # They are mostly asked for in their order.
        if position % _TOGETHER == 0:
            contents.look_ahead_coded(coded[position : position + _TOGETHER])
        return contents.value(coded[position])

    return OnDemand(len(coded), value_at)

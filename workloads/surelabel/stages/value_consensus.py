"""From a round's answers to its labels where these are no classes.

A round's items are labeled once, by its own answers and what the newest answers of earlier rounds
say of the same people; to work through all of them again each round would cost as much as all
rounds together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

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
from surelabel.tasks.chosen import ChoiceTask
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Label
from surelabel.tasks.valued import (
    Consolidated,
    OnDemand,
    ValueAnswers,
    ValueTask,
    classes_of,
)
from surelabel.value_agreement import AnnotatorAgreement
from surelabel.value_gain import gain_by_item
from surelabel_contract.keys import label_file
from surelabel_contract.model import canonical_json, sha256_hex
from surelabel_contract.stages import StageConfig

# Answers whose images are fetched at once.
_TOGETHER = 64


@dataclass(frozen=True)
class ValueConsensus:
    """Labels of the round's items with usable answers, and the file that has them.

    ``annotators``: JSON for the report, how far each agrees with the labels.
    """

    consensus: Consensus
    file: ValueFile | None
    annotators: bytes


def consolidate_values(
    context: StageContext,
    reader: ItemReader,
    task: ValueTask[Any],
    answers: CodedAnswers,
    contents: AnswerContents,
    earlier: Sequence[CodedAnswers] = (),
) -> ValueConsensus:
    """The labels of all items in ``answers``; writes their file.

    ``earlier``: answers to other items, which only help to judge the annotators.
    """
    usable = merge([*earlier, answers]).usable
    line, item = np.unique(usable.line, return_inverse=True)
    is_new = np.isin(line, answers.line)
    found = _coded(context, reader, task, usable, contents, item)
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
            values.append(_stored(context, int(line[code]), label, task, found.classes))
    n_answers = np.bincount(item, minlength=len(line))[is_new]
    line = line[is_new].astype(np.int64)
    consensus = Consensus(line, np.zeros_like(line), confidence[is_new], n_answers, None)
    file = _write(context, values) if values else None
    return ValueConsensus(consensus, file, _people(agreement, usable.annotators))


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
        classes=classes_of(tuple(label.name for label in config.labels)),
    )
    with method_of(config):
        result = task.fitted(answers, config.consolidation_method)
    one_is_enough = config.annotators_per_item == 1
    doubt = doubt_of(result.posterior, result.n_answers, one_is_enough=one_is_enough)
    return wanted_by_doubt(line, doubt)


def _coded(
    context: StageContext,
    reader: ItemReader,
    task: ValueTask[Any],
    usable: CodedAnswers,
    contents: AnswerContents,
    item: Any,
) -> ValueAnswers[Any]:
    labels = tuple(label.name for label in context.config.labels)
    codes = usable.label.tolist()
    lines = np.unique(usable.line).tolist()
    texts = item_texts(context, reader.items(lines)) if task.wants_texts else {}
    return ValueAnswers(
        item=tuple(item.tolist()),
        annotator=tuple(usable.annotator.tolist()),
        value=_decoded([usable.contents[code] for code in codes], contents),
        n_annotators=len(usable.annotators),
        sources=tuple(texts.get(line) for line in lines),
        classes=classes_of(labels),
    )


def _write(context: StageContext, values: list[LabelValue]) -> ValueFile:
    file = context.write("values.jsonl", value_lines(values), role="values")
    return ValueFile(first_line=values[0].line, last_line=values[-1].line, file=file)


def _stored(
    context: StageContext,
    line: int,
    label: Consolidated[Any],
    task: ValueTask[Any],
    classes: Classes,
) -> LabelValue:
    def write(ending: str, data: bytes) -> str:
        # Before the label that refers to it, and never changed.
        ref = context.create(label_file(line, sha256_hex(data), ending), data)
        return context.folder.uri_of(ref.key)

    confidences = tuple(round(each, 4) for each in label.confidences)
    value = task.stored(label.value, classes, write)
    written, metadata = task.format.write_label(Label(value, confidences), classes)
    return LabelValue(
        line, msgspec.Raw(canonical_json(written)), msgspec.Raw(canonical_json(metadata))
    )


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

"""Reads of what earlier steps left, by role."""

from __future__ import annotations

from surelabel.answers import AnswerIndex
from surelabel.items import ItemIndex, ItemReader
from surelabel.labels import LabelFiles, LabelState, append_labels, read_labels
from surelabel.stages.context import StageContext
from surelabel_contract.stages import ObjectRef


def read_items(context: StageContext) -> ItemReader:
    """The job's items."""
    return ItemReader(context.folder, ItemIndex.from_json(context.read("index")))


def read_label_files(context: StageContext) -> LabelFiles:
    """The list of label deltas so far."""
    return LabelFiles.from_json(context.read("labels"))


def read_state(context: StageContext) -> LabelState:
    """The labels so far."""
    return read_labels(context.folder, read_label_files(context))


def write_state(context: StageContext, old: LabelState, new: LabelState) -> ObjectRef:
    """Append what changed from ``old`` to ``new`` to the labels; the new list's reference."""
    files = append_labels(
        read_label_files(context), old, new, lambda data: context.write("labels.parquet", data)
    )
    return context.write("labels.json", files.to_json(), role="labels")


def read_answer_index(context: StageContext) -> AnswerIndex:
    """All answers so far; empty before the first annotate."""
    if not context.has("answers"):
        return AnswerIndex()
    return AnswerIndex.from_json(context.read("answers"))

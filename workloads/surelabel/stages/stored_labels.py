"""Labels that are no classes, between what consolidation or a model says and what files have."""

from __future__ import annotations

from typing import Any

import msgspec

from surelabel.label_values import LabelValue
from surelabel.stages.context import StageContext
from surelabel.tasks.classes import Classes
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.label_format import Label
from surelabel.tasks.valued import ValueTask, classes_of
from surelabel_contract.keys import label_file
from surelabel_contract.model import canonical_json, sha256_hex
from surelabel_contract.stages import StageConfig


def job_classes(config: StageConfig) -> Classes:
    """The classes of the job."""
    return classes_of(tuple(label.name for label in config.labels))


def stored_label(
    context: StageContext, line: int, label: Consolidated[Any], task: ValueTask[Any]
) -> LabelValue:
    """The label as a file of labels has it; what is too large for that is stored beside."""
    classes = job_classes(context.config)

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


def value_of(context: StageContext, stored: LabelValue, task: ValueTask[Any]) -> Any:
    """The value that ``stored_label`` stored, in memory."""
    label = msgspec.json.decode(stored.label)
    metadata = msgspec.json.decode(stored.metadata)
    classes = job_classes(context.config)
    value = task.format.read_label(label, metadata, classes).value
    return task.loaded(value, classes, context.storage.read)

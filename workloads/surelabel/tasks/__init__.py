"""The registry of task types: one folder and one line each."""

from __future__ import annotations

from surelabel.tasks.base import TaskType
from surelabel.tasks.image_classification.task import ImageClassification
from surelabel.tasks.text_classification.task import TextClassification

TASK_TYPES: dict[str, TaskType] = {
    task_type.name: task_type
    for task_type in (
        ImageClassification(),
        TextClassification(),
    )
}

__all__ = ["TASK_TYPES", "TaskType"]

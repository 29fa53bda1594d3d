"""The manifest check of a job, from its config."""

from __future__ import annotations

from typing import Any

from surelabel.manifest import InvalidLabelError, LineCheck
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import LabelError
from surelabel.tasks.label_adjustment.task import LabelAdjustment, read_earlier_label
from surelabel_contract.stages import StageConfig


def line_check(config: StageConfig) -> LineCheck:
    """The rules for the lines of this job's manifest."""
    labels = [label.name for label in config.labels]
    return build_line_check(
        config.task_type, labels, config.label_attribute_name, config.audit_label_attribute_name
    )


def build_line_check(
    task_type_name: str, labels: list[str], attribute: str, audited: str | None = None
) -> LineCheck:
    """The same for who has no StageConfig, such as ``surelabel validate``."""
    task_type = TASK_TYPES[task_type_name]

    def read_label(value: Any, metadata: Any) -> int:
        try:
            return task_type.read_label(value, metadata, labels)
        except LabelError as error:
            raise InvalidLabelError(str(error)) from error

    def read_audited(value: Any, metadata: Any) -> int:
        try:
            read_earlier_label(value, metadata, labels)
        except LabelError as error:
            raise InvalidLabelError(str(error)) from error
        return 0

    return LineCheck(
        attribute,
        read_label,
        takes_text=task_type.source_kind == "text",
        audited=audited,
        # A judgement may be of any label; what is corrected must be understood.
        read_audited=read_audited if isinstance(task_type, LabelAdjustment) else None,
    )

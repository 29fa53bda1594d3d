"""Labels of custom tasks: whatever the task asked for, as it is."""

from __future__ import annotations

from typing import Any

from surelabel.tasks.base import AnswerError
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field
from surelabel.tasks.label_format import CUSTOM_TYPE, Format, Label
from surelabel.tasks.values import Custom


class CustomFormat(Format[Custom]):
    """An answer is an object with any number of keys; a label is any JSON."""

    name = "Custom"
    manifest_type = CUSTOM_TYPE
    crowd_element = "crowd-form"
    needs_labels = False
    metadata_order = ("job-name", "type", "human-annotated", "creation-date")

    def parse_answer(self, content: Any, classes: Classes) -> Custom:
        """See ``LabelFormat``; a form may have several fields."""
        if not isinstance(content, dict):
            raise AnswerError(
                "MalformedAnswer", str(Field(content, "answerContent").wrong("an object"))
            )
        return Custom(content)

    def answer_content(self, value: Custom, classes: Classes) -> dict[str, Any]:
        """See ``LabelFormat``."""
        if isinstance(value.content, dict):
            return dict(value.content)
        return {self.crowd_element: value.content}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[Custom]:
        """See ``Format``."""
        return Label(Custom(value.value))

    def write(self, label: Label[Custom], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        return label.value.content, {}

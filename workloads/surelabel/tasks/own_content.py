"""What labels share whose content Ground Truth does not fix: one object, under a custom type."""

from __future__ import annotations

from typing import Any, TypeVar

from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field
from surelabel.tasks.label_format import CUSTOM_TYPE, Format, Label

V = TypeVar("V")


class OwnContentFormat(Format[V]):
    """In answers and in manifests the same object; the confidence stands in the metadata.

    Forms of plain crowd elements give the bare content under the element's name; it is read too.
    """

    manifest_type = CUSTOM_TYPE
    needs_labels = False
    metadata_order = (*("job-name", "confidence", "type", "human-annotated", "creation-date"),)
    own_keys = ("confidence",)
    # The one key of the object.
    key: str

    def take(self, content: Field) -> V:
        """The value of what stands under ``key``; FieldError."""
        raise NotImplementedError

    def give(self, value: V) -> Any:
        """What stands under ``key``."""
        raise NotImplementedError

    def parse(self, inner: Field, classes: Classes) -> V:
        """See ``Format``."""
        return self.take(inner[self.key] if isinstance(inner.value, dict) else inner)

    def answer(self, value: V, classes: Classes) -> Any:
        """See ``Format``."""
        return {self.key: self.give(value)}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[V]:
        """See ``Format``; an answer that was passed through unchanged is read as well."""
        inner = value
        if isinstance(value.value, dict) and self.key not in value:
            inner = value.only()
        confidence = metadata.get("confidence")
        confidences = () if confidence is None else (confidence.number(),)
        return Label(self.parse(inner, classes), confidences)

    def write(self, label: Label[V], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        own = {"confidence": label.confidences[0]} if label.confidences else {}
        return self.answer(label.value, classes), own

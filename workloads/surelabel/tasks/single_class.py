"""The format of labels that are one class: both classifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field
from surelabel.tasks.label_format import Format, Label, Wart, check_class_name
from surelabel.tasks.values import SingleClass


@dataclass(frozen=True)
class SingleClassFormat(Format[SingleClass]):
    """``{"label": name}`` in answers; in manifests the class number, as real jobs wrote it."""

    name: str
    manifest_type: str
    crowd_element: str
    metadata_order = (
        *("class-name", "confidence", "type", "job-name", "human-annotated", "creation-date"),
    )
    own_keys = ("class-name", "confidence")

    def parse(self, inner: Field, classes: Classes) -> SingleClass:
        """See ``Format``."""
        return SingleClass(inner["label"].class_of_name(classes))

    def answer(self, value: SingleClass, classes: Classes) -> dict[str, Any]:
        """See ``Format``."""
        return {"label": classes.names[value.label]}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[SingleClass]:
        """See ``Format``."""
        code, confidences, warts = read_class(value, metadata, classes)
        return Label(SingleClass(code), confidences, warts=warts)

    def write(self, label: Label[SingleClass], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        return write_class(label, label.value.label, classes)


def read_class(
    value: Field, metadata: Field, classes: Classes
) -> tuple[int, tuple[float, ...], frozenset[Wart]]:
    """The class code, which a class name in the metadata must agree with; confidence; spelling."""
    code = value.class_of_number(classes)
    name, confidence = metadata.get("class-name"), metadata.get("confidence")
    if name is not None:
        check_class_name(name, code, classes)
    warts = frozenset({Wart.CLASS_AS_TEXT} if isinstance(value.value, str) else ())
    return code, () if confidence is None else (confidence.number(),), warts


def write_class(label: Label[Any], code: int, classes: Classes) -> tuple[Any, dict[str, Any]]:
    """The class as a number, with its name and confidence."""
    own: dict[str, Any] = {"class-name": classes.names[code]}
    if label.confidences:
        own["confidence"] = label.confidences[0]
    return str(code) if Wart.CLASS_AS_TEXT in label.warts else code, own

"""Labels that are a set of classes: both multi-label classifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, plain
from surelabel.tasks.label_format import CLASS_MAP, Format, Label, read_class_map, write_class_map
from surelabel.tasks.values import LabelSet


@dataclass(frozen=True)
class MultiLabelFormat(Format[LabelSet]):
    """``{"labels": [names]}`` in answers, ``[numbers]`` in manifests; [] is "none of them"."""

    name: str
    manifest_type: str
    crowd_element: str
    metadata_order = (
        *("job-name", "class-map", "human-annotated", "creation-date", "confidence-map", "type"),
    )
    own_keys = ("confidence-map", *CLASS_MAP)

    def parse(self, inner: Field, classes: Classes) -> LabelSet:
        """See ``Format``; a class that stands twice counts once."""
        codes = (each.class_of_name(classes) for each in inner["labels"].each())
        return LabelSet(tuple(dict.fromkeys(codes)))

    def answer(self, value: LabelSet, classes: Classes) -> dict[str, Any]:
        """See ``Format``."""
        return {"labels": [classes.names[code] for code in value.labels]}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[LabelSet]:
        """See ``Format``."""
        codes = tuple(dict.fromkeys(each.class_of_number(classes) for each in value.each()))
        confidence = metadata.get("confidence-map")
        confidences: tuple[float, ...] = ()
        if confidence is not None and confidence.value:
            confidences = tuple(confidence[str(code)].number() for code in codes)
        return Label(LabelSet(codes), confidences, named=read_class_map(metadata, classes))

    def write(self, label: Label[LabelSet], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        codes = label.value.labels
        own: dict[str, Any] = write_class_map(label, codes, classes)
        if label.confidences:
            pairs = zip(codes, label.confidences, strict=True)
            own["confidence-map"] = {str(code): plain(each) for code, each in pairs}
        return list(codes), own


IMAGE_FORMAT = MultiLabelFormat(
    "ImageClassificationMultiLabel",
    "groundtruth/image-classification-multilabel",
    "crowd-image-classifier-multi-select",
)
TEXT_FORMAT = MultiLabelFormat(
    "TextClassificationMultiLabel",
    "groundtruth/text-classification-multilabel",
    "crowd-classifier-multi-select",
)

"""Labels that are spans of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field
from surelabel.tasks.label_format import Format, Label, read_confidences, write_confidences
from surelabel.tasks.values import Span, Spans


@dataclass(frozen=True)
class NamedEntityRecognitionFormat(Format[Spans]):
    """Entities with a class name and offsets in code points, the end exclusive.

    ``Label.named`` is the list of labels that stands beside the entities; () writes all.
    """

    name: str = "NamedEntityRecognition"
    manifest_type: str = "groundtruth/text-span"
    crowd_element: str = "crowd-entity-annotation"
    metadata_order = ("job-name", "type", "creation-date", "human-annotated", "entities")
    own_keys = ("entities",)

    def parse(self, inner: Field, classes: Classes) -> Spans:
        """See ``Format``."""
        return Spans(tuple(_span(each, classes) for each in inner["entities"].each()))

    def answer(self, value: Spans, classes: Classes) -> dict[str, Any]:
        """See ``Format``."""
        return {"entities": _entities(value, classes)}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[Spans]:
        """See ``Format``."""
        annotations = value["annotations"]
        spans = tuple(_span(each, classes) for each in annotations["entities"].each())
        listed = annotations.get("labels")
        return Label(
            Spans(spans),
            read_confidences(metadata, "entities", len(spans)),
            named=tuple(
                each["label"].class_of_name(classes)
                for each in (() if listed is None else listed.each())
            ),
        )

    def write(self, label: Label[Spans], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        labels = []
        for code in label.named or range(len(classes)):
            name = classes.names[code]
            short = classes.short_names.get(name)
            labels.append({"label": name, **({"shortDisplayName": short} if short else {})})
        annotations = {"labels": labels, "entities": _entities(label.value, classes)}
        return {"annotations": annotations}, {"entities": write_confidences(label)}


def _span(entry: Field, classes: Classes) -> Span:
    start = entry["startOffset"].whole()
    return Span(entry["label"].class_of_name(classes), start, entry["endOffset"].whole(start + 1))


def _entities(value: Spans, classes: Classes) -> list[dict[str, Any]]:
    return [
        {"label": classes.names[each.label], "startOffset": each.start, "endOffset": each.end}
        for each in value.spans
    ]

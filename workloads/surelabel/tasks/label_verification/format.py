"""Labels that judge an earlier label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field
from surelabel.tasks.label_format import Format, Label
from surelabel.tasks.single_class import read_class, write_class
from surelabel.tasks.values import Verification


@dataclass(frozen=True)
class LabelVerificationFormat(Format[Verification]):
    """A class as in classification, and the comments of all annotators, empty ones left out."""

    name: str = "LabelVerification"
    manifest_type: str = "groundtruth/label-verification"
    crowd_element: str = "crowd-image-classifier"
    metadata_order = (
        *("class-name", "confidence", "type", "job-name", "human-annotated", "creation-date"),
        "worker-feedback",
    )
    own_keys = ("class-name", "confidence", "worker-feedback")

    def parse(self, inner: Field, classes: Classes) -> Verification:
        """See ``Format``."""
        # The documentation names the field's region only, so all its spellings are read.
        comment = inner.get("comment", "workerComment", "worker-comment")
        said = "" if comment is None else comment.text()
        return Verification(inner["label"].class_of_name(classes), (said,) if said.strip() else ())

    def answer(self, value: Verification, classes: Classes) -> dict[str, Any]:
        """See ``Format``."""
        said = {"comment": "\n".join(value.comments)} if value.comments else {}
        return {"label": classes.names[value.label], **said}

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[Verification]:
        """See ``Format``."""
        code, confidences, warts = read_class(value, metadata, classes)
        feedback = metadata.get("worker-feedback")
        comments = () if feedback is None else tuple(e["comment"].text() for e in feedback.each())
        return Label(Verification(code, comments), confidences, warts=warts)

    def write(self, label: Label[Verification], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``Format``."""
        value, own = write_class(label, label.value.label, classes)
        if label.value.comments:
            own["worker-feedback"] = [{"comment": each} for each in label.value.comments]
        return value, own

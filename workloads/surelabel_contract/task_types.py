"""The task types by name, for those who must not import ``surelabel.tasks``; a test keeps the
registry and this list equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TaskTypeFacts:
    """What operator and resources need to know of a task type."""

    name: str
    # Labels are references to files, so the label attribute ends in "-ref" (Ground Truth's rule).
    needs_ref: bool = False
    # Fewer classes say nothing; 0: the job has none; None: it may have any.
    least_labels: int | None = 1
    # Models can learn it, so that autoLabeling is possible.
    has_model: bool = False
    # People look at an earlier label of the line, which the job may or must name.
    audit: Literal["None", "Optional", "Required"] = "None"

    def labels_are_refs(self, audited: str | None) -> bool:
        """Whether the label attribute ends in ``-ref``; ``audited``: key of the earlier label.

        A corrected label is what the earlier one was.
        """
        return self.needs_ref or (self.audit == "Required" and (audited or "").endswith("-ref"))


TASK_TYPE_FACTS: dict[str, TaskTypeFacts] = {
    facts.name: facts
    for facts in (
        TaskTypeFacts("ImageClassification", least_labels=2, has_model=True),
        TaskTypeFacts("TextClassification", least_labels=2, has_model=True),
        TaskTypeFacts("ImageClassificationMultiLabel"),
        TaskTypeFacts("TextClassificationMultiLabel"),
        TaskTypeFacts("BoundingBox"),
        TaskTypeFacts("Polygon"),
        TaskTypeFacts("Polyline"),
        TaskTypeFacts("Keypoint"),
        TaskTypeFacts("NamedEntityRecognition"),
        TaskTypeFacts("SemanticSegmentation", needs_ref=True),
        TaskTypeFacts("InstanceSegmentation"),
        TaskTypeFacts("PairwisePreference", least_labels=0),
        TaskTypeFacts("Ranking", least_labels=0),
        TaskTypeFacts("FreeText", least_labels=0),
        TaskTypeFacts("Rating", least_labels=0),
        TaskTypeFacts("LabelVerification", least_labels=2, audit="Optional"),
        TaskTypeFacts("LabelAdjustment", audit="Required"),
        TaskTypeFacts("Custom", least_labels=None),
    )
}

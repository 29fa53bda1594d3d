"""The task types by name, for those who must not import ``surelabel.tasks``; a test keeps the
registry and this list equal."""

from __future__ import annotations

from dataclasses import dataclass


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
        TaskTypeFacts("PairwisePreference", least_labels=0),
        TaskTypeFacts("Ranking", least_labels=0),
        TaskTypeFacts("FreeText", least_labels=0),
        TaskTypeFacts("Rating", least_labels=0),
        TaskTypeFacts("LabelVerification", least_labels=2),
        TaskTypeFacts("Custom", least_labels=None),
    )
}

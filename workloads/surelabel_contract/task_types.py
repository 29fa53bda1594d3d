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


TASK_TYPE_FACTS: dict[str, TaskTypeFacts] = {
    facts.name: facts
    for facts in (
        TaskTypeFacts("ImageClassification"),
        TaskTypeFacts("TextClassification"),
    )
}

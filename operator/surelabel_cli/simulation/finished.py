"""A job that has ended, as far as it can be lived through again: items, labels, people's answers.

Whoever said something of an item then says the same now. Its label stands as the truth, so that
others who are asked, of whom nothing is recorded, can answer too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from surelabel.tasks import TASK_TYPES
from surelabel.tasks.classes import Classes
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.valued import ValueTask
from surelabel_cli.errors import UserError
from surelabel_cli.simulation.summary import Mean, Summary

# Their labels are files, or speak of a label that was there before: neither is replayed.
_LEFT_OUT = frozenset(
    {
        "SemanticSegmentation",
        "InstanceSegmentation",
        "LabelVerification",
        "LabelAdjustment",
        "Custom",
    }
)
REPLAYED = tuple(name for name in TASK_TYPES if name not in _LEFT_OUT)
# Answers as right as people's are on the average that everybody is thought to have given besides,
# so that one answer makes nobody perfect.
_PRIOR_ANSWERS = 2


@dataclass(frozen=True)
class PastAnswer:
    """``value`` None: the person could not tell."""

    line: int
    annotator: str
    value: Any | None


@dataclass(frozen=True)
class FinishedJob:
    """``lines``: the input manifest's. ``labels``: typed values by line, those by a machine in
    ``by_machine``. ``spec``: what the job itself was told, for who brings no job file."""

    name: str
    task_type: str
    classes: Classes
    lines: tuple[bytes, ...]
    labels: Mapping[int, Any]
    by_machine: frozenset[int]
    answers: tuple[PastAnswer, ...]
    spec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def annotators(self) -> tuple[str, ...]:
        """Everybody who answered, by name."""
        return tuple(sorted({each.annotator for each in self.answers}))

    def truth(self) -> list[dict[str, Any]]:
        """A line of a truth file for each item; {} without a label."""
        task = TASK_TYPES[self.task_type]
        form = LABEL_FORMATS[self.task_type]
        found: list[dict[str, Any]] = []
        for line in range(len(self.lines)):
            value = self.labels.get(line)
            if value is None:
                found.append({})
            elif isinstance(task, ValueTask):
                found.append({"answer": form.answer_content(value, self.classes)})
            else:
                found.append({"label": self.classes.names[value.label]})
        return found

    def recorded(self) -> list[dict[str, Any]]:
        """A line of a file of recorded answers (``surelabel.stages.recorded``) for each item."""
        form = LABEL_FORMATS[self.task_type]
        found: list[dict[str, Any]] = [{"answers": []} for _ in self.lines]
        for each in sorted(self.answers, key=lambda answer: answer.annotator):
            said = None if each.value is None else form.answer_content(each.value, self.classes)
            found[each.line]["answers"].append({"annotator": each.annotator, "answerContent": said})
        return found

    def accuracies(self) -> dict[str, int]:
        """Permille by annotator: how far their answers agree with the job's labels by people.

        An upper view of them: the labels were made of these answers.
        """
        task = TASK_TYPES[self.task_type]
        right, asked = defaultdict[str, float](float), Counter[str]()
        for each in self.answers:
            label = self.labels.get(each.line)
            if label is None or each.value is None or each.line in self.by_machine:
                continue
            asked[each.annotator] += 1
            if isinstance(task, ValueTask):
                right[each.annotator] += 1 - task.disagreement(each.value, label)
            else:
                right[each.annotator] += each.value.label == label.label
        mean = sum(right.values()) / max(sum(asked.values()), 1)
        return {
            name: round(
                1000 * (right[name] + _PRIOR_ANSWERS * mean) / (asked[name] + _PRIOR_ANSWERS)
            )
            for name in self.annotators
        }

    def usual_answers(self) -> int:
        """So many answers most items have that people were asked about."""
        per_item = Counter(each.line for each in self.answers)
        return Counter(per_item.values()).most_common(1)[0][0]

    def as_it_was(self, price: Mapping[str, Any] | None) -> Summary:
        """The job's own figures, in the form of a simulated one's."""
        n, machine, n_answers = len(self.lines), len(self.by_machine), len(self.answers)
        human = len(self.labels) - machine

        def exactly(value: float) -> Mean | None:
            return Mean.of([value])

        return Summary(
            title="the job as it was",
            repetitions=1,
            human_labels=exactly(human),
            human_share=exactly(human / n),
            machine_share=exactly(machine / n),
            answers=exactly(n_answers),
            cost=None if price is None else exactly(float(price["amount"]) * n_answers),
            currency=None if price is None else price["currency"],
            wrong_by_people=None,
            wrong_in_truth=None,
            wrong_of_all=None,
            rounds=None,
            attempts=None,
            broken=None,
        )


def check_replayed(where: str, task_type: str) -> None:
    """UserError where jobs of this task type cannot be replayed."""
    if task_type not in REPLAYED:
        raise UserError(
            f"{where}: jobs of type {task_type} are not replayed, since their labels are files or "
            f"speak of earlier ones. Replayed are {', '.join(REPLAYED)}."
        )

"""What all task types share whose label is one class."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from surelabel.tasks.base import AnswerError, LabelError, Random
from surelabel.tasks.classes import Classes
from surelabel.tasks.values import SingleClass


@dataclass(frozen=True)
class Classification:
    """One class per item; subclasses add how a source becomes features."""

    name: str
    manifest_type: str
    crowd_element: str
    needs_ref: bool = False
    needs_labels: bool = True
    takes_any_source: ClassVar[bool] = False
    truth_example: ClassVar[str] = '{"label": "<name>"}'

    def choices(self, classes: Classes, named: Collection[int]) -> tuple[str, ...]:
        """See ``Choosing``."""
        return classes.names

    def code_of(self, value: SingleClass) -> int:
        """See ``Choosing``."""
        return value.label

    def parse_answer(self, content: Any, labels: Sequence[str]) -> int:
        """See ``TaskType``."""
        if not isinstance(content, dict) or len(content) != 1:
            raise AnswerError(
                "MalformedAnswer",
                f"answerContent must be an object with exactly one key; got {_shown(content)}.",
            )
        ((key, inner),) = content.items()
        if not isinstance(inner, dict) or not isinstance(inner.get("label"), str):
            raise AnswerError(
                "MalformedAnswer",
                f'answerContent[{key!r}] must be {{"label": <class name>}}; got {_shown(inner)}.',
            )
        try:
            return labels.index(inner["label"])
        except ValueError:
            raise AnswerError(
                "UnknownLabel",
                f"answerContent[{key!r}].label must be one of the job's {len(labels)} labels; "
                f"got {_shown(inner['label'])}.",
            ) from None

    def answer_content(self, class_id: int, labels: Sequence[str]) -> dict[str, Any]:
        """See ``TaskType``."""
        return {self.crowd_element: {"label": labels[class_id]}}

    def simulate(
        self,
        truth: int,
        accuracy: float,
        rng: Random,
        labels: Sequence[str],
        *,
        shown: Any = None,
    ) -> int:
        """The truth or another class; draws twice either way, so that streams stay aligned."""
        n_classes = len(labels)
        right = rng.random() < accuracy
        # Any class but the truth, each equally likely.
        other = int(rng.integers(0, max(n_classes - 1, 1)))
        if right or n_classes == 1:
            return truth
        return other + (other >= truth)

    def write_label(
        self,
        class_id: int,
        labels: Sequence[str],
        *,
        confidence: float,
        human: bool,
        job_name: str,
        creation_date: str,
        extra: Mapping[str, Any] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """See ``TaskType``. The label is an integer, as real jobs wrote it."""
        metadata = {
            "class-name": labels[class_id],
            "confidence": round(confidence, 2),
            "type": self.manifest_type,
            "job-name": f"labeling-job/{job_name}",
            "human-annotated": "yes" if human else "no",
            "creation-date": creation_date,
        }
        return class_id, metadata | dict(extra or {})

    def read_label(self, value: Any, metadata: Any, labels: Sequence[str]) -> int:
        """See ``TaskType``. A class name in the metadata must agree with the number."""
        class_id = _class_id(value, len(labels))
        name = metadata.get("class-name") if isinstance(metadata, dict) else None
        if name is not None and name != labels[class_id]:
            raise LabelError(
                f"class {class_id} is {labels[class_id]!r} in this job, but the metadata's "
                f"class-name is {_shown(name)}."
            )
        return class_id

    def read_truth(self, record: Any, labels: Sequence[str]) -> int:
        """See ``TaskType``."""
        value = record.get("label") if isinstance(record, dict) else None
        if isinstance(value, str) and value in labels:
            return labels.index(value)
        raise LabelError(
            f"'label' must be one of the job's {len(labels)} labels; got {_shown(value)}."
        )

    def loss(self, machine: int, reference: int) -> float:
        """See ``TaskType``."""
        return float(machine != reference)


def _class_id(value: Any, n_classes: int) -> int:
    number = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise LabelError(f"a class must be a whole number; got {_shown(value)}.")
    if not 0 <= number < n_classes:
        raise LabelError(f"a class must be in 0 .. {n_classes - 1}; got {_shown(value)}.")
    return number


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

"""LabelVerification: a judgement of an earlier label, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, ClassVar

from surelabel.tasks.base import LabelError, Random
from surelabel.tasks.chosen import ChoiceTask
from surelabel.tasks.fields import shown
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.label_verification.format import LabelVerificationFormat
from surelabel.tasks.people import other_class
from surelabel.tasks.valued import classes_of
from surelabel.tasks.values import Verification
from surelabel_contract.model import canonical_json


@dataclass(frozen=True)
class LabelVerification(ChoiceTask[Verification]):
    """A class such as good or bad; the label has the comments of all annotators."""

    format: LabelFormat[Verification] = field(default_factory=LabelVerificationFormat)
    takes_any_source: ClassVar[bool] = True
    marks_classes: ClassVar[bool] = True
    truth_example: ClassVar[str] = (
        '{"answer": <answerContent>} or {"earlier": <answerContent of the right earlier label>}'
    )

    def code_of(self, value: Verification) -> int:
        """See ``Choosing``; comments are never the same and do not count."""
        return value.label

    def value_from(self, code: int, said: Sequence[Verification]) -> Verification:
        """See ``ChoiceTask``."""
        return Verification(code, tuple(chain(*(each.comments for each in said))))

    def read_truth(self, record: Any, labels: Sequence[str]) -> bytes:
        """See ``TaskType``; ``earlier``, in place of ``answer``, is what the earlier label should
        be, from which the verdict follows once that label is there (see ``wanted_label``)."""
        if not isinstance(record, dict) or "earlier" not in record or "answer" in record:
            return super().read_truth(record, labels)
        wanted = record["earlier"]
        if not isinstance(wanted, dict) or len(wanted) != 1:
            raise LabelError(
                "'earlier' must be an answerContent, an object with exactly one key; got "
                f"{shown(wanted)}."
            )
        # An array, which no answerContent is.
        return canonical_json([wanted])

    def wanted_label(self, truth: bytes) -> Any:
        """The ``answerContent`` that the earlier label should be; None for a verdict itself."""
        said = json.loads(truth)
        return said[0] if isinstance(said, list) else None

    def verdict(self, labels: Sequence[str], *, is_right: bool) -> bytes:
        """The first of the job's labels says that the earlier label is right, the second that it
        is not."""
        value = Verification(0 if is_right else 1)
        return canonical_json(self.format.answer_content(value, classes_of(tuple(labels))))

    def disagreement_about(self, first: Verification, second: Verification, label: int) -> float:
        """See ``ValueTask``; 1 where one says so and the other does not."""
        return float((first.label == label) != (second.label == label))

    def vary(
        self, truth: Verification, accuracy: float, rng: Random, n_classes: int
    ) -> Verification:
        """See ``ValueTask``."""
        right, by = rng.random() < accuracy, int(rng.integers(1, max(n_classes, 2)))
        return truth if right else replace(truth, label=other_class(truth.label, by, n_classes))

"""What simulated people make of an earlier label that they see with the item.

Who corrects it gets its value; who judges it says whether it is what the truth says. A label that
cannot be read is one that nobody sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from surelabel.stages.context import StageContext
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import AnswerError, Coded, LabelError
from surelabel.tasks.classes import Classes, SeenClasses
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.label_adjustment.task import LabelAdjustment, read_earlier_label
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.label_images import with_mask
from surelabel.tasks.label_verification.task import LabelVerification
from surelabel.tasks.pixels import PixelError
from surelabel.tasks.valued import ValueTask, classes_of
from surelabel_contract.errors import StorageNotAllowedError
from surelabel_contract.people import Task
from surelabel_contract.store import ForbiddenError, NotFoundInStoreError

# The mask of an earlier label that nobody can look at.
_UNSEEN = (NotFoundInStoreError, ForbiddenError, StorageNotAllowedError, PixelError)
# Distances that rounding alone makes.
_SAME = 1e-6


class EarlierLabels:
    """The earlier labels of a job's items, as its simulated people see them."""

    def __init__(self, context: StageContext) -> None:
        self._type = TASK_TYPES[context.config.task_type]
        self._key = context.config.audit_label_attribute_name
        self._labels = tuple(label.name for label in context.config.labels)
        self._read = context.storage.read

    def shown(self, task: Task) -> Any:
        """The value of the label that people correct; None where they see none."""
        found = self._of(task)
        if found is None or not isinstance(self._type, LabelAdjustment):
            return None
        value = read_earlier_label(*found, self._labels)
        try:
            return with_mask(value, self._read, classes_of(self._labels))
        except _UNSEEN:
            # People draw anew.
            return None

    def judged(self, task: Task, truth: Coded | None) -> Coded | None:
        """``truth``, or the verdict that follows where it says what the earlier label should be.

        None where nobody can tell: there is no earlier label, or not of the truth's kind.
        """
        if not isinstance(self._type, LabelVerification) or not isinstance(truth, bytes):
            return truth
        wanted = self._type.wanted_label(truth)
        if wanted is None:
            return truth
        found = self._of(task)
        same = None if found is None else _is_same(*found, wanted, self._read)
        return None if same is None else self._type.verdict(self._labels, is_right=same)

    def _of(self, task: Task) -> tuple[Any, Any] | None:
        """Label and metadata of the task's line."""
        if task.prelabel is None or self._key is None:
            return None
        return task.prelabel[self._key], task.prelabel.get(f"{self._key}-metadata")


def _is_same(value: Any, metadata: Any, wanted: Any, read: Any) -> bool | None:
    """Whether the label is what an ``answerContent`` says; None where they cannot be compared."""
    seen = SeenClasses()
    seen.see_label(value, metadata)
    seen.see_answer(wanted)
    classes = seen.settle()
    for form in _forms_of(metadata):
        try:
            truth = form.parse_answer(wanted, classes)
            label = _seen(form, value, metadata, classes, read)
        except (AnswerError, LabelError, *_UNSEEN):
            continue
        task = TASK_TYPES[form.name]
        if isinstance(task, ValueTask):
            return task.disagreement(label, truth) < _SAME
        return bool(label == truth)
    return None


def _seen(form: LabelFormat[Any], value: Any, metadata: Any, classes: Classes, read: Any) -> Any:
    return with_mask(form.read_label(value, metadata, classes).value, read, classes)


def _forms_of(metadata: Any) -> Iterator[LabelFormat[Any]]:
    """Those that the metadata's type may mean: own types have one in common."""
    kind = metadata.get("type") if isinstance(metadata, dict) else None
    for form in LABEL_FORMATS.values():
        if isinstance(kind, str) and kind.lower() == form.manifest_type.lower():
            yield form

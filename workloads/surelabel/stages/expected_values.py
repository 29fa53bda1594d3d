"""Labels that are no classes as a finished job's attempts have them, for ``verification``."""

from __future__ import annotations

from typing import Any

import msgspec

from surelabel.label_values import LabelValue
from surelabel.stages.context import StageContext
from surelabel.stages.sealed_values import tolerance_of
from surelabel.stages.stored_labels import value_of
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.model import canonical_json


class ExpectedValues:
    """By line: ``machine``, the certified guesses; ``human``, the samples' reference labels."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self.machine: dict[int, LabelValue] = {}
        self.human: dict[int, LabelValue] = {}

    def is_guess(self, line: int, label: Any) -> bool:
        """Whether a label of the manifest is the certified guess."""
        return _same(self.machine.get(line), label)

    def is_reference(self, line: int, label: Any) -> bool:
        """Whether a label of the manifest is the sample's reference label."""
        return _same(self.human.get(line), label)

    def differs(self, line: int, label: Any, metadata: Any) -> bool:
        """Whether the certified guess is an error against this label of people."""
        task = TASK_TYPES[self._context.config.task_type]
        if not isinstance(task, ValueTask) or line not in self.machine:
            return True
        said = LabelValue(
            line, msgspec.Raw(canonical_json(label)), msgspec.Raw(canonical_json(metadata))
        )
        guess = value_of(self._context, self.machine[line], task)
        apart = task.disagreement(guess, value_of(self._context, said, task))
        return apart > tolerance_of(self._context.config)


def _same(expected: LabelValue | None, label: Any) -> bool:
    return expected is not None and bytes(expected.label) == canonical_json(label)

"""What a task type brings; the stages know nothing else about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

# (n_items, n_features), float32: images are dense, text is sparse (CSR).
Features: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix"


class AnswerError(ValueError):
    """An answer that cannot be read; it is kept aside with this reason.

    ``reason`` is PascalCase; the message names field, rule and value.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class LabelError(ValueError):
    """A label or truth that cannot be read; the message names field, rule and value."""


@dataclass(frozen=True)
class BrokenSource:
    """An item without features: which row of the input, and why."""

    row: int
    reason: str
    message: str


@dataclass(frozen=True)
class FeatureBatch:
    """``features[i]`` belongs to ``sources[row[i]]``; the other rows stand in ``broken``."""

    row: NDArray[np.int64]
    features: Features
    broken: tuple[BrokenSource, ...] = ()


class Random(Protocol):
    """The part of ``numpy.random.Generator`` that simulated people use."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...

    def integers(self, low: int, high: int) -> Any:
        """An integer in [low, high)."""
        ...


class TaskType(Protocol):
    """One task type; stateless, so any process may use it on any shard.

    ``labels`` are the names of the classes; a class id is a position in them.
    """

    @property
    def name(self) -> str:
        """``spec.taskType``."""
        ...

    @property
    def needs_ref(self) -> bool:
        """The label attribute must end in ``-ref``."""
        ...

    @property
    def needs_labels(self) -> bool:
        """The job must name its classes."""
        ...

    @property
    def manifest_type(self) -> str:
        """``type`` in the label's metadata."""
        ...

    @property
    def crowd_element(self) -> str:
        """The key under which our writers put an answer."""
        ...

    @property
    def source_kind(self) -> Literal["text", "image"]:
        """What ``features`` reads. Text may also come by reference; images always do."""
        ...

    @property
    def max_source_bytes(self) -> int:
        """A larger referenced object is not read; the item fails with ``SourceTooLarge``."""
        ...

    def parse_answer(self, content: Any, labels: Sequence[str]) -> int:
        """Class id of an ``answerContent``, whatever its one key is; AnswerError."""
        ...

    def answer_content(self, class_id: int, labels: Sequence[str]) -> dict[str, Any]:
        """The ``answerContent`` of a class id."""
        ...

    def simulate(self, truth: int, accuracy: float, rng: Random, n_classes: int) -> int:
        """What a simulated person of this accuracy answers: the truth, else another class."""
        ...

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
    ) -> tuple[Any, dict[str, Any]]:
        """Label and metadata as Ground Truth writes them; ``extra`` keys come last."""
        ...

    def read_label(self, value: Any, metadata: Any, labels: Sequence[str]) -> int:
        """Class id of a label in a manifest (a number, or a number as text); LabelError."""
        ...

    def read_truth(self, record: Any, labels: Sequence[str]) -> int:
        """Class id of one record of a truth file (``label``: a class name); LabelError."""
        ...

    def loss(self, machine: int, reference: int) -> float:
        """0 for equal, 1 for wrong labels; what certification counts."""
        ...

    def features(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """Features of each source alone; one that is broken fails alone."""
        ...

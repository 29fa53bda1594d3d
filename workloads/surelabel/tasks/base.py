"""What a task type brings; the stages know nothing else about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from surelabel.tasks.classes import Classes
from surelabel.tasks.packed import Packed

# An answer or label as arrays and files hold it: a class id, or the bytes of what is no class.
Coded: TypeAlias = "int | bytes"

# (n_items, n_features), float32: images are dense, text is sparse (CSR); or a piece of bytes each.
Features: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix | Packed"


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

    def normal(self, loc: float, scale: float) -> float:
        """A number from the normal distribution."""
        ...


class TaskType(Protocol):
    """One task type; stateless, so any process may use it on any shard.

    ``labels`` are the names of the classes; a class id is a position in them. Types whose label is
    more than a class are ``ValueTask``s; only the others have models.
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
    def takes_any_source(self) -> bool:
        """A referenced source may be of any kind, such as a video, whatever ``source_kind`` is."""
        ...

    @property
    def truth_example(self) -> str:
        """What a line of a truth file looks like, for messages."""
        ...

    @property
    def max_source_bytes(self) -> int:
        """A larger referenced object is not read; the item fails with ``SourceTooLarge``."""
        ...

    def parse_answer(self, content: Any, labels: Sequence[str]) -> Coded:
        """What an ``answerContent`` says, whatever its one key is; AnswerError."""
        ...

    def answer_content(self, coded: Any, labels: Sequence[str]) -> dict[str, Any]:
        """The ``answerContent`` that says so."""
        ...

    def simulate(
        self,
        truth: Any,
        accuracy: float,
        rng: Random,
        labels: Sequence[str],
        *,
        shown: Any = None,
    ) -> Coded:
        """What a simulated person of this accuracy answers.

        ``shown``: the value of an earlier label that people see beside the item, or None.
        """
        ...

    def read_label(self, value: Any, metadata: Any, labels: Sequence[str]) -> int:
        """Class id of a label in a manifest, 0 for one that is no class; LabelError."""
        ...

    def read_truth(self, record: Any, labels: Sequence[str]) -> Coded:
        """What a record of a truth file says; LabelError."""
        ...


@runtime_checkable
class Choosing(Protocol):
    """A task type every answer of which names one of a few choices.

    Whoever has it is consolidated as classes are on the command line: with every choice's
    probability, kappa, and agreement and confusion by choice.
    """

    def choices(self, classes: Classes, named: Collection[int]) -> tuple[str, ...]:
        """The names of the choices by their codes; ``named``: codes that somebody named."""
        ...

    def code_of(self, value: Any) -> int:
        """Which choice the typed value of an answer is."""
        ...


class Learnable(TaskType, Choosing, Protocol):
    """A task type that models can learn: its label is one class."""

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

    def loss(self, machine: int, reference: int) -> float:
        """0 for equal, 1 for wrong labels; what certification counts."""
        ...

    def features(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """Features of each source alone; one that is broken fails alone."""
        ...

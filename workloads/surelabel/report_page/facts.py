"""What the page is told of a job. Plain values; what is not known is None or empty."""

from __future__ import annotations

from dataclasses import dataclass, field

from surelabel.learning_curve import LearningPoint
from surelabel.tasks.values import Value
from surelabel_contract.stages import Certificate, LabelCounters, Validation


@dataclass(frozen=True)
class Promise:
    """Targets of auto-labeling, in permille."""

    target_error: int
    risk: int


@dataclass(frozen=True)
class RoundFacts:
    """A finished round: totals after it, and how its validation sample came out."""

    round: int
    counters: LabelCounters
    answers: int
    validation: Validation | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True)
class Cost:
    """Of people; ``answers`` stand for money where no price is known."""

    answers: int
    all_human_answers: int
    amount: str | None = None
    all_human_amount: str | None = None
    # For what has no label yet.
    to_finish_amount: str | None = None
    currency: str | None = None


@dataclass(frozen=True)
class AnnotatorFacts:
    """A person. ``accuracy``: the estimated share of right answers, None if not estimated."""

    name: str
    answers: int
    agreement: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class ClassCount:
    """How many items have a class, by who gave it."""

    name: str
    people: int
    machines: int


@dataclass(frozen=True)
class CalibrationBin:
    """Items of similar confidence: the mean of it, how many there are, and how many are right."""

    confidence: float
    items: int
    right: int


@dataclass(frozen=True)
class Confused:
    """So many items that people gave the one class and a model that never saw them the other."""

    people: str
    model: str
    items: int


@dataclass(frozen=True)
class Confusion:
    """``table[t][m]``: items of people's class t that the model calls m; None: too many classes.

    ``pairs``: what is mixed up most, the commonest first.
    """

    names: tuple[str, ...]
    table: tuple[tuple[int, ...], ...] | None
    pairs: tuple[Confused, ...]
    items: int
    right: int


@dataclass(frozen=True)
class Picture:
    """A small picture; ``width`` and ``height`` are those of the whole one, in pixels."""

    data: bytes
    media_type: str
    width: int
    height: int
    small: bool


@dataclass(frozen=True)
class Example:
    """An item with its label.

    ``line`` from 1. ``name``: of its file, where it has one. ``picture`` or ``text``: what it is;
    ``missing``: why neither could be had. ``value``: a label that is no class.
    """

    line: int
    label: str
    confidence: float
    name: str | None = None
    picture: Picture | None = None
    text: str | None = None
    missing: str | None = None
    value: Value | None = None
    # What the model says instead.
    model_label: str | None = None


@dataclass(frozen=True)
class ExampleGroup:
    """Some items that belong together, under a heading."""

    title: str
    explanation: str
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class JobFacts:
    """All that the page says."""

    name: str
    namespace: str
    task_type: str
    counters: LabelCounters
    cost: Cost
    # Why it ended; None: it goes on.
    ending: str | None = None
    succeeded: bool = True
    unlabeled_reasons: dict[str, int] = field(default_factory=dict)
    promise: Promise | None = None
    certificate: Certificate | None = None
    # The promise in words, as report.json has it.
    statement: str | None = None
    # People's labels that are probably wrong: the share, and its interval.
    consensus_error: tuple[float, float, float] | None = None
    rounds: tuple[RoundFacts, ...] = ()
    learning: tuple[LearningPoint, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    confusion: Confusion | None = None
    annotators: tuple[AnnotatorFacts, ...] = ()
    classes: tuple[ClassCount, ...] = ()
    examples: tuple[ExampleGroup, ...] = ()

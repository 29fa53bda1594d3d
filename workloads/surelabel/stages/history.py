"""The rounds and the models so far, one entry each; what the report shows of the job's course."""

from __future__ import annotations

from typing import Literal

from surelabel.consolidation import ErrorShare
from surelabel.learning_curve import LearningCurve, LearningPoint
from surelabel.stages.context import StageContext
from surelabel_contract.model import Record
from surelabel_contract.stages import Certificate, LabelCounters, ObjectRef, Validation


class ConsensusError(Record):
    """The share of people's labels that is probably wrong, and its 95 % interval."""

    share: float
    low: float
    high: float

    @classmethod
    def of(cls, found: ErrorShare) -> ConsensusError:
        """Rounded, as it is reported."""
        values = (round(value, 6) for value in (found.share, found.low, found.high))
        return cls(**dict(zip(("share", "low", "high"), values, strict=True)))


class AskedAgain(Record):
    """Items with an earlier label that were answered again, and how many have another label now."""

    items: int
    relabeled: int


class RoundEntry(Record):
    """A finished round: totals after it, and what its validation sample said."""

    round: int
    answers: int
    counters: LabelCounters
    newly_certified: int = 0
    validation: Validation | None = None
    certificate: Certificate | None = None
    # None: no item has two answers.
    consensus_error: ConsensusError | None = None
    # Answers of the round that cannot be used; None: there are none.
    answers_set_aside: int | None = None
    # Earlier labels of people that others were asked about again; None: there are none.
    asked_again: AskedAgain | None = None


class History(Record):
    """All finished rounds, oldest first."""

    schema_version: Literal[1] = 1
    rounds: tuple[RoundEntry, ...] = ()


def read_history(context: StageContext) -> History:
    """The rounds so far; empty in the first one."""
    if not context.has("history"):
        return History()
    return History.from_json(context.read("history"))


def append_round(context: StageContext, entry: RoundEntry) -> ObjectRef:
    """The history with one more round."""
    history = History(rounds=(*read_history(context).rounds, entry))
    return context.write("history.json", history.to_json())


def read_curve(context: StageContext) -> LearningCurve:
    """How the models so far did; empty before the first one."""
    if not context.has("learningCurve"):
        return LearningCurve()
    return LearningCurve.from_json(context.read("learningCurve"))


def append_point(context: StageContext, point: LearningPoint) -> ObjectRef:
    """The learning curve with one more model."""
    curve = LearningCurve(points=(*read_curve(context).points, point))
    return context.write("learning-curve.json", curve.to_json())

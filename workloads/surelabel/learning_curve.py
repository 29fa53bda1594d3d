"""How often models were wrong, by the labels that they had learned from.

A point comes from uniformly drawn items alone, each scored by a model that never saw its label:
what people were asked for being hard says nothing about the rest.
"""

from __future__ import annotations

from typing import Literal

from surelabel_contract.model import Record


class LearningPoint(Record):
    """A trained model: ``wrong`` of ``items`` uniform items, after learning from ``labels``."""

    round: int
    labels: int
    items: int
    wrong: int


class LearningCurve(Record):
    """One point for each model of the job, oldest first."""

    schema_version: Literal[1] = 1
    points: tuple[LearningPoint, ...] = ()

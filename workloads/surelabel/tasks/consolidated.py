"""The label of one item that is more than a class, with how sure it is; from people or a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True)
class Consolidated(Generic[V]):
    """The label of one item. ``confidences``: of its parts, as ``Label`` has them; ``confidence``:
    of the label as a whole, in [0, 1]. ``apart``: ``disagreement`` of each answer to the item, by
    annotator, with the value, if whoever had them in memory has told; masks are slow to decode.
    ``chances``: where ``ValueTask.has_chances``, by code of each class that somebody chose."""

    value: V
    confidence: float
    confidences: tuple[float, ...] = ()
    apart: tuple[float, ...] = ()
    chances: Mapping[int, float] = field(default_factory=dict)

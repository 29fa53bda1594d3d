"""What a task type brings whose labels are no classes and can be learned all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from surelabel.tasks.base import FeatureBatch, Features
from surelabel.tasks.consolidated import Consolidated

V = TypeVar("V")


class ValueModel(Protocol[V]):
    """A trained model of such labels."""

    def predict(self, features: Features) -> list[Consolidated[V]]:
        """The label of each row; ``confidence``: the chance that it is no error, see
        ``ValueLearner.tolerance_permille``."""
        ...

    def save(self) -> bytes:
        """A file that ``ValueLearner.load`` reads without executing code; equal models give equal
        bytes."""
        ...


@dataclass(frozen=True)
class Learned(Generic[V]):
    """``held_out``: for each item that was learned from, what a model says that never saw it."""

    model: ValueModel[V]
    held_out: list[Consolidated[V]]


class ValueLearner(Protocol[V]):
    """How the labels of a task type are learned; stateless."""

    def features(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """Features of each source alone; one that is broken fails alone."""
        ...

    def overview(self, features: Features) -> NDArray[np.float32] | sparse.csr_matrix:
        """(n_items, n_columns): near rows for items that are alike, to choose questions by."""
        ...

    def fit(
        self,
        features: Features,
        values: Sequence[V],
        n_classes: int,
        *,
        tolerance: float,
        seed: int,
    ) -> Learned[V]:
        """A model of these labels of people, at least one, whatever they are: where they teach
        nothing it guesses the same everywhere.

        ``tolerance``: a guess that disagrees with people's label by more is an error.
        """
        ...

    def load(self, data: bytes) -> ValueModel[V]:
        """What ``ValueModel.save`` wrote; ``models.ModelFileError``."""
        ...

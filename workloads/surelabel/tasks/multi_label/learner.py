"""How sets of classes are learned; the features are those of the single class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.tasks.base import FeatureBatch, Features
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.learning import Learned
from surelabel.tasks.values import LabelSet


@dataclass(frozen=True)
class LabelSetLearner:
    """See ``ValueLearner``; ``extract``: the features of sources."""

    extract: Callable[[Sequence[bytes | str]], FeatureBatch]

    def features(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """See ``ValueLearner``."""
        return self.extract(sources)

    def overview(self, features: Features) -> Any:
        """See ``ValueLearner``."""
        return features

    def fit(
        self,
        features: Features,
        values: Sequence[LabelSet],
        n_classes: int,
        *,
        tolerance: float,
        seed: int,
    ) -> Learned[LabelSet]:
        """See ``ValueLearner``; nothing is random here, and a set is right or wrong."""
        from surelabel.models.label_sets import fit

        is_class = np.zeros((len(values), n_classes), bool)
        for row, value in enumerate(values):
            is_class[row, list(value.labels)] = True
        model, held_out = fit(features, is_class)
        return Learned(LabelSetModel(model), _guesses(held_out))

    def load(self, data: bytes) -> LabelSetModel:
        """See ``ValueLearner``."""
        from surelabel.models.label_sets import load

        return LabelSetModel(load(data))


@dataclass(frozen=True)
class LabelSetModel:
    """See ``ValueModel``."""

    model: Any

    def predict(self, features: Features) -> list[Consolidated[LabelSet]]:
        """See ``ValueModel``."""
        return _guesses(self.model.predict_proba(features))

    def save(self) -> bytes:
        """See ``ValueModel``."""
        data: bytes = self.model.save()
        return data


def _guesses(chance: NDArray[np.float64]) -> list[Consolidated[LabelSet]]:
    """The classes that more probably apply than not, and the chance that all are right."""
    right = np.maximum(chance, 1 - chance)
    sure = np.exp(np.log(right).sum(axis=1))
    found = []
    for row, confidence in zip(chance, sure.tolist(), strict=True):
        chosen = np.flatnonzero(row > 0.5)
        label = LabelSet(tuple(chosen.tolist()))
        found.append(Consolidated(label, confidence, tuple(row[chosen].tolist())))
    return found


def image_features(sources: Sequence[bytes | str]) -> FeatureBatch:
    """Features of image files."""
    # Late, since it needs Pillow.
    from surelabel.tasks.image_classification.features import image_features as extract

    return extract(sources)


def text_features(sources: Sequence[bytes | str]) -> FeatureBatch:
    """Features of texts."""
    from surelabel.tasks.text_classification.features import text_features as extract

    return extract(sources)

"""A trained classifier of scikit-learn's own, as its file has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from surelabel.models.classifier import Features, Floats, Model
from surelabel.models.estimators import class_proba
from surelabel.models.temperature import Temperature


@dataclass(frozen=True)
class EstimatorModel(Model):
    """``sharpness`` and ``noise``: of its Temperature, learned out of sample."""

    sharpness: float = 1.0
    noise: float = 0.002

    def predict_proba(self, features: Features) -> Floats:
        """(n_items, n_classes): probabilities; 0 for classes that it has never seen."""
        if features.shape[1] != self.n_features:
            raise ValueError(
                f"features must have {self.n_features} columns, as in training; "
                f"got {features.shape[1]}."
            )
        proba = np.zeros((features.shape[0], self.n_classes))
        if features.shape[0]:
            said = class_proba(self.pipeline, features, self.classes, self.n_classes)
            temperature = Temperature(self.sharpness, self.noise)
            proba[:, self.classes] = temperature(said[:, self.classes])
        return proba

    @classmethod
    def of(cls, model: Model, temperature: Sequence[float]) -> EstimatorModel:
        """The model with its temperature."""
        values = {each.name: getattr(model, each.name) for each in fields(Model)}
        return cls(**values, sharpness=float(temperature[0]), noise=float(temperature[1]))

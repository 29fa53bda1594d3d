"""A small neural network in PyTorch as the model of a LabelingJob: ``small_net:SmallNet``.

Surelabel brings no PyTorch; install it where the stages run, put this file on PYTHONPATH there, and
name the class in ``spec.autoLabeling.model.entrypoint``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class SmallNet:
    """Two layers with dropout, trained by AdamW.

    It has what an entrypoint needs: ``fit``, ``predict_proba``, and ``classes_`` for the order of
    the columns. ``random_state`` is the job's seed.
    """

    def __init__(
        self,
        hidden: int = 128,
        epochs: int = 60,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        dropout: float = 0.3,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        # Here, so that a job learns of a missing PyTorch before anybody is asked.
        import torch

        self.hidden, self.epochs, self.batch_size = hidden, epochs, batch_size
        self.learning_rate, self.weight_decay, self.dropout = learning_rate, weight_decay, dropout
        self.random_state = random_state
        has_gpu = torch.cuda.is_available()
        self.device = ("cuda" if has_gpu else "cpu") if device == "auto" else device

    def fit(self, features: Any, label: NDArray[np.int64]) -> SmallNet:
        """Train on (n_items, n_features) features, dense or sparse, and (n_items,) class ids."""
        import torch
        from torch import nn

        torch.manual_seed(self.random_state)
        self.classes_, target = np.unique(label, return_inverse=True)
        self.scaler_ = Scaler.of(dense(features))
        x = torch.from_numpy(self.scaler_(dense(features))).to(self.device)
        y = torch.from_numpy(target).to(self.device)
        self.net_ = nn.Sequential(
            nn.Linear(x.shape[1], self.hidden),
            nn.ReLU(),
            nn.Dropout(self.dropout),
            nn.Linear(self.hidden, len(self.classes_)),
        ).to(self.device)
        optimizer = torch.optim.AdamW(
            self.net_.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        rng = np.random.default_rng(self.random_state)
        self.net_.train()
        for _ in range(self.epochs):
            for rows in batches(len(y), self.batch_size, rng):
                optimizer.zero_grad()
                nn.functional.cross_entropy(self.net_(x[rows]), y[rows]).backward()
                optimizer.step()
        return self

    def predict_proba(self, features: Any) -> Floats:
        """(n_items, n_classes seen): probabilities, columns as in ``classes_``."""
        import torch

        x = torch.from_numpy(self.scaler_(dense(features)))
        self.net_.eval()
        with torch.inference_mode():
            parts = [
                torch.softmax(self.net_(part.to(self.device)), dim=1).cpu().numpy()
                for part in x.split(4_096)
            ]
        return np.concatenate(parts)


class Scaler:
    """Features less their mean, over their spread; a feature that never varies becomes 0."""

    def __init__(self, mean: Floats, spread: Floats) -> None:
        self.mean, self.spread = mean, spread

    @classmethod
    def of(cls, features: Floats) -> Scaler:
        """The scaler of these features."""
        spread = features.std(axis=0)
        return cls(features.mean(axis=0), np.where(spread > 0, spread, 1).astype(np.float32))

    def __call__(self, features: Floats) -> Floats:
        """The features, scaled."""
        return ((features - self.mean) / self.spread).astype(np.float32)


def dense(features: Any) -> Floats:
    """(n_items, n_features): texts come as sparse counts, which a net of this size takes dense."""
    array = features.toarray() if hasattr(features, "toarray") else features
    return np.asarray(array, dtype=np.float32)


def batches(n: int, size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """All of n rows once, shuffled, ``size`` at a time; the last batch may be smaller."""
    order = rng.permutation(n)
    return [order[start : start + size] for start in range(0, n, size)]

"""Models that learn from people's labels; ``fit`` and ``load`` are the only two ways to get one."""

from __future__ import annotations

from surelabel.models.classifier import (
    MODELS,
    Learned,
    Model,
    NotTrainableError,
    cross_val_proba,
    fit,
    learn,
)
from surelabel.models.files import ModelFileError, load

__all__ = [
    "MODELS",
    "Learned",
    "Model",
    "ModelFileError",
    "NotTrainableError",
    "cross_val_proba",
    "fit",
    "learn",
    "load",
]

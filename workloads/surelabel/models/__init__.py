"""Models that learn from people's labels; ``fit`` and ``load`` are the only two ways to get one."""

from __future__ import annotations

from surelabel.models.classifier import (
    MODELS,
    Features,
    Model,
    NotTrainableError,
    cross_val_proba,
    fit,
)
from surelabel.models.files import ModelFileError, load

__all__ = [
    "MODELS",
    "Features",
    "Model",
    "ModelFileError",
    "NotTrainableError",
    "cross_val_proba",
    "fit",
    "load",
]

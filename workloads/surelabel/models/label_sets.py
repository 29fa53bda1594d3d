"""Sets of classes from fixed features: one regression for all classes, one threshold for each.

Each class is a yes or no of its own (binary relevance); what they have in common is the kernel
matrix, so that a hundred classes cost little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from surelabel.models.files import packed, unpacked
from surelabel.models.kernel_ridge import Features, Floats, fit_kernel_ridge

_FORMAT = "LabelSets 1"
# Rows scored at once; bounds the kernel matrix.
_CHUNK = 4_096
# Labels of one kind teach nothing; how sure one may be of the next one (rule of succession).
_PRIOR = 1.0


@dataclass(frozen=True)
class LabelSets:
    """``pipeline``: features to scores, (n_items, n_classes); None: nothing could be learned.

    ``share``: (n_classes,), how common each class is. ``weights``: of 1, the score, and the logit
    of the share, in the logit of a class's chance.
    """

    pipeline: Any
    share: Floats
    weights: tuple[float, float, float]

    def predict_proba(self, features: Features) -> Floats:
        """(n_items, n_classes): the chance that each class applies."""
        n = features.shape[0]
        if self.pipeline is None:
            return np.tile(self.share, (n, 1))
        scores = [
            np.asarray(self.pipeline.predict(features[start : start + _CHUNK]), np.float64)
            for start in range(0, n, _CHUNK)
        ]
        return _chance(np.concatenate([np.empty((0, len(self.share))), *scores]), self)

    def save(self) -> bytes:
        """A file that ``load`` reads without executing code; equal models give equal bytes."""
        return packed(
            {
                "format": _FORMAT,
                "pipeline": self.pipeline,
                "share": self.share,
                "weights": list(self.weights),
            }
        )


def load(data: bytes) -> LabelSets:
    """What ``LabelSets.save`` wrote; ModelFileError."""
    content = unpacked(data, _FORMAT)
    first, second, third = content["weights"]
    return LabelSets(
        content["pipeline"],
        np.asarray(content["share"], np.float64),
        (float(first), float(second), float(third)),
    )


def fit(features: Features, is_class: NDArray[np.bool_]) -> tuple[LabelSets, Floats]:
    """A model, and (n_items, n_classes) the chances by models that never saw the item.

    ``is_class``: (n_items, n_classes), which classes people chose.
    """
    n = len(is_class)
    share = (is_class.sum(axis=0) + _PRIOR / 2) / (n + _PRIOR)
    if n < 2 or np.all(is_class == is_class[0]):
        without = (is_class.sum(axis=0) - is_class + _PRIOR / 2) / (n - 1 + _PRIOR)
        return LabelSets(None, share, (0.0, 0.0, 0.0)), np.asarray(without, np.float64)
    estimator, left_out = fit_kernel_ridge(features, is_class.T)
    model = LabelSets(estimator, share, _calibrated(left_out, is_class, share))
    return model, _chance(left_out, model)


def _chance(scores: Floats, model: LabelSets) -> Floats:
    bias, slope, of_share = model.weights
    return np.asarray(expit(bias + slope * scores + of_share * logit(model.share)))


def _calibrated(
    left_out: Floats, is_class: NDArray[np.bool_], share: Floats
) -> tuple[float, float, float]:
    """The weights that fit the classes best, of all items and classes together."""
    # Late, since importing scikit-learn takes most of a second.
    from sklearn.linear_model import LogisticRegression

    rows = np.stack(
        (left_out.ravel(), np.broadcast_to(logit(share), left_out.shape).ravel()), axis=1
    )
    found = LogisticRegression(C=10.0, max_iter=200).fit(rows, is_class.ravel())
    slope, of_share = found.coef_[0].tolist()
    # A score that counts against its class would turn the ranking round.
    return float(found.intercept_[0]), max(slope, 0.1), of_share

"""Estimators that are not ours: scikit-learn's classifiers by name, any class by entrypoint.

Only a process of its own (``apart_child``) may call ``build``: an entrypoint is code of others.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax

Features: TypeAlias = "NDArray[np.float32] | sparse.csr_matrix"
Floats = NDArray[np.float64]

FOLDS = 5
# Columns that a sparse matrix is reduced to for classifiers that want dense ones.
_REDUCED = 256


class NotUsableError(ValueError):
    """A model that cannot even be made, whatever the labels; the message says why."""


@dataclass(frozen=True)
class OutsideModel:
    """What ``autoLabeling.model`` asks for. Exactly one of ``name`` (of scikit-learn) and
    ``entrypoint`` (``module:Class``); ``parameters``: of the constructor."""

    parameters: Mapping[str, Any]
    name: str | None = None
    entrypoint: str | None = None

    @property
    def shown(self) -> str:
        """The model as its author wrote it."""
        return self.entrypoint or self.name or ""


def parameter_value(text: str) -> Any:
    """The value of a parameter: what it says as JSON, or the text itself where it is none."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(constant: str) -> None:
    # NaN and Infinity are no JSON; Python alone reads them.
    raise ValueError(constant)


def build(model: OutsideModel, *, is_sparse: bool, seed: int) -> Any:
    """The estimator, not yet fitted; NotUsableError.

    scikit-learn's own get the steps that their input needs: dense features are standardised
    (scaled to 0..1 for those that take no negative ones), counts weighted by TF-IDF and reduced
    by SVD where the classifier takes no sparse matrix. An entrypoint gets features as they are.
    ``random_state`` is the job's wherever there is one that nobody has set.
    """
    if model.entrypoint is not None:
        return _made(_class_of(model.entrypoint), model, seed)
    import sklearn.utils

    classes = dict(sklearn.utils.all_estimators(type_filter="classifier"))
    if model.name not in classes:
        raise NotUsableError(f"scikit-learn has no classifier {model.name!r}.")
    return _prepared(_made(classes[model.name], model, seed), is_sparse, seed)


def _class_of(entrypoint: str) -> Any:
    module, _, name = entrypoint.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise NotUsableError(f"{module} cannot be imported: {error}") from error
    if not hasattr(found, name):
        raise NotUsableError(f"{module} has no {name!r}.")
    kind = getattr(found, name)
    missing = [each for each in ("fit", "predict_proba") if not callable(getattr(kind, each, None))]
    if not isinstance(kind, type) or missing:
        raise NotUsableError(
            f"{entrypoint} must be a class with the methods fit(X, y) and predict_proba(X), as "
            f"scikit-learn has them; it lacks {', '.join(missing) or 'a class'}."
        )
    return kind


def _made(kind: Any, model: OutsideModel, seed: int) -> Any:
    known = inspect.signature(kind).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in known.values())
    unknown = [name for name in model.parameters if name not in known]
    if unknown and not takes_all:
        raise NotUsableError(
            f"{model.shown} has no parameter {unknown[0]!r}; it has "
            f"{', '.join(sorted(known)) or 'none'}."
        )
    given = dict(model.parameters)
    if "random_state" in known:
        given.setdefault("random_state", seed)
    estimator = kind(**given)
    check = getattr(estimator, "_validate_params", None)
    if model.entrypoint is None and check is not None:
        # scikit-learn looks at its parameters in fit alone, which would be after people's work.
        try:
            check()
        except ValueError as error:
            raise NotUsableError(str(error)) from error
    return estimator


def _prepared(classifier: Any, is_sparse: bool, seed: int) -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    wants = classifier.__sklearn_tags__().input_tags
    first: list[Any] = [TfidfTransformer()] if is_sparse else []
    if is_sparse and wants.sparse:
        return make_pipeline(*first, classifier)
    if is_sparse:
        first.append(TruncatedSVD(_REDUCED, random_state=seed))
    first.append(MinMaxScaler(clip=True) if wants.positive_only else StandardScaler())
    return make_pipeline(*first, classifier)


def fitted(model: OutsideModel, features: Features, label: NDArray[np.int64], *, seed: int) -> Any:
    """An estimator trained on all of it."""
    estimator = build(model, is_sparse=sparse.issparse(features), seed=seed)
    if model.entrypoint is None and sparse.issparse(features):
        _fit_to(estimator, features)
    estimator.fit(features, label)
    return estimator


def _fit_to(pipeline: Any, features: Features) -> None:
    """Ask for no more columns than a few items can give."""
    reduction = dict(pipeline.steps).get("truncatedsvd")
    if reduction is not None:
        width = min(reduction.n_components, features.shape[0] - 1, features.shape[1] - 1)
        reduction.set_params(n_components=max(1, width))


def class_proba(
    estimator: Any, features: Features, classes: NDArray[np.int64], n_classes: int
) -> Floats:
    """(n_items, n_classes): what the estimator says, each class in its column.

    ``classes``: those it was trained on. Margins become probabilities by softmax. ValueError for
    another number of columns than classes.
    """
    if hasattr(estimator, "predict_proba"):
        said = np.asarray(estimator.predict_proba(features), dtype=np.float64)
    else:
        scores = np.asarray(estimator.decision_function(features), dtype=np.float64)
        if scores.ndim == 1:
            scores = np.stack((-scores, scores), axis=1)
        said = softmax(scores, axis=1)
    own = getattr(estimator, "classes_", None)
    columns = classes if own is None else np.asarray(own).astype(np.int64)
    if own is None and said.ndim == 2 and said.shape[1] == n_classes:
        columns = np.arange(n_classes)
    if said.shape != (features.shape[0], len(columns)):
        raise ValueError(
            f"predict_proba must give {features.shape[0]} rows and {len(columns)} columns, one "
            f"for each class that it was trained on; got the shape {said.shape}."
        )
    proba = np.zeros((features.shape[0], n_classes))
    proba[:, columns] = said
    return proba


def cross_val(
    model: OutsideModel,
    features: Features,
    label: NDArray[np.int64],
    n_classes: int,
    *,
    seed: int,
) -> Floats:
    """(n_labels, n_classes): each item scored by an estimator that never saw its label."""
    rng = np.random.default_rng(seed)
    # Shuffled within each class, then dealt out, so that no fold lacks a class for want of luck.
    order = rng.permutation(label.size)
    order = order[np.argsort(label[order], kind="stable")]
    fold = np.empty(label.size, np.int64)
    fold[order] = np.arange(label.size) % FOLDS
    proba = np.full((label.size, n_classes), 1 / n_classes)
    for number in range(FOLDS):
        test, train = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        classes = np.unique(label[train])
        if test.size and classes.size >= 2:
            estimator = fitted(model, features[train], label[train], seed=seed)
            proba[test] = class_proba(estimator, features[test], classes, n_classes)
    return proba

"""ONNX graphs give the probabilities of the models that they were made from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from surelabel.models import MODELS, fit, learn, load
from surelabel.models.about import About
from surelabel.models.classifier import Model
from surelabel.models.estimator_model import EstimatorModel
from surelabel.models.estimators import OutsideModel, fitted
from surelabel.models.points import fit_points

pytest.importorskip("onnx", reason="onnx is not installed here (extra onnx)")
pytest.importorskip("skl2onnx", reason="skl2onnx is not installed here (extra onnx)")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed here")

from surelabel.model_graphs.convert import NotConvertibleError, to_onnx  # noqa: E402

# Some of skl2onnx's own calls are deprecated in the onnx that it imports.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

ABOUT = About(
    task_type="ImageClassification",
    labels=("Falke", "Möwe", "Reiher", "Kein Vogel"),
    features="built-in",
    n_features=10,
)
kinds = pytest.mark.parametrize("kind", ["dense", "sparse"])
seen_classes = pytest.mark.parametrize("seen", [[0, 1, 2], [1, 3]], ids=["three", "two"])


def labeled(kind: str, seen: list[int], seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    label = np.array(seen)[rng.integers(len(seen), size=150)]
    noise = rng.normal(size=(150, 10)) * 0.7
    x = np.abs(np.c_[np.eye(4)[label] * 2, rng.normal(size=(150, 6))] + noise).astype(np.float32)
    if kind == "sparse":
        x = np.round(x)
        # A text without a word.
        x[3] = 0
        return sparse.csr_matrix(x), label
    return x, label


def dense(features: Any) -> Any:
    return features.toarray() if sparse.issparse(features) else features


def run(model: Model, features: Any) -> Any:
    session = onnxruntime.InferenceSession(to_onnx(model, ABOUT))
    (found,) = session.run(["probabilities"], {"features": dense(features).astype(np.float32)})
    return found


# What rounds to single precision on its way, which a sharp softmax shows, is less near its graph.
_ROUNDED = {"KernelRidge": 3e-5, "Blend": 3e-5, "NearestCentroid": 1e-5}


@kinds
@seen_classes
@pytest.mark.parametrize("name", MODELS)
def test_our_models_are_the_same_as_graphs(name: str, kind: str, seen: list[int]) -> None:
    features, label = labeled(kind, seen)
    points = fit_points(np.arange(150), features, 0)
    # Half of the items are labeled; the others are pool.
    line = np.arange(0, 150, 2)
    found = learn(features[line], label[line], 4, seed=0, name=name, points=points, line=line)
    model = load(found.model.save())
    unseen, _ = labeled(kind, seen, seed=1)
    for given in (features, unseen):
        proba = run(model, given)
        assert proba.shape == (150, 4)
        np.testing.assert_allclose(proba, model.predict_proba(given), atol=_ROUNDED.get(name, 2e-6))
        assert (proba[:, np.setdiff1d(np.arange(4), seen)] == 0).all()


@kinds
def test_the_kernel_machine_is_the_same_as_its_graph_in_double_precision(kind: str) -> None:
    model = fit(*labeled(kind, [0, 1, 2]), 4, seed=0, name="KernelRidge")
    unseen, _ = labeled(kind, [0, 1, 2], seed=1)
    # The model itself multiplies in single precision.
    assert model.calibration is not None
    exact = np.zeros((unseen.shape[0], 4))
    exact[:, model.classes] = model.calibration(model.pipeline.predict(unseen.astype(np.float64)))
    np.testing.assert_allclose(run(model, unseen), exact, atol=2e-6)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_blend_of_any_share_is_the_same_as_its_graph(share: float) -> None:
    features, label = labeled("dense", [0, 1, 2])
    points = fit_points(np.arange(150), features, 0)
    line = np.arange(0, 150, 2)
    model = learn(
        features[line], label[line], 4, seed=0, name="Blend", points=points, line=line
    ).model
    field = np.eye(3, dtype=np.float32)[label]
    blend = replace(model.pipeline, share=share, field=field, point=points.point)
    model = replace(model, pipeline=blend)
    unseen, _ = labeled("dense", [0, 1, 2], seed=1)
    for given in (features, unseen):
        np.testing.assert_allclose(run(model, given), model.predict_proba(given), atol=3e-5)


@pytest.mark.parametrize(
    "name",
    [
        "AdaBoostClassifier",
        "BernoulliNB",
        "CalibratedClassifierCV",
        "DecisionTreeClassifier",
        "ExtraTreesClassifier",
        "GaussianNB",
        "GradientBoostingClassifier",
        "KNeighborsClassifier",
        "LinearDiscriminantAnalysis",
        "LinearSVC",
        "LogisticRegression",
        "MLPClassifier",
        "MultinomialNB",
        "NuSVC",
        "Perceptron",
        "QuadraticDiscriminantAnalysis",
        "RandomForestClassifier",
        "RidgeClassifier",
        "SGDClassifier",
        "SVC",
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_classifier_of_scikit_learn_is_the_same_as_a_graph(name: str) -> None:
    features, label = labeled("dense", [0, 1, 2])
    estimator = fitted(OutsideModel({}, name), features, label, seed=0)
    model = EstimatorModel(name, 4, 10, np.unique(label), estimator, sharpness=1.5, noise=0.01)
    unseen, _ = labeled("dense", [0, 1, 2], seed=1)
    np.testing.assert_allclose(run(model, unseen), model.predict_proba(unseen), atol=2e-6)


@pytest.mark.parametrize(
    "name", ["LabelSpreading", "NearestCentroid", "RadiusNeighborsClassifier", "DummyClassifier"]
)
@pytest.mark.filterwarnings("ignore")
def test_what_has_no_graph_says_so(name: str) -> None:
    features, label = labeled("dense", [0, 1, 2])
    estimator = fitted(OutsideModel({}, name), features, label, seed=0)
    model = EstimatorModel(name, 4, 10, np.unique(label), estimator)
    with pytest.raises(NotConvertibleError, match="skl2onnx"):
        to_onnx(model, ABOUT)


def test_a_graph_says_which_labels_it_gives_of_which_features() -> None:
    model = fit(*labeled("dense", [0, 1, 2]), 4, seed=0, name="KernelRidge")
    session = onnxruntime.InferenceSession(to_onnx(model, ABOUT))
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["labels"]) == list(ABOUT.labels)
    assert metadata["taskType"] == "ImageClassification"
    assert (metadata["features"], metadata["nFeatures"]) == ("built-in", "10")
    assert metadata["model"] == "KernelRidge"
    (given,), (found,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape[1], given.type) == ("features", 10, "tensor(float)")
    assert (found.name, found.shape[1], found.type) == ("probabilities", 4, "tensor(float)")


def test_equal_models_give_equal_graphs() -> None:
    first, second = (to_onnx(fit(*labeled("dense", [0, 1, 2]), 4, seed=0), ABOUT) for _ in range(2))
    assert first == second

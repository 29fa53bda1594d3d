"""Labels that spread among the pool's points, alone and beside a kernel machine."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from surelabel.models import NotTrainableError, learn, load
from surelabel.models.calibration import Calibration
from surelabel.models.points import Points, fit_points
from surelabel.models.spreading import ALPHA, neighbour_graph, spread

N = 400


def moons(seed: int = 0):
    """Two half circles in each other's arms: neighbours tell them apart, straight lines do not."""
    rng = np.random.default_rng(seed)
    label = np.arange(N) % 2
    angle = rng.uniform(0, np.pi, N)
    x = np.where(label == 0, np.cos(angle), 1 - np.cos(angle))
    y = np.where(label == 0, np.sin(angle), 0.4 - np.sin(angle))
    place = np.stack((x, y), axis=1) + rng.normal(scale=0.05, size=(N, 2))
    return place.astype(np.float32), label


def points_of(features) -> Points:
    return fit_points(np.arange(features.shape[0]), features, 0)


def learned_on(features, label, labeled, name="Auto", n_classes=2):
    return learn(
        features[labeled],
        label[labeled],
        n_classes,
        seed=0,
        name=name,
        points=points_of(features),
        line=labeled,
    )


def spread_on(features, label, labeled, n_classes=2):
    points = points_of(features)
    graph = neighbour_graph(points.neighbour, points.distance)
    is_class = label[labeled] == np.arange(n_classes)[:, None]
    return graph, spread(graph, labeled, is_class, np.random.default_rng(0))


def test_a_handful_of_labels_spreads_along_both_moons():
    features, label = moons()
    labeled = np.array([0, 1, 100, 101, 200, 201])
    model = learned_on(features, label, labeled, "Blend").model
    right = model.predict_proba(features).argmax(axis=1) == label
    alone = learn(features[labeled], label[labeled], 2, seed=0, name="KernelRidge").model
    by_kernel = alone.predict_proba(features).argmax(axis=1) == label
    assert right.mean() > 0.98 > by_kernel.mean()


def test_spreading_solves_its_equation():
    features, label = moons()
    labeled = np.arange(0, 60)
    graph, found = spread_on(features, label, labeled)
    start = np.zeros((N, 2))
    start[labeled, label[labeled]] = 1
    expected = np.linalg.solve(np.eye(N) - ALPHA * graph.toarray(), start)
    np.testing.assert_allclose(found.field, expected, atol=0.01 * expected.max())


def test_leaving_a_label_out_equals_spreading_without_it():
    features, label = moons()
    labeled = np.arange(0, 60)
    graph, found = spread_on(features, label, labeled)
    for place in (0, 7, 31):
        others = np.delete(labeled, place)
        is_class = label[others] == np.arange(2)[:, None]
        without = spread(graph, others, is_class, np.random.default_rng(0))
        expected = without.field[labeled[place]]
        np.testing.assert_allclose(found.left_out[place], expected, rtol=0.05, atol=0.01)


def test_with_many_labels_the_estimate_is_near():
    features, label = moons()
    labeled = np.arange(0, 240)
    graph, found = spread_on(features, label, labeled)
    exact = np.linalg.inv(np.eye(N) - ALPHA * graph.toarray())
    target = np.zeros((240, 2))
    target[np.arange(240), label[labeled]] = 1
    own = np.diagonal(exact)[labeled]
    expected = exact[np.ix_(labeled, labeled)] @ target - own[:, None] * target
    assert np.corrcoef(found.left_out.ravel(), expected.ravel())[0, 1] > 0.99


def test_a_point_of_the_pool_gets_what_spread_to_it_and_a_stranger_what_is_around():
    features, label = moons()
    labeled = np.array([0, 1, 100, 101, 200, 201])
    model = learned_on(features, label, labeled, "Blend").model
    assert model.pipeline.share > 0
    near = features + np.float32(0.002)
    said = model.predict_proba(near).argmax(axis=1)
    assert np.mean(said == model.predict_proba(features).argmax(axis=1)) > 0.98


@pytest.mark.parametrize("as_text", [False, True])
def test_a_blend_survives_its_file(as_text):
    features, label = moons()
    if as_text:
        features = sparse.csr_matrix(np.abs(features))
    labeled = np.arange(0, 80)
    model = learned_on(features, label, labeled, "Blend").model
    again = load(model.save())
    np.testing.assert_array_equal(again.predict_proba(features), model.predict_proba(features))


def test_points_survive_their_file():
    points = points_of(moons()[0])
    again = Points.from_bytes(points.to_bytes())
    assert again.to_bytes() == points.to_bytes()
    np.testing.assert_array_equal(again.neighbour, points.neighbour)


def test_a_rare_class_is_not_drowned():
    rng = np.random.default_rng(0)
    label = (np.arange(N) % 20 == 0).astype(int)
    features = (rng.normal(size=(N, 3)) + 6 * label[:, None]).astype(np.float32)
    labeled = np.arange(60)
    model = learned_on(features, label, labeled).model
    right = model.predict_proba(features).argmax(axis=1) == label
    assert right[label == 1].mean() > 0.9 < right[label == 0].mean()


def test_auto_takes_another_head_only_if_it_is_better_beyond_chance():
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=N)
    features = rng.normal(size=(N, 40)).astype(np.float32)
    assert learned_on(features, label, np.arange(150)).model.name == "Blend"
    # One quiet column among loud ones: distances drown it, discriminant analysis does not.
    features *= 10
    features[:, 0] = 2 * label - 1 + rng.normal(scale=0.3, size=N)
    learned = learned_on(features, label, np.arange(300))
    assert learned.model.name != "Blend"
    right = learned.model.predict_proba(features[300:]).argmax(axis=1) == label[300:]
    assert right.mean() > 0.9


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e30])
def test_of_features_that_are_not_finite_nothing_is_known(broken):
    features, label = moons()
    features[[3, 150]] = broken
    learned = learned_on(features, label, np.arange(60))
    assert learned.left_out[3].tolist() == [0.5, 0.5]
    proba = learned.model.predict_proba(features)
    assert proba[150].tolist() == [0.5, 0.5]
    assert np.isfinite(proba).all()
    assert np.mean(proba.argmax(axis=1) == label) > 0.95


def test_labels_whose_features_are_all_broken_train_nothing():
    features, label = moons()
    features[:60] = np.nan
    with pytest.raises(NotTrainableError, match="60 items whose features are not finite"):
        learned_on(features, label, np.arange(60))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_equal_items_have_equal_labels_and_no_certainty(kind):
    features = np.ones((N, 5), np.float32)
    label = np.arange(N) % 2
    model = learned_on(sparse.csr_matrix(features) if kind == "sparse" else features, label,
                       np.arange(50)).model  # fmt: skip
    proba = model.predict_proba(features if kind == "dense" else sparse.csr_matrix(features))
    assert np.isfinite(proba).all()
    assert proba.max() < 0.75


def test_more_classes_than_labels_leave_the_others_at_zero():
    features, label = moons()
    model = learned_on(features, label, np.arange(4), n_classes=50).model
    proba = model.predict_proba(features)
    assert proba.shape == (N, 50)
    assert (proba[:, 2:] == 0).all()


def test_a_pool_too_small_for_neighbours_has_its_kernel():
    features, label = moons()
    model = learned_on(features[:9], label[:9], np.arange(6)).model
    assert model.pipeline.share == 0
    assert np.isfinite(model.predict_proba(features)).all()


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_scores_may_have_any_scale(scale):
    rng = np.random.default_rng(0)
    position = rng.integers(4, size=500)
    scores = np.eye(4)[position] + rng.normal(size=(500, 4)) * 0.3
    reference = Calibration.of(scores, position)(scores)
    scaled = Calibration.of(scores * scale, position)(scores * scale)
    np.testing.assert_allclose(scaled, reference, atol=1e-6)

"""Sets of classes from features."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from surelabel.models import ModelFileError
from surelabel.models.label_sets import LabelSets, fit, load


def birds(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Features of three classes that come and go by themselves, and a column of noise each."""
    rng = np.random.default_rng(seed)
    is_class = rng.random((n, 3)) < (0.5, 0.3, 0.1)
    features = np.hstack((is_class + rng.normal(0, 0.3, (n, 3)), rng.normal(0, 0.3, (n, 3))))
    return features.astype(np.float32), is_class


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_classes_are_learned_each_by_itself(kind) -> None:
    features, is_class = birds(200)
    model, _ = fit(kind(features), is_class)
    fresh, truth = birds(400, seed=2)
    chance = model.predict_proba(kind(fresh))
    assert ((chance > 0.5) == truth).mean() > 0.93
    # What is said with 90 % is right in about nine of ten.
    sure = np.maximum(chance, 1 - chance)
    for low, high in ((0.6, 0.9), (0.9, 1.0)):
        there = (sure >= low) & (sure < high)
        right = ((chance > 0.5) == truth)[there].mean()
        assert abs(right - sure[there].mean()) < 0.12


def test_held_out_chances_are_those_of_a_model_without_the_item() -> None:
    features, is_class = birds(60)
    model, held_out = fit(features, is_class)
    for row in (0, 17, 59):
        rest = np.arange(60) != row
        without, _ = fit(features[rest], is_class[rest])
        # The same but for the width of the kernel and the calibration, which one item moves little.
        again = LabelSets(without.pipeline, model.share, model.weights)
        assert np.abs(again.predict_proba(features[[row]])[0] - held_out[row]).max() < 0.1


def test_labels_of_one_kind_teach_how_common_they_are() -> None:
    features, _ = birds(9)
    is_class = np.tile([True, False, False], (9, 1))
    model, held_out = fit(features, is_class)
    assert model.pipeline is None
    assert np.allclose(model.predict_proba(features), [0.95, 0.05, 0.05])
    assert np.allclose(held_out, [8.5 / 9, 0.5 / 9, 0.5 / 9])


def test_a_single_label_is_enough_for_a_model_of_nothing() -> None:
    model, held_out = fit(birds(1)[0], np.array([[True, False, True]]))
    assert np.allclose(held_out, 0.5)
    assert np.allclose(model.predict_proba(birds(2)[0])[0], [0.75, 0.25, 0.75])


def test_no_items_have_no_chances() -> None:
    model, _ = fit(*birds(40))
    assert model.predict_proba(np.empty((0, 6), np.float32)).shape == (0, 3)


@pytest.mark.parametrize("n", [1, 60])
def test_a_model_comes_back_from_its_file(n: int) -> None:
    features, is_class = birds(n)
    model, _ = fit(features, is_class)
    again = load(model.save())
    assert np.array_equal(again.predict_proba(features), model.predict_proba(features))
    assert fit(features, is_class)[0].save() == model.save()


def test_a_file_of_something_else_is_refused() -> None:
    with pytest.raises(ModelFileError):
        load(b"no model")

"""Parameters of every algorithm of every family: one out of bounds is refused when it is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
import sklearn.base

from surelabel import consolidation as classes
from surelabel.consolidation import masks, multi_label, objects, preferences, ratings, spans, texts
from surelabel.consolidation.fitted import Fitted, NotFittedError

ITEM, WHO = np.array([0, 0, 0]), np.array([0, 1, 2])


def _numbers(method: type[Fitted]) -> list[str]:
    """Its parameters that are numbers."""
    # Some have max_iter as an attribute only.
    named = {"max_iter", "tol"} if hasattr(method, "max_iter") else set()
    if is_dataclass(method):
        named |= {f.name for f in fields(method) if f.type in ("int", "float")}
    return sorted(name for name in named if hasattr(method, name))


def answers_of(family: str) -> tuple[Any, ...]:
    """A few answers of that family, as ``fit`` takes them."""
    square = np.zeros((4, 4), np.uint8)
    square[1:3, 1:3] = 1
    return {
        "classes": lambda: (ITEM, WHO, np.array([0, 0, 1]), 1, 3, 2),
        "multi_label": lambda: (
            multi_label.MultiLabelAnswers.of(ITEM, WHO, [0, 1], [0, 1], 1, 3, 2),
        ),
        "objects": lambda: (
            objects.ObjectAnswers.of(
                ITEM, WHO, [0, 1], objects.Boxes.of([[0, 0, 4, 4], [0, 0, 4, 5]]), [0, 0], 1, 3, 1
            ),
        ),
        "spans": lambda: (spans.SpanAnswers.of_lists([(0, 0, [(0, 2, 0)])], 1, 1, 1),),
        "masks": lambda: (masks.MaskAnswers.of(ITEM, WHO, [square] * 3, 1, 3, 2),),
        "instances": lambda: (masks.InstanceAnswers.of(ITEM, WHO, [0], [0], [square], 1, 3, 1),),
        "pairs": lambda: (preferences.PreferenceAnswers.of(ITEM, WHO, [0, 0, 1], 1, 3),),
        "rankings": lambda: (
            preferences.RankingAnswers.of([0], [0], [0, 0], [0, 1], [0, 1], [2], 1),
        ),
        "ratings": lambda: (
            ratings.RatingAnswers.of(ITEM, WHO, np.array([1.0, 2, 3]), 1, 3, step=1.0),
        ),
        "texts": lambda: (texts.TextAnswers.of(ITEM, WHO, ["a", "a", "b"], 1, 3),),
    }[family]()


FAMILIES: dict[str, dict[str, Any]] = {
    "classes": classes.METHODS,
    "multi_label": multi_label.METHODS,
    "objects": objects.METHODS,
    "spans": spans.METHODS,
    "masks": masks.METHODS,
    "instances": masks.INSTANCE_METHODS,
    "pairs": preferences.METHODS,
    "rankings": preferences.RANKING_METHODS,
    "ratings": ratings.METHODS,
    "texts": texts.METHODS,
}


def _cases() -> Iterator[Any]:
    for family, methods in FAMILIES.items():
        for name, method in methods.items():
            for parameter in _numbers(method):
                yield pytest.param(family, method, parameter, id=f"{family}-{name}-{parameter}")


@pytest.mark.parametrize(("family", "method", "parameter"), list(_cases()))
@pytest.mark.parametrize("value", [-1, float("nan"), "2"], ids=str)
def test_a_parameter_out_of_bounds_is_refused_with_name_rule_and_value(
    family: str, method: type, parameter: str, value: Any
) -> None:
    algorithm = method()
    setattr(algorithm, parameter, value)
    with pytest.raises(ValueError, match=f"^{parameter} must be a (whole )?number .*; got"):
        algorithm.fit(*answers_of(family))


every_method = pytest.mark.parametrize(
    ("family", "method"),
    [
        pytest.param(family, method, id=f"{family}-{name}")
        for family, methods in FAMILIES.items()
        for name, method in methods.items()
    ],
)


@every_method
def test_the_usual_parameters_are_within_bounds(family: str, method: type) -> None:
    assert method().fit(*answers_of(family)).n_iter_ >= 0


@pytest.mark.parametrize("value", [0, 1.5, True])
def test_iterations_are_whole_and_one_at_least(value: object) -> None:
    with pytest.raises(ValueError, match="max_iter must be a whole number of at least 1; got"):
        classes.DawidSkene(max_iter=value).fit(*answers_of("classes"))  # type: ignore[arg-type]


def test_dawid_skene_cannot_do_without_smoothing() -> None:
    with pytest.raises(ValueError, match="smoothing must be a number above 0; got 0"):
        classes.DawidSkene(smoothing=0).fit(*answers_of("classes"))


@every_method
def test_a_method_is_cloned_as_scikit_learn_does_it(family: str, method: type) -> None:
    algorithm = method()
    for name, value in algorithm.get_params().items():
        if type(value) is int:
            algorithm.set_params(**{name: value + 1})
    again = sklearn.base.clone(algorithm)
    assert type(again) is method
    assert again is not algorithm
    assert again.get_params() == algorithm.get_params(deep=False)
    with pytest.raises(ValueError, match=r"must have the parameter; got 'max_turns'. It has"):
        algorithm.set_params(max_turns=3)


@every_method
def test_before_fit_it_says_that_it_is_not_fitted(family: str, method: type) -> None:
    algorithm = method()
    for name in ("result_", "n_iter_", "converged_", "annotators_"):
        with pytest.raises(NotFittedError, match=f"{method.__name__} must be fitted before"):
            getattr(algorithm, name)
        assert not hasattr(algorithm, name)
    with pytest.raises(AttributeError, match="has no attribute 'labels'"):
        _ = algorithm.labels
    algorithm.fit(*answers_of(family))
    assert algorithm.result_.n_iter >= 0
    with pytest.raises(AttributeError, match="has no attribute 'nothing_'") as refused:
        _ = algorithm.nothing_
    assert not isinstance(refused.value, NotFittedError)


def test_labels_before_fit() -> None:
    with pytest.raises(NotFittedError, match="Auto must be fitted before labels_; call fit or fit"):
        _ = classes.Auto().labels_


@every_method
def test_the_arrays_of_a_result_cannot_be_written_to(family: str, method: type) -> None:
    given = answers_of(family)
    writeable = [each.flags.writeable for each in given if isinstance(each, np.ndarray)]
    result = method().fit_predict(*given)
    arrays = [value for value in vars(result).values() if isinstance(value, np.ndarray)]
    assert arrays
    assert not any(each.flags.writeable for each in arrays)
    # What was given can be used as before.
    assert [e.flags.writeable for e in given if isinstance(e, np.ndarray)] == writeable


KNOWING = (
    classes.Auto, classes.DawidSkene, classes.HierarchicalDawidSkene, classes.OneCoinDawidSkene,
)  # fmt: skip
knowing = pytest.mark.parametrize("method", KNOWING)


@knowing
def test_classes_are_as_common_as_it_is_known(method: Any) -> None:
    # One answer each for class 1, and one for class 0.
    item, who, label = np.array([0, 1, 2]), np.array([0, 1, 2]), np.array([1, 1, 0])
    rare = method(class_prior=[0.99, 0.01]).fit_predict(item, who, label, 4, 3, 2)
    common = method(class_prior=(0.01, 0.99)).fit_predict(item, who, label, 4, 3, 2)
    np.testing.assert_array_equal(rare.annotators.prior, [0.99, 0.01])
    assert (rare.posterior[:3, 1] < common.posterior[:3, 1]).all()
    # Of an item that nobody answered nothing else is known.
    np.testing.assert_allclose(rare.posterior[3], [0.99, 0.01])
    frozen = method(class_prior=[0.01, 0.99]).fit_predict(
        item, who, label, 4, 3, 2, frozen_annotators=rare.annotators
    )
    assert (frozen.posterior[:3, 1] > rare.posterior[:3, 1]).all()


@knowing
@pytest.mark.parametrize(
    ("prior", "told"),
    [
        ([1.0], r"class_prior must have 2 entries \(n_classes\); got shape \(1,\)"),
        ([0.5, 0.4], r"class_prior must be shares above 0 that sum to 1; got \[0.5, 0.4\]"),
        ([0.0, 1.0], "class_prior must be shares above 0"),
        ([float("nan"), 1.0], "class_prior must be shares above 0"),
    ],
)
def test_what_is_no_class_prior_is_refused(method: Any, prior: list[float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        method(class_prior=prior).fit(*answers_of("classes"))


def test_a_class_prior_of_the_learned_shares_changes_next_to_nothing() -> None:
    given = answers_of("classes")
    learned = classes.DawidSkene().fit_predict(*given)
    told = classes.DawidSkene(class_prior=learned.annotators.prior).fit_predict(*given)
    np.testing.assert_allclose(told.posterior, learned.posterior, atol=0.01)

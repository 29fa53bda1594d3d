"""Parameters of every algorithm of every family: one out of bounds is refused when it is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from surelabel import consolidation as classes
from surelabel.consolidation import masks, multi_label, objects, preferences, ratings, spans, texts
from surelabel.consolidation.fitted import Fitted

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


@pytest.mark.parametrize(
    ("family", "method"),
    [
        pytest.param(family, method, id=f"{family}-{name}")
        for family, methods in FAMILIES.items()
        for name, method in methods.items()
    ],
)
def test_the_usual_parameters_are_within_bounds(family: str, method: type) -> None:
    assert method().fit(*answers_of(family)).n_iter_ >= 0


@pytest.mark.parametrize("value", [0, 1.5, True])
def test_iterations_are_whole_and_one_at_least(value: object) -> None:
    with pytest.raises(ValueError, match="max_iter must be a whole number of at least 1; got"):
        classes.DawidSkene(max_iter=value).fit(*answers_of("classes"))  # type: ignore[arg-type]


def test_dawid_skene_cannot_do_without_smoothing() -> None:
    with pytest.raises(ValueError, match="smoothing must be a number above 0; got 0"):
        classes.DawidSkene(smoothing=0).fit(*answers_of("classes"))

"""The power law of the learning curve: what it knows, and how far it goes beyond that."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.learning_curve import LearningPoint, fit_power_law


def points(*counts: tuple[int, int, int]) -> list[LearningPoint]:
    """Labels, items, wrong."""
    return [
        LearningPoint(round=k, labels=labels, items=items, wrong=wrong)
        for k, (labels, items, wrong) in enumerate(counts, start=1)
    ]


def test_many_counts_of_one_law_give_that_law() -> None:
    labels = (100, 200, 400, 800, 1_600)
    counts = [(n, 50_000, round(50_000 * 0.2 * (n / 100) ** -0.5)) for n in labels]
    law = fit_power_law(points(*counts))
    assert law.error(1_600, 0.5) == pytest.approx(0.05, rel=0.06)
    assert law.error(6_400, 0.5) == pytest.approx(0.025, rel=0.15)
    assert law.error(6_400, 0.05) <= 0.025 * 1.06
    assert law.error(6_400, 0.95) >= 0.025 * 0.94


def test_a_plateau_stays_one() -> None:
    law = fit_power_law(points(*((n, 1_000, 250) for n in (200, 400, 800, 1_600))))
    assert law.error(6_400, 0.05) > 0.15


def test_few_items_say_little() -> None:
    few = fit_power_law(points((200, 25, 3), (400, 50, 3)))
    many = fit_power_law(points((200, 2_500, 300), (400, 5_000, 300)))

    def width(labels: int, law: object) -> float:
        error = law.error  # type: ignore[attr-defined]
        return float(np.log(error(labels, 0.95) / error(labels, 0.05)))

    assert width(400, few) > 3 * width(400, many)
    assert width(3_200, few) > width(3_200, many)


def test_looking_again_at_the_same_items_makes_nothing_surer() -> None:
    once = fit_power_law(points((200, 50, 5)))
    often = fit_power_law(points(*[(200, 50, 5)] * 8))
    for share in (0.05, 0.5, 0.95):
        assert often.error(200, share) == pytest.approx(once.error(200, share))


def test_without_a_count_the_usual_power_is_believed() -> None:
    law = fit_power_law([])
    assert law.models == 0
    assert law.error(2, 0.5) / law.error(1, 0.5) == pytest.approx(2**-0.7, rel=0.05)


def test_no_error_found_is_not_no_error() -> None:
    law = fit_power_law(points((200, 50, 0)))
    # The rule of three: up to 3/n at 95 %.
    assert 0.01 < law.error(200, 0.95) < 0.08


def test_all_wrong_is_no_more_than_all() -> None:
    law = fit_power_law(points((2, 50, 50)))
    assert law.error(1, 0.95) <= 1
    assert law.error(2, 0.05) > 0.85


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_more_labels_never_make_it_worse(share: float) -> None:
    law = fit_power_law(points((200, 50, 15), (400, 100, 25)))
    errors = [law.error(n, share) for n in (100, 200, 400, 1_000, 10_000)]
    assert errors == sorted(errors, reverse=True)


def test_points_without_uniform_items_tell_nothing() -> None:
    law = fit_power_law(points((200, 0, 0), (400, 0, 0)))
    assert (law.models, law.here) == (0, 400)

"""The figures on the pages about the promise are those that the code computes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scipy.stats import beta, hypergeom

from surelabel.certify import Account, attempt_risk, upper_bound
from surelabel.proposing import MIN_CHANCE

CONCEPTS = Path(__file__).parents[2] / "docs" / "concepts"
PROMISE = (CONCEPTS / "promise.md").read_text(encoding="utf-8")
THEOREM = (CONCEPTS / "promise-theorem.md").read_text(encoding="utf-8")
FIRST = attempt_risk(1, 50)


def smallest_sample(n_items: int, errors: int, permille: int) -> int:
    account = Account(target_error_permille=permille, risk_permille=50)
    return next(
        n
        for n in range(errors + 1, n_items)
        if account.accepts(n_items, n, upper_bound(n_items, n, errors, FIRST) - errors)
    )


def test_the_box_of_labels_is_counted_right() -> None:
    assert "1,581 pictures" in PROMISE and "take out 192" in PROMISE
    left = upper_bound(1_581, 192, 2, FIRST) - 2
    assert f"Here it is {left} labels, {100 * left / 1_389:.1f} % of 1,389" in PROMISE
    account = Account(target_error_permille=50, risk_permille=50)
    assert account.accepts(1_581, 192, left)


def test_many_wrong_labels_would_have_shown() -> None:
    """8, 6 and 4 in 100: nearly always more than two, very unlikely, less so."""
    chances = [hypergeom.cdf(2, 1_581, round(1_581 * share), 192) for share in (0.08, 0.06, 0.04)]
    assert chances[0] < 1e-3 < 1e-3 * 5 > chances[1]
    assert chances[1] < chances[2] < 0.05
    assert round(192 * 0.08) == 15


@pytest.mark.parametrize("percent", [10, 5, 2, 1])
def test_the_table_of_samples_is_what_the_code_needs(percent: int) -> None:
    row = re.search(rf"^\| {percent} % \|(.*)\|$", PROMISE, re.MULTILINE)
    assert row is not None
    written = [int(cell) for cell in row[1].split("|")]
    assert written == [smallest_sample(9_000, errors, 10 * percent) for errors in range(4)]


def test_the_size_of_the_box_hardly_matters() -> None:
    assert "73 are enough for 2,000 labels, and 72\nfor a million" in PROMISE
    assert smallest_sample(2_000, 0, 50) == 73
    assert smallest_sample(1_000_000, 0, 50) == 72


def test_the_shares_of_the_risk_are_as_told() -> None:
    assert "δ_a = δ/2^a" in THEOREM
    risks = [attempt_risk(a, 50) for a in range(1, 60)]
    assert risks == [0.05 / 2**a for a in range(1, 60)]
    assert sum(risks) <= 0.05
    usual = [0.05 * 6 / (3.141592653589793 * a) ** 2 for a in range(1, 7)]
    assert risks[0] / usual[0] == pytest.approx(5 / 6, abs=0.02)
    assert all(ours > other for ours, other in zip(risks[1:5], usual[1:5], strict=True))
    assert risks[5] < usual[5]


def test_the_binomial_example_is_right() -> None:
    assert "= 20 labels to give, n = 59 and k = 0, its bound is 0.049" in THEOREM
    assert beta.ppf(0.95, 1, 59) == pytest.approx(0.049, abs=0.001)
    assert upper_bound(79, 59, 0, 0.05) == 2
    assert "P(k = 0 | K = 2) = 0.062" in THEOREM
    assert hypergeom.cdf(0, 79, 2, 59) == pytest.approx(0.062, abs=0.0005)


def test_an_attempt_is_made_where_it_is_as_likely_to_pass_as_told() -> None:
    assert f"likely to pass ({100 * MIN_CHANCE:.0f} %)" in THEOREM

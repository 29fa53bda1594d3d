"""Intraclass correlation: the share of the variance of ratings that is the items'.

P. E. Shrout and J. L. Fleiss, "Intraclass Correlations: Uses in Assessing Rater Reliability", 1979,
doi:10.1037/0033-2909.86.2.420. The variances are found from sums of squares as C. R. Henderson's
method 1 does ("Estimation of Variance and Covariance Components", 1953, doi:10.2307/3001853): where
everybody rates everything that is the analysis of variance, and it holds for any answers missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.ratings.answers import RatingAnswers

_NAN = float("nan")


@dataclass(frozen=True)
class IntraclassCorrelation:
    """Of one rating (``single``) and of the mean of as many as an item has (``mean``).

    ``oneway``: ICC(1), all that is not the item's is noise. ``agreement``: ICC(2), annotators'
    biases count against it. ``consistency``: ICC(3), biases are forgiven. Each (single, mean); nan
    where the answers do not tell (no item of two ratings, no annotator of two items, all ratings
    equal). ``per_item``: ratings per item behind ``mean`` (the harmonic mean over items).
    """

    oneway: tuple[float, float]
    agreement: tuple[float, float]
    consistency: tuple[float, float]
    per_item: float


def intraclass_correlation(answers: RatingAnswers) -> IntraclassCorrelation:
    """The three correlations; variances below 0 count as they come, as in the analysis of variance.

    Items of one rating help to find the annotators' biases only.
    """
    n_item = answers.n_answers[answers.n_answers > 0].astype(float)
    n_annotator = answers.by_annotator[answers.by_annotator > 0].astype(float)
    n = n_item.sum()
    if not len(n_item) or n_item.max() < 2:
        empty = (_NAN, _NAN)
        return IntraclassCorrelation(empty, empty, empty, _NAN)
    # Differences do not change; squares of large numbers would lose digits.
    x = answers.value - answers.value.mean()
    per_item = answers.per_item(x)[answers.n_answers > 0]
    per_annotator = answers.per_annotator(x)[answers.by_annotator > 0]
    total = (x**2).sum()
    items = (per_item**2 / n_item).sum()
    annotators = (per_annotator**2 / n_annotator).sum()
    k = 1 / (1 / n_item).mean()
    a, b = len(n_item), len(n_annotator)
    square_item, square_annotator = (n_item**2).sum() / n, (n_annotator**2).sum() / n

    # One way: between items and within.
    within = (total - items) / (n - a) if n > a else _NAN
    between = (items - within * (a - 1)) / (n - square_item) if a > 1 else _NAN
    oneway = _shares(between, within, k)
    # Two ways: expectations of the three sums of squares in the three variances.
    left = np.array([
        [n - square_item, n - square_annotator, n - 1],
        [n - square_item, a - square_annotator, a - 1],
        [b - square_item, n - square_annotator, b - 1],
    ])  # fmt: skip
    if a < 2 or b < 2 or np.linalg.matrix_rank(left) < 3:
        unknown = (_NAN, _NAN)
        return IntraclassCorrelation(oneway, unknown, unknown, float(k))
    of_item, of_annotator, noise = np.linalg.solve(left, [total, items, annotators])
    return IntraclassCorrelation(
        oneway,
        _shares(of_item, of_annotator + noise, k),
        _shares(of_item, noise, k),
        float(k),
    )


def _shares(signal: float, rest: float, k: float) -> tuple[float, float]:
    single, mean = signal + rest, signal + rest / k
    return (
        float(signal / single) if single > 0 else _NAN,
        float(signal / mean) if mean > 0 else _NAN,
    )

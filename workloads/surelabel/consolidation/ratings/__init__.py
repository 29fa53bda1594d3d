"""From several people's ratings (numbers, or steps of a scale) to one per item.

Every method has ``fit_predict(answers, *, frozen_annotators=None)`` and returns a
``RatingResult``. None changes its input or draws random numbers.
"""

from __future__ import annotations

from surelabel.consolidation.ratings.answers import RatingAnswers, disagreement
from surelabel.consolidation.ratings.base import Rating
from surelabel.consolidation.ratings.bias_and_noise import BiasAndNoise
from surelabel.consolidation.ratings.centre import Mean, Median
from surelabel.consolidation.ratings.intraclass_correlation import (
    IntraclassCorrelation,
    intraclass_correlation,
)
from surelabel.consolidation.ratings.result import RatingAnnotators, RatingResult
from surelabel.consolidation.ratings.rounded_normal import Auto, RoundedNormal

# Every algorithm for ratings, by the name that ``spec.consolidation.method`` will have.
METHODS: dict[str, type[Rating]] = {
    "Auto": Auto,
    "Mean": Mean,
    "Median": Median,
    "BiasAndNoise": BiasAndNoise,
    "RoundedNormal": RoundedNormal,
}

__all__ = [
    "METHODS",
    "Auto",
    "BiasAndNoise",
    "IntraclassCorrelation",
    "Mean",
    "Median",
    "Rating",
    "RatingAnnotators",
    "RatingAnswers",
    "RatingResult",
    "RoundedNormal",
    "disagreement",
    "intraclass_correlation",
]

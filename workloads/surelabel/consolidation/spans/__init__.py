"""From several people's spans in a text to one set of spans; imports only NumPy and SciPy.

Every method has ``fit_predict(SpanAnswers, texts=...)`` and returns a ``SpanResult``. Offsets are
Unicode code points, end exclusive. None changes its input or draws random numbers.
"""

from __future__ import annotations

from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.base import SpanMethod
from surelabel.consolidation.spans.bayesian_sequence_combination import BayesianSequenceCombination
from surelabel.consolidation.spans.disagreement import (
    SpanScore,
    disagreement,
    exact_score,
    pairwise_disagreement,
    relaxed_score,
)
from surelabel.consolidation.spans.jaccard_clusters import JaccardClusters
from surelabel.consolidation.spans.overlap import Marks
from surelabel.consolidation.spans.result import SpanAnnotators, SpanResult
from surelabel.consolidation.spans.token_dawid_skene import TokenDawidSkene
from surelabel.consolidation.spans.token_majority import TokenMajority

# Every algorithm for spans, by the name that ``spec.consolidation.method`` will have.
METHODS: dict[str, type[SpanMethod]] = {
    "Auto": BayesianSequenceCombination,
    "BayesianSequenceCombination": BayesianSequenceCombination,
    "JaccardClusters": JaccardClusters,
    "TokenDawidSkene": TokenDawidSkene,
    "TokenMajority": TokenMajority,
}

__all__ = [
    "METHODS",
    "BayesianSequenceCombination",
    "JaccardClusters",
    "Marks",
    "SpanAnnotators",
    "SpanAnswers",
    "SpanMethod",
    "SpanResult",
    "SpanScore",
    "TokenDawidSkene",
    "TokenMajority",
    "disagreement",
    "exact_score",
    "pairwise_disagreement",
    "relaxed_score",
]

"""From several people's answers to one label per item; imports only NumPy and SciPy.

Every method has ``fit_predict(item, annotator, label, n_items, n_annotators, n_classes, ...)``
and returns a ``ConsolidationResult``. None changes its input or draws random numbers.
"""

from __future__ import annotations

from surelabel.consolidation.consensus_error import ErrorShare, consensus_error
from surelabel.consolidation.dawid_skene import DawidSkene
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene
from surelabel.consolidation.majority_vote import MajorityVote
from surelabel.consolidation.result import (
    AnnotatorParameters,
    ConsolidationResult,
    Consolidator,
)

# ``spec.consolidation.method`` for classification, in the order in which the schema lists them.
METHODS: dict[str, type[Consolidator]] = {
    "Auto": HierarchicalDawidSkene,
    "MajorityVote": MajorityVote,
    "DawidSkene": DawidSkene,
}

__all__ = [
    "METHODS",
    "AnnotatorParameters",
    "ConsolidationResult",
    "Consolidator",
    "DawidSkene",
    "ErrorShare",
    "HierarchicalDawidSkene",
    "MajorityVote",
    "consensus_error",
]

"""From several people's answers to one label per item; imports NumPy and SciPy, later also Numba.

Every method has ``fit_predict(item, annotator, label, n_items, n_annotators, n_classes, ...)``
and returns a ``ConsolidationResult``. None changes its input or draws random numbers. More answers
than fit into memory: ``PackedAnswers`` and ``learn_from_shards``.
"""

from __future__ import annotations

from surelabel.consolidation.another_answer import (
    value_of_another_answer,
    value_of_closer_answers,
    value_of_two_answers,
    who_needs_another,
)
from surelabel.consolidation.answers import Answers
from surelabel.consolidation.auto import Auto
from surelabel.consolidation.base import Classification, Learned
from surelabel.consolidation.coded import Coded, coded
from surelabel.consolidation.consensus_error import ErrorShare, consensus_error
from surelabel.consolidation.crowdlab import CrowdlabResult, activelab, crowdlab
from surelabel.consolidation.dawid_skene import DawidSkene
from surelabel.consolidation.ebcc import EBCC
from surelabel.consolidation.glad import GLAD
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene
from surelabel.consolidation.majority_vote import MajorityVote
from surelabel.consolidation.modified_dawid_skene import ModifiedDawidSkene
from surelabel.consolidation.one_coin_dawid_skene import OneCoinDawidSkene
from surelabel.consolidation.packed_answers import PackedAnswers
from surelabel.consolidation.result import AnnotatorParameters, ConsolidationResult
from surelabel.consolidation.wawa import Wawa

# Every algorithm for classification, by the name that ``spec.consolidation.method`` will have.
METHODS: dict[str, type[Classification]] = {
    "Auto": Auto,
    "MajorityVote": MajorityVote,
    "Wawa": Wawa,
    "DawidSkene": DawidSkene,
    "OneCoinDawidSkene": OneCoinDawidSkene,
    "HierarchicalDawidSkene": HierarchicalDawidSkene,
    "GLAD": GLAD,
    "EBCC": EBCC,
    "GroundTruth": ModifiedDawidSkene,
}

__all__ = [
    "EBCC",
    "GLAD",
    "METHODS",
    "AnnotatorParameters",
    "Answers",
    "Auto",
    "Classification",
    "Coded",
    "ConsolidationResult",
    "CrowdlabResult",
    "DawidSkene",
    "ErrorShare",
    "HierarchicalDawidSkene",
    "Learned",
    "MajorityVote",
    "ModifiedDawidSkene",
    "OneCoinDawidSkene",
    "PackedAnswers",
    "Wawa",
    "activelab",
    "coded",
    "consensus_error",
    "crowdlab",
    "value_of_another_answer",
    "value_of_closer_answers",
    "value_of_two_answers",
    "who_needs_another",
]

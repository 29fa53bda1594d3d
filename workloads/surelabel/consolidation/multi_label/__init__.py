"""From several people's label sets to one per item, with a chance for each label.

Every method has ``fit_predict(answers, *, frozen_annotators=None)`` and returns a
``MultiLabelResult``. None changes its input or draws random numbers.
"""

from __future__ import annotations

from surelabel.consolidation.multi_label.answers import MultiLabelAnswers
from surelabel.consolidation.multi_label.base import MultiLabel
from surelabel.consolidation.multi_label.distance import disagreement, jaccard
from surelabel.consolidation.multi_label.hierarchical_dawid_skene import HierarchicalDawidSkene
from surelabel.consolidation.multi_label.joint_dawid_skene import JointDawidSkene
from surelabel.consolidation.multi_label.majority_vote import GroundTruth, MajorityVote
from surelabel.consolidation.multi_label.result import MultiLabelAnnotators, MultiLabelResult

# Every algorithm for label sets, by the name that ``spec.consolidation.method`` will have.
METHODS: dict[str, type[MultiLabel]] = {
    "Auto": JointDawidSkene,
    "MajorityVote": MajorityVote,
    "HierarchicalDawidSkene": HierarchicalDawidSkene,
    "JointDawidSkene": JointDawidSkene,
    "GroundTruth": GroundTruth,
}

__all__ = [
    "METHODS",
    "GroundTruth",
    "HierarchicalDawidSkene",
    "JointDawidSkene",
    "MajorityVote",
    "MultiLabel",
    "MultiLabelAnnotators",
    "MultiLabelAnswers",
    "MultiLabelResult",
    "disagreement",
    "jaccard",
]

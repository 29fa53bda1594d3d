"""Majority vote on each label by itself, and Ground Truth's rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import Floats
from surelabel.consolidation.multi_label.answers import MultiLabelAnswers
from surelabel.consolidation.multi_label.base import Learned, MultiLabel, vote_share
from surelabel.consolidation.multi_label.joint_dawid_skene import JointDawidSkene, m_step
from surelabel.consolidation.multi_label.result import MultiLabelAnnotators


@dataclass
class MajorityVote(MultiLabel):
    """A label is the item's if more than half of its answers chose it; its share is confidence.

    Frozen annotators change nothing.
    """

    def _learn(self, answers: MultiLabelAnswers) -> Learned:
        share = vote_share(answers)
        # A label against its vote, so that annotators are not partly right about a lost label.
        decided = answers.clamped(np.where(share == 0.5, 0.5, share > 0.5))
        return Learned(share, m_step(answers, decided))

    def _judge(self, answers: MultiLabelAnswers, annotators: MultiLabelAnnotators) -> Floats:
        return vote_share(answers)


@dataclass
class GroundTruth(JointDawidSkene):
    """All labels that at least one annotator chose, as Ground Truth writes them.

    How Ground Truth gets their confidence is not published; here it is ``JointDawidSkene``'s. A
    label that hardly applies is among them: it has a low confidence.
    """

    def _chosen(self, probability: Floats) -> NDArray[np.bool_]:
        return np.ones(len(probability), dtype=bool)

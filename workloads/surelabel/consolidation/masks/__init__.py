"""From several people's masks to one: binary, multi-class, and instances; NumPy and SciPy only.

Every method has ``fit_predict(answers)`` on ``MaskAnswers`` (or ``InstanceAnswers``) and returns a
``MaskResult`` (or ``InstanceResult``). Images may be far larger than memory: masks are read, and
the label is drawn, tile by tile.
"""

from __future__ import annotations

from surelabel.consolidation.masks.answers import MaskAnswers, MaskReader
from surelabel.consolidation.masks.base import Segmentation
from surelabel.consolidation.masks.distance import disagreement, instance_disagreement
from surelabel.consolidation.masks.instance_answers import InstanceAnswers
from surelabel.consolidation.masks.instance_gold import JudgedByGold
from surelabel.consolidation.masks.instance_result import InstanceAnnotators, InstanceResult
from surelabel.consolidation.masks.instances import MatchedInstances
from surelabel.consolidation.masks.majority_vote import MajorityVote
from surelabel.consolidation.masks.result import MaskAnnotators, MaskResult
from surelabel.consolidation.masks.smoothed_vote import SmoothedVote
from surelabel.consolidation.masks.staple import STAPLE

# Every algorithm for masks, by the name that ``spec.consolidation.method`` will have.
METHODS: dict[str, type[Segmentation]] = {
    "Auto": SmoothedVote,
    "MajorityVote": MajorityVote,
    "STAPLE": STAPLE,
}
INSTANCE_METHODS: dict[str, type[MatchedInstances]] = {"Auto": MatchedInstances}

__all__ = [
    "INSTANCE_METHODS",
    "METHODS",
    "STAPLE",
    "InstanceAnnotators",
    "InstanceAnswers",
    "InstanceResult",
    "JudgedByGold",
    "MajorityVote",
    "MaskAnnotators",
    "MaskAnswers",
    "MaskReader",
    "MaskResult",
    "MatchedInstances",
    "Segmentation",
    "SmoothedVote",
    "disagreement",
    "instance_disagreement",
]

"""The class that most people gave a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from surelabel.consolidation.masks.base import Segmentation
from surelabel.consolidation.masks.result import MaskAnnotators
from surelabel.consolidation.masks.study import Study
from surelabel.consolidation.masks.voting import Voting, weighted_shares
from surelabel.consolidation.result import Floats


@dataclass
class MajorityVote(Segmentation):
    """Every vote counts alike; a tie goes to the background, then to the lower class."""

    def _judge(
        self,
        study: Study,
        known: MaskAnnotators | None,
        judged: MaskAnnotators | None,
        trust: Floats,
    ) -> Voting:
        n = len(study.annotator)
        classes = study.classes
        return Voting(
            classes,
            partial(weighted_shares, weights=np.ones(n), classes=classes),
            counted=np.ones(n, bool),
        )

"""What items whose instances are known tell of annotators: whom to believe elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from surelabel.consolidation.masks.result import MaskAnnotators
from surelabel.consolidation.objects.presence import Rates
from surelabel.consolidation.result import Floats

# Pseudo-instances that draw an annotator's share of right classes towards everybody's.
_PRIOR = 10.0
# Whoever names classes no better than chance is worth little, but no division by nothing.
_LEAST_WORTH = 0.1


@dataclass(frozen=True)
class JudgedByGold:
    """What gold items show. ``counts``: (5, n_annotators), in this order:

    ``hits``: known instances that each annotator marked of those ``seen``, ``named``: of the hits
    those with the right class; ``false``: candidates that are none that each marked of those seen
    that are none, ``absent``. ``drawn``: how near marks are to known instances.
    """

    counts: Floats
    drawn: MaskAnnotators
    n_classes: int

    @classmethod
    def pooled(cls, parts: Sequence[Self]) -> Self:
        """Those of several fits of the same annotators together."""
        counts = np.sum([part.counts for part in parts], axis=0)
        drawn = MaskAnnotators.pooled([part.drawn for part in parts])
        return cls(counts, drawn, parts[0].n_classes)

    @property
    def worth(self) -> Floats:
        """(n_annotators,): how much a mark of each says that there is something; positive."""
        hits, seen, _, false, absent = self.counts
        return Rates.of(hits, seen, false, absent).weight

    @property
    def naming(self) -> Floats:
        """(n_annotators,): how much the class that each names says, as log odds; positive."""
        hits, _, named, _, _ = self.counts
        pooled = (named.sum() + 1) / (hits.sum() + 2)
        right = (named + _PRIOR * pooled) / (hits + _PRIOR)
        odds = np.log(right / (1 - right) * max(self.n_classes - 1, 1))
        return np.asarray(np.maximum(odds, _LEAST_WORTH))

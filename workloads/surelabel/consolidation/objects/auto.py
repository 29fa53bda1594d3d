"""The default for objects: ``BetaBinomial``, which found most on real boxes and knows how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

from surelabel.consolidation.objects.beta_binomial import BetaBinomial


@dataclass
class Auto(BetaBinomial):
    """Weighted support, read off a curve that the answers give; see ``BetaBinomial``."""

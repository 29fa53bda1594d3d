"""The default for objects: what proved best, and surest of itself, on real boxes."""

from __future__ import annotations

from dataclasses import dataclass

from surelabel.consolidation.objects.beta_binomial import BetaBinomial


@dataclass
class Auto(BetaBinomial):
    """Weighted support, read off a curve that the answers give; see ``BetaBinomial``."""

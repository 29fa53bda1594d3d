"""From several people's objects to one set per item: boxes, rotated boxes, polygons, lines, points.

Matching, support, labels, fusion and confidence are written once; a kind of geometry is one file
and says how alike two marks are and which coordinates can be averaged.
"""

from __future__ import annotations

from surelabel.consolidation.objects.answers import ObjectAnswers
from surelabel.consolidation.objects.auto import Auto
from surelabel.consolidation.objects.base import Objects
from surelabel.consolidation.objects.beta_binomial import BetaBinomial
from surelabel.consolidation.objects.boxes import Boxes
from surelabel.consolidation.objects.disagreement import disagreement, disagreements
from surelabel.consolidation.objects.geometry import Geometry
from surelabel.consolidation.objects.hit_rates import HitRates
from surelabel.consolidation.objects.key_points import KeyPoints
from surelabel.consolidation.objects.polygons import Polygons
from surelabel.consolidation.objects.polylines import Polylines
from surelabel.consolidation.objects.result import ObjectAnnotators, ObjectResult
from surelabel.consolidation.objects.rotated_boxes import RotatedBoxes
from surelabel.consolidation.objects.support_vote import SupportVote

# Every algorithm for objects, by the name that ``spec.consolidation.method`` will have.
METHODS: dict[str, type[Objects]] = {
    "Auto": Auto,
    "SupportVote": SupportVote,
    "BetaBinomial": BetaBinomial,
    "HitRates": HitRates,
}

__all__ = [
    "METHODS",
    "Auto",
    "BetaBinomial",
    "Boxes",
    "Geometry",
    "HitRates",
    "KeyPoints",
    "ObjectAnnotators",
    "ObjectAnswers",
    "ObjectResult",
    "Objects",
    "Polygons",
    "Polylines",
    "RotatedBoxes",
    "SupportVote",
    "disagreement",
    "disagreements",
]

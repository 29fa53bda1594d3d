"""From several people's texts (free text, transcripts) to one per item.

Every method has ``fit_predict(answers, *, frozen_annotators=None)`` and returns a ``TextResult``.
None changes its input or draws random numbers.
"""

from __future__ import annotations

from surelabel.consolidation.texts.answers import TextAnnotators, TextAnswers, TextResult
from surelabel.consolidation.texts.base import Text
from surelabel.consolidation.texts.closest_to_centre import ClosestToCentre, MajorityVote
from surelabel.consolidation.texts.edit_distance import edit_distance
from surelabel.consolidation.texts.edit_distance import normalised_distance as disagreement
from surelabel.consolidation.texts.rover import Rover
from surelabel.consolidation.texts.tokens import Level, level_of, normalised, text_of, tokens_of

# Every algorithm for texts, by the name that ``spec.consolidation.method`` will have.
METHODS: dict[str, type[Text]] = {
    "Auto": Rover,
    "MajorityVote": MajorityVote,
    "ClosestToCentre": ClosestToCentre,
    "Rover": Rover,
}

__all__ = [
    "METHODS",
    "ClosestToCentre",
    "Level",
    "MajorityVote",
    "Rover",
    "Text",
    "TextAnnotators",
    "TextAnswers",
    "TextResult",
    "disagreement",
    "edit_distance",
    "level_of",
    "normalised",
    "text_of",
    "tokens_of",
]

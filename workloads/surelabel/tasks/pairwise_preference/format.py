"""Labels that say which of two candidates is better."""

from __future__ import annotations

from typing import Any, Literal, cast

from surelabel.tasks.fields import Field
from surelabel.tasks.own_content import OwnContentFormat
from surelabel.tasks.values import Preference


class PairwisePreferenceFormat(OwnContentFormat[Preference]):
    """``{"choice": "a" | "b" | "tie"}``."""

    name = "PairwisePreference"
    crowd_element = "crowd-radio-group"
    key = "choice"

    def take(self, content: Field) -> Preference:
        """See ``OwnContentFormat``."""
        return Preference(cast('Literal["a", "b", "tie"]', content.one_of("a", "b", "tie")))

    def give(self, value: Preference) -> Any:
        """See ``OwnContentFormat``."""
        return value.choice

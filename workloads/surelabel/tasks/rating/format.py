"""Labels that are a number on a scale."""

from __future__ import annotations

import re
from typing import Any

from surelabel.tasks.fields import Field, plain
from surelabel.tasks.own_content import OwnContentFormat
from surelabel.tasks.values import Rating

# Python's own float() would take 1_0 for ten, and digits of any script.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


class RatingFormat(OwnContentFormat[Rating]):
    """``{"value": number}``; HTML forms send numbers as text, which is read too."""

    name = "Rating"
    crowd_element = "crowd-slider"
    key = "value"

    def take(self, content: Field) -> Rating:
        """See ``OwnContentFormat``."""
        if isinstance(content.value, str):
            if not _NUMBER.fullmatch(content.value.strip()):
                raise content.wrong("a number")
            content = Field(float(content.value), content.name, content.parent)
        return Rating(content.number())

    def give(self, value: Rating) -> Any:
        """See ``OwnContentFormat``."""
        return plain(value.value)

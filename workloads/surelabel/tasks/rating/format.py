"""Labels that are a number on a scale."""

from __future__ import annotations

from typing import Any

from surelabel.tasks.fields import Field, plain
from surelabel.tasks.own_content import OwnContentFormat
from surelabel.tasks.values import Rating


class RatingFormat(OwnContentFormat[Rating]):
    """``{"value": number}``; HTML forms send numbers as text, which is read too."""

    name = "Rating"
    crowd_element = "crowd-slider"
    key = "value"

    def take(self, content: Field) -> Rating:
        """See ``OwnContentFormat``."""
        if isinstance(content.value, str):
            try:
                content = Field(float(content.value), content.name, content.parent)
            except ValueError:
                raise content.wrong("a number") from None
        return Rating(content.number())

    def give(self, value: Rating) -> Any:
        """See ``OwnContentFormat``."""
        return plain(value.value)

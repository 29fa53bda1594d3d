"""Labels that are text of the annotator's own: transcripts, captions, translations."""

from __future__ import annotations

from typing import Any

from surelabel.tasks.fields import Field
from surelabel.tasks.own_content import OwnContentFormat
from surelabel.tasks.values import Text


class FreeTextFormat(OwnContentFormat[Text]):
    """``{"text": "..."}``; "" is an answer: there is nothing to write."""

    name = "FreeText"
    crowd_element = "crowd-text-area"
    key = "text"

    def take(self, content: Field) -> Text:
        """See ``OwnContentFormat``."""
        return Text(content.text())

    def give(self, value: Text) -> Any:
        """See ``OwnContentFormat``."""
        return value.text

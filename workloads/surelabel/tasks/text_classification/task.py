"""TextClassification: one class per text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from surelabel.tasks.base import FeatureBatch
from surelabel.tasks.classification import Classification


@dataclass(frozen=True)
class TextClassification(Classification):
    """Text inline, or UTF-8 files by reference."""

    name: str = "TextClassification"
    manifest_type: str = "groundtruth/text-classification"
    crowd_element: str = "crowd-classifier"
    source_kind: Literal["text", "image"] = "text"
    max_source_bytes: int = 1_000_000

    def features(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """See ``TaskType``; bytes are UTF-8."""
        from surelabel.tasks.text_classification.features import text_features

        return text_features(sources)

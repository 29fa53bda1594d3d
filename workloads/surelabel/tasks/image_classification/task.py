"""ImageClassification: one class per picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from surelabel.tasks.base import FeatureBatch
from surelabel.tasks.classification import Classification


@dataclass(frozen=True)
class ImageClassification(Classification):
    """PNG, JPEG and WebP by reference."""

    name: str = "ImageClassification"
    manifest_type: str = "groundtruth/image-classification"
    crowd_element: str = "crowd-image-classifier"
    source_kind: Literal["text", "image"] = "image"
    max_source_bytes: int = 40_000_000  # Ground Truth's limit for an image file.

    def features(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """See ``TaskType``; every source is the content of an image file."""
        from surelabel.tasks.image_classification.features import image_features

        return image_features(sources)

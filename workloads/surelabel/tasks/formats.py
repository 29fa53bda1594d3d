"""The registry of label formats: one line for each task type whose answers and labels we read.

For who reads files alone; ``TASK_TYPES`` has the same types, with what people and algorithms do.
"""

from __future__ import annotations

from typing import Any

from surelabel.tasks import values
from surelabel.tasks.bounding_box.format import BOUNDING_BOX_FORMAT
from surelabel.tasks.custom.format import CustomFormat
from surelabel.tasks.free_text.format import FreeTextFormat
from surelabel.tasks.instance_segmentation.format import InstanceSegmentationFormat
from surelabel.tasks.keypoint.format import KEYPOINT_FORMAT
from surelabel.tasks.label_adjustment.format import Adjustable, LabelAdjustmentFormat
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.label_verification.format import LabelVerificationFormat
from surelabel.tasks.multi_label.format import IMAGE_FORMAT, TEXT_FORMAT
from surelabel.tasks.named_entity_recognition.format import NamedEntityRecognitionFormat
from surelabel.tasks.pairwise_preference.format import PairwisePreferenceFormat
from surelabel.tasks.polygon.format import POLYGON_FORMAT
from surelabel.tasks.polyline.format import POLYLINE_FORMAT
from surelabel.tasks.ranking.format import RankingFormat
from surelabel.tasks.rating.format import RatingFormat
from surelabel.tasks.semantic_segmentation.format import SemanticSegmentationFormat
from surelabel.tasks.single_class import SingleClassFormat

_MASKS = SemanticSegmentationFormat()
_INSTANCES = InstanceSegmentationFormat()

_ADJUSTABLE = (
    Adjustable("boundingBoxes", values.Boxes, BOUNDING_BOX_FORMAT),
    Adjustable("polygons", values.Polygons, POLYGON_FORMAT),
    Adjustable("polylines", values.Polylines, POLYLINE_FORMAT),
    Adjustable("keypoints", values.Keypoints, KEYPOINT_FORMAT),
    Adjustable("labelMappings", values.SemanticMask, _MASKS),
    Adjustable("instances", values.Instances, _INSTANCES),
)

ADJUSTMENT_FORMAT = LabelAdjustmentFormat(_ADJUSTABLE)

LABEL_FORMATS: dict[str, LabelFormat[Any]] = {
    each.name: each
    for each in (
        SingleClassFormat(
            *("ImageClassification", "groundtruth/image-classification", "crowd-image-classifier")
        ),
        SingleClassFormat(
            *("TextClassification", "groundtruth/text-classification", "crowd-classifier")
        ),
        IMAGE_FORMAT,
        TEXT_FORMAT,
        BOUNDING_BOX_FORMAT,
        POLYGON_FORMAT,
        POLYLINE_FORMAT,
        KEYPOINT_FORMAT,
        NamedEntityRecognitionFormat(),
        _MASKS,
        _INSTANCES,
        PairwisePreferenceFormat(),
        RankingFormat(),
        FreeTextFormat(),
        RatingFormat(),
        LabelVerificationFormat(),
        ADJUSTMENT_FORMAT,
        CustomFormat(),
    )
}

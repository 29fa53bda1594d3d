"""The registry of task types: one folder and one line each."""

from __future__ import annotations

from typing import Any

from surelabel.tasks.base import Learnable, TaskType
from surelabel.tasks.bounding_box.task import BoundingBox
from surelabel.tasks.custom.task import Custom
from surelabel.tasks.free_text.task import FreeText
from surelabel.tasks.image_classification.task import ImageClassification
from surelabel.tasks.instance_segmentation.task import InstanceSegmentation
from surelabel.tasks.keypoint.task import Keypoint
from surelabel.tasks.label_adjustment.task import LabelAdjustment
from surelabel.tasks.label_verification.task import LabelVerification
from surelabel.tasks.learning import ValueLearner
from surelabel.tasks.multi_label.task import IMAGE_MULTI_LABEL, TEXT_MULTI_LABEL
from surelabel.tasks.named_entity_recognition.task import NamedEntityRecognition
from surelabel.tasks.pairwise_preference.task import PairwisePreference
from surelabel.tasks.polygon.task import Polygon
from surelabel.tasks.polyline.task import Polyline
from surelabel.tasks.ranking.task import Ranking
from surelabel.tasks.rating.task import Rating
from surelabel.tasks.semantic_segmentation.task import SemanticSegmentation
from surelabel.tasks.text_classification.task import TextClassification
from surelabel.tasks.valued import ValueTask
from surelabel_contract.errors import ConfigurationError

_ALL: tuple[Learnable | ValueTask[Any], ...] = (
    ImageClassification(),
    TextClassification(),
    IMAGE_MULTI_LABEL,
    TEXT_MULTI_LABEL,
    BoundingBox(),
    Polygon(),
    Polyline(),
    Keypoint(),
    NamedEntityRecognition(),
    SemanticSegmentation(),
    InstanceSegmentation(),
    PairwisePreference(),
    Ranking(),
    FreeText(),
    Rating(),
    LabelVerification(),
    LabelAdjustment(),
    Custom(),
)

TASK_TYPES: dict[str, Learnable | ValueTask[Any]] = {each.name: each for each in _ALL}


def learnable(name: str) -> Learnable | ValueLearner[Any]:
    """Who has the features of a task type; ConfigurationError where models cannot learn it.

    The API server refuses ``autoLabeling`` for such a type, so this is for those who went round it.
    """
    task_type = TASK_TYPES[name]
    if not isinstance(task_type, ValueTask):
        return task_type
    if task_type.learner is None:
        raise ConfigurationError(
            "NoModel",
            f"spec.autoLabeling: models cannot learn {name}; leave autoLabeling out.",
        )
    return task_type.learner


def value_learner(name: str) -> ValueLearner[Any] | None:
    """Who learns the labels of a task type; None where they are classes, or cannot be learned."""
    task_type = TASK_TYPES[name]
    return task_type.learner if isinstance(task_type, ValueTask) else None


__all__ = ["TASK_TYPES", "TaskType", "learnable", "value_learner"]

"""Which task type a CreateLabelingJob request means.

AWS spreads it over four ARNs that must fit each other. They are read in the order of what decides
there: the Lambda before the task, the Lambda after it, the interface, the algorithm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from surelabel_cli.request_fields import Request

# What AWS calls it in PRE-x and ACS-x -> our task type.
_LAMBDAS = {
    "ImageMultiClass": "ImageClassification",
    "ImageMultiClassMultiLabel": "ImageClassificationMultiLabel",
    "TextMultiClass": "TextClassification",
    "TextMultiClassMultiLabel": "TextClassificationMultiLabel",
    "BoundingBox": "BoundingBox",
    "SemanticSegmentation": "SemanticSegmentation",
    "NamedEntityRecognition": "NamedEntityRecognition",
    "VerificationBoundingBox": "LabelVerification",
    "VerificationSemanticSegmentation": "LabelVerification",
    "AdjustmentBoundingBox": "LabelAdjustment",
    "AdjustmentSemanticSegmentation": "LabelAdjustment",
    "PassThrough": "Custom",
    "VideoMultiClass": "VideoClassification",
    "VideoObjectDetection": "VideoObjectDetection",
    "VideoObjectTracking": "VideoObjectTracking",
    "AdjustmentVideoObjectDetection": "VideoObjectDetection",
    "AdjustmentVideoObjectTracking": "VideoObjectTracking",
    "3DPointCloudObjectDetection": "PointCloudObjectDetection",
    "3DPointCloudObjectTracking": "PointCloudObjectTracking",
    "3DPointCloudSemanticSegmentation": "PointCloudSemanticSegmentation",
    "Adjustment3DPointCloudObjectDetection": "PointCloudObjectDetection",
    "Adjustment3DPointCloudObjectTracking": "PointCloudObjectTracking",
    "Adjustment3DPointCloudSemanticSegmentation": "PointCloudSemanticSegmentation",
}
_INTERFACES = {
    "NamedEntityRecognition": "NamedEntityRecognition",
    "PointCloudObjectDetection": "PointCloudObjectDetection",
    "PointCloudObjectTracking": "PointCloudObjectTracking",
    "PointCloudSemanticSegmentation": "PointCloudSemanticSegmentation",
    "VideoObjectDetection": "VideoObjectDetection",
    "VideoObjectTracking": "VideoObjectTracking",
}
_ALGORITHMS = {
    "image-classification": "ImageClassification",
    "text-classification": "TextClassification",
    "object-detection": "BoundingBox",
    "semantic-segmentation": "SemanticSegmentation",
}
_PRE = "HumanTaskConfig.PreHumanTaskLambdaArn"
_ACS = "HumanTaskConfig.AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn"
_UI = "HumanTaskConfig.UiConfig.HumanTaskUiArn"
_TEMPLATE = "HumanTaskConfig.UiConfig.UiTemplateS3Uri"
_ALGORITHM = "LabelingJobAlgorithmsConfig.LabelingJobAlgorithmSpecificationArn"


# Says it in place of the request.
OPTION = "--task-type"


@dataclass(frozen=True)
class FoundTaskType:
    """The task type, and every ARN that says so; ``others``: ARNs that say something else."""

    name: str
    by: tuple[str, ...]
    others: tuple[tuple[str, str], ...] = ()


def task_type_told(request: Request, told: str) -> FoundTaskType:
    """The task type of ``--task-type``, and what in the request says another one."""
    found = task_type_of(request)
    if found is None or found.name == "Custom":
        return FoundTaskType(told, (OPTION,))
    said = [*((path, found.name) for path in found.by), *found.others]
    return FoundTaskType(told, (OPTION,), tuple(each for each in said if each[1] != told))


def task_type_of(request: Request) -> FoundTaskType | None:
    """The task type; None if nothing in the request tells it."""
    said = [
        (path, name)
        for path, name in (
            (_PRE, _of_lambda(request.get(_PRE), "PRE")),
            (_ACS, _of_lambda(request.get(_ACS), "ACS")),
            (_UI, _last(request.get(_UI), _INTERFACES)),
            (_ALGORITHM, _last(request.get(_ALGORITHM), _ALGORITHMS)),
        )
        if name is not None
    ]
    # A Lambda of one's own says less than any of AWS's ARNs, whichever that is.
    plain = [each for each in said if each[1] != "Custom"]
    if not plain and not said:
        return FoundTaskType("Custom", (_TEMPLATE,)) if request.present(_TEMPLATE) else None
    name = (plain or said)[0][1]
    by = tuple(path for path, each in said if each == name)
    return FoundTaskType(name, by, tuple(each for each in plain if each[1] != name))


def is_built_in(arn: object) -> bool:
    """Whether the ARN is one of AWS's own Lambdas."""
    return isinstance(arn, str) and re.search(r":function:(PRE|ACS)-[A-Za-z0-9]+", arn) is not None


def _of_lambda(arn: object, prefix: str) -> str | None:
    if not isinstance(arn, str):
        return None
    found = re.search(rf":function:{prefix}-([A-Za-z0-9]+)$", arn)
    return _LAMBDAS.get(found[1]) if found else "Custom"


def _last(arn: object, known: dict[str, str]) -> str | None:
    return known.get(re.split("[/:]", arn)[-1]) if isinstance(arn, str) else None

"""Requests to Ground Truth, built from what AWS documents of CreateLabelingJob."""

from __future__ import annotations

from typing import Any

FUNCTION = "arn:aws:lambda:us-west-2:081040173940:function:"
INTERFACE = "arn:aws:sagemaker:us-west-2:394669845002:human-task-ui/"
ALGORITHM = "arn:aws:sagemaker:us-west-2:027400017018:labeling-job-algorithm-specification/"
CONSOLIDATION = "AnnotationConsolidationConfig"


def request(kind: str | None = "ImageMultiClass", **changes: Any) -> dict[str, Any]:
    """A request that Ground Truth accepts; ``changes`` by path with ``__`` for the dot."""
    task: dict[str, Any] = {
        "WorkteamArn": "arn:aws:sagemaker:us-west-2:111122223333:workteam/private-crowd/Bird_Team",
        "UiConfig": {"UiTemplateS3Uri": "s3://bucket/instructions.template"},
        "TaskKeywords": ["Images"],
        "TaskTitle": "Which bird is it?",
        "TaskDescription": "One bird per picture",
        "NumberOfHumanWorkersPerDataObject": 3,
        "TaskTimeLimitInSeconds": 300,
    }
    if kind is not None:
        task["PreHumanTaskLambdaArn"] = f"{FUNCTION}PRE-{kind}"
        arn = f"{FUNCTION}ACS-{kind}"
        task[CONSOLIDATION] = {"AnnotationConsolidationLambdaArn": arn}
    made: dict[str, Any] = {
        "LabelingJobName": "birds",
        "LabelAttributeName": "bird",
        "InputConfig": {
            "DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://bucket/in.manifest"}}
        },
        "OutputConfig": {"S3OutputPath": "s3://bucket/out/"},
        "RoleArn": "arn:aws:iam::111122223333:role/GroundTruth",
        "LabelCategoryConfigS3Uri": "s3://bucket/labels.json",
        "HumanTaskConfig": task,
    }
    for path, value in changes.items():
        *parents, key = path.split("__")
        place = made
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            place.pop(key, None)
        else:
            place[key] = value
    return made

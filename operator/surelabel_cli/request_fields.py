"""The fields of Ground Truth's CreateLabelingJob, and its own rules for them, checked all at once.

What DescribeLabelingJob answers is read too: it has the request's fields and some about the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What a field must be. ``low`` and ``high`` bound a number, or a text's or list's length."""

    kind: type
    low: int = 0
    high: int = 1_024
    pattern: str | None = None
    required: bool = False


def _text(low: int, high: int, pattern: str | None = None, *, required: bool = False) -> Rule:
    return Rule(str, low, high, pattern, required)


_GROUP = Rule(dict)
_S3 = r"(https|s3)://[^/]+/?.*"

# Paths, each group before its members; a member of a list has the list's path.
RULES: dict[str, Rule] = {
    "LabelingJobName": _text(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", required=True),
    "LabelAttributeName": _text(1, 127, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,126}", required=True),
    "InputConfig": Rule(dict, required=True),
    "InputConfig.DataSource": Rule(dict, required=True),
    "InputConfig.DataSource.S3DataSource": _GROUP,
    "InputConfig.DataSource.S3DataSource.ManifestS3Uri": _text(1, 1_024, _S3, required=True),
    "InputConfig.DataSource.SnsDataSource": _GROUP,
    "InputConfig.DataSource.SnsDataSource.SnsTopicArn": _text(0, 2_048),
    "InputConfig.DataAttributes": _GROUP,
    "InputConfig.DataAttributes.ContentClassifiers": Rule(list, 0, 256),
    "OutputConfig": Rule(dict, required=True),
    "OutputConfig.S3OutputPath": _text(1, 1_024, _S3, required=True),
    "OutputConfig.KmsKeyId": _text(0, 2_048),
    "OutputConfig.SnsTopicArn": _text(0, 2_048),
    "RoleArn": _text(20, 2_048, required=True),
    "LabelCategoryConfigS3Uri": _text(1, 1_024, _S3),
    "StoppingConditions": _GROUP,
    "StoppingConditions.MaxHumanLabeledObjectCount": Rule(int, 1, 2**53 - 1),
    "StoppingConditions.MaxPercentageOfInputDatasetLabeled": Rule(int, 1, 100),
    "LabelingJobAlgorithmsConfig": _GROUP,
    "LabelingJobAlgorithmsConfig.LabelingJobAlgorithmSpecificationArn": _text(
        1, 2_048, "arn:.*", required=True
    ),
    "LabelingJobAlgorithmsConfig.InitialActiveLearningModelArn": _text(20, 2_048),
    "LabelingJobAlgorithmsConfig.LabelingJobResourceConfig": _GROUP,
    "LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VolumeKmsKeyId": _text(0, 2_048),
    "LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VpcConfig": _GROUP,
    "LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VpcConfig.SecurityGroupIds": Rule(
        list, 1, 5
    ),
    "LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VpcConfig.Subnets": Rule(list, 1, 16),
    "HumanTaskConfig": Rule(dict, required=True),
    "HumanTaskConfig.WorkteamArn": _text(1, 256, "arn:.*", required=True),
    "HumanTaskConfig.UiConfig": Rule(dict, required=True),
    "HumanTaskConfig.UiConfig.UiTemplateS3Uri": _text(1, 1_024, _S3),
    "HumanTaskConfig.UiConfig.HumanTaskUiArn": _text(1, 1_024, "arn:.*"),
    "HumanTaskConfig.PreHumanTaskLambdaArn": _text(1, 2_048, "arn:.*"),
    "HumanTaskConfig.TaskKeywords": Rule(list, 1, 5),
    "HumanTaskConfig.TaskTitle": _text(1, 128, required=True),
    "HumanTaskConfig.TaskDescription": _text(1, 255, required=True),
    "HumanTaskConfig.NumberOfHumanWorkersPerDataObject": Rule(int, 1, 9, required=True),
    "HumanTaskConfig.TaskTimeLimitInSeconds": Rule(int, 30, 2_952_000, required=True),
    "HumanTaskConfig.TaskAvailabilityLifetimeInSeconds": Rule(int, 60, 2**31 - 1),
    "HumanTaskConfig.MaxConcurrentTaskCount": Rule(int, 1, 5_000),
    "HumanTaskConfig.AnnotationConsolidationConfig": _GROUP,
    "HumanTaskConfig.AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn": _text(
        1, 2_048, "arn:.*", required=True
    ),
    "HumanTaskConfig.PublicWorkforceTaskPrice": _GROUP,
    "HumanTaskConfig.PublicWorkforceTaskPrice.AmountInUsd": _GROUP,
    "HumanTaskConfig.PublicWorkforceTaskPrice.AmountInUsd.Dollars": Rule(int, 0, 2),
    "HumanTaskConfig.PublicWorkforceTaskPrice.AmountInUsd.Cents": Rule(int, 0, 99),
    "HumanTaskConfig.PublicWorkforceTaskPrice.AmountInUsd.TenthFractionsOfACent": Rule(int, 0, 9),
    "Tags": Rule(list, 0, 50),
    "Tags.Key": _text(1, 128, required=True),
    "Tags.Value": _text(0, 256, required=True),
}
# What DescribeLabelingJob has besides: about the run, not about what is to be done.
OF_THE_RUN = frozenset(
    {
        *("LabelingJobStatus", "LabelCounters", "FailureReason", "CreationTime"),
        *("LastModifiedTime", "JobReferenceCode", "LabelingJobArn", "LabelingJobOutput"),
        "ResponseMetadata",
    }
)
_KINDS = {str: "a string", int: "a whole number", list: "an array", dict: "an object"}


class Request:
    """A request as its fields, by path."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self, path: str) -> Any:
        """The value at a path outside lists; None if it is not there."""
        value = self._value
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def problems(self) -> list[str]:
        """Everything that breaks a rule of Ground Truth's: field, rule, value."""
        if not isinstance(self._value, dict):
            return [
                f"must be the JSON object of a CreateLabelingJob request; got "
                f"{_shown(self._value)}. Is it the right file?"
            ]
        found = list(_problems(self._value, ""))
        source = self.get("InputConfig.DataSource")
        if isinstance(source, dict) and not source.keys() & {"S3DataSource", "SnsDataSource"}:
            found.append("InputConfig.DataSource: needs S3DataSource or SnsDataSource. Add one")
        name = self.get("LabelAttributeName")
        if isinstance(name, str) and (
            name.endswith("-metadata") or name in ("source", "source-ref")
        ):
            found.append(
                "LabelAttributeName: must not end with -metadata, nor be source or source-ref; got "
                f"{name!r}. Choose another"
            )
        return found

    def unknown(self) -> list[str]:
        """Paths of fields that neither request nor answer has."""
        return [p for p in _paths(self._value, "") if p not in RULES and p not in OF_THE_RUN]

    def present(self, path: str) -> bool:
        """Whether the field is there and says something."""
        return self.get(path) not in (None, "", [], {})


def _problems(value: dict[str, Any], above: str) -> Iterator[str]:
    for path, rule in RULES.items():
        parent, _, key = path.rpartition(".")
        if parent != above:
            continue
        if value.get(key) is None:
            if rule.required:
                yield f"{path}: is required and is not there. Add it"
            continue
        wrong = _wrong(value[key], rule)
        if wrong:
            yield f"{path}: must be {wrong}; got {_shown(value[key])}. Correct it"
        elif rule.kind is dict:
            yield from _problems(value[key], path)
        elif path == "Tags":
            for entry in value[key]:
                if isinstance(entry, dict):
                    yield from _problems(entry, path)
                else:
                    yield f"{path}: must have objects; got {_shown(entry)}. Correct it"


def _wrong(value: Any, rule: Rule) -> str | None:
    kind: type = type(value)
    if kind is not rule.kind:
        return _KINDS[rule.kind]
    if rule.kind is int:
        return None if rule.low <= value <= rule.high else f"in {rule.low} .. {rule.high}"
    if rule.kind is not dict and not rule.low <= len(value) <= rule.high:
        unit = "characters" if rule.kind is str else "entries"
        return f"of {rule.low} to {rule.high} {unit}"
    if rule.pattern is not None and not re.fullmatch(rule.pattern, str(value)):
        return f"like {rule.pattern}"
    return None


def _paths(value: Any, above: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            path = f"{above}.{key}" if above else str(key)
            yield path
            if path in RULES:
                yield from _paths(member, path)
    elif isinstance(value, list):
        for entry in value:
            yield from _paths(entry, above)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

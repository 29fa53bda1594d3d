"""docs/reference/ground-truth.md has every field and state of Ground Truth's API, with ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from surelabel_operator.crd import KINDS, build_schema

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "ground-truth.md"

# The whole shape of CreateLabelingJob's request, nested members with their path.
CREATE = """
LabelingJobName
LabelAttributeName
InputConfig
InputConfig.DataSource
InputConfig.DataSource.S3DataSource
InputConfig.DataSource.S3DataSource.ManifestS3Uri
InputConfig.DataSource.SnsDataSource
InputConfig.DataSource.SnsDataSource.SnsTopicArn
InputConfig.DataAttributes
InputConfig.DataAttributes.ContentClassifiers
OutputConfig
OutputConfig.S3OutputPath
OutputConfig.KmsKeyId
OutputConfig.SnsTopicArn
RoleArn
LabelCategoryConfigS3Uri
StoppingConditions
StoppingConditions.MaxHumanLabeledObjectCount
StoppingConditions.MaxPercentageOfInputDatasetLabeled
LabelingJobAlgorithmsConfig
LabelingJobAlgorithmsConfig.LabelingJobAlgorithmSpecificationArn
LabelingJobAlgorithmsConfig.InitialActiveLearningModelArn
LabelingJobAlgorithmsConfig.LabelingJobResourceConfig
LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VolumeKmsKeyId
LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VpcConfig
LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VpcConfig.SecurityGroupIds
LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VpcConfig.Subnets
HumanTaskConfig
HumanTaskConfig.WorkteamArn
HumanTaskConfig.UiConfig
HumanTaskConfig.UiConfig.UiTemplateS3Uri
HumanTaskConfig.UiConfig.HumanTaskUiArn
HumanTaskConfig.PreHumanTaskLambdaArn
HumanTaskConfig.TaskKeywords
HumanTaskConfig.TaskTitle
HumanTaskConfig.TaskDescription
HumanTaskConfig.NumberOfHumanWorkersPerDataObject
HumanTaskConfig.TaskTimeLimitInSeconds
HumanTaskConfig.TaskAvailabilityLifetimeInSeconds
HumanTaskConfig.MaxConcurrentTaskCount
HumanTaskConfig.AnnotationConsolidationConfig
HumanTaskConfig.AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn
HumanTaskConfig.PublicWorkforceTaskPrice
HumanTaskConfig.PublicWorkforceTaskPrice.AmountInUsd
HumanTaskConfig.PublicWorkforceTaskPrice.AmountInUsd.Dollars
HumanTaskConfig.PublicWorkforceTaskPrice.AmountInUsd.Cents
HumanTaskConfig.PublicWorkforceTaskPrice.AmountInUsd.TenthFractionsOfACent
Tags
Tags.Key
Tags.Value
""".split()  # noqa: SIM905 - one name a line reads better
# What DescribeLabelingJob's response has besides.
DESCRIBE = """
LabelingJobStatus
LabelCounters
LabelCounters.TotalLabeled
LabelCounters.HumanLabeled
LabelCounters.MachineLabeled
LabelCounters.FailedNonRetryableError
LabelCounters.Unlabeled
FailureReason
CreationTime
LastModifiedTime
JobReferenceCode
LabelingJobArn
LabelingJobOutput
LabelingJobOutput.OutputDatasetS3Uri
LabelingJobOutput.FinalActiveLearningModelArn
""".split()  # noqa: SIM905 - one name a line reads better
STATES = ("Initializing", "InProgress", "Completed", "Failed", "Stopping", "Stopped")
# Kubernetes' own; not in our schema.
METADATA = {
    "metadata.name",
    "metadata.labels",
    "metadata.annotations",
    "metadata.uid",
    "metadata.creationTimestamp",
    "metadata.managedFields",
}


def rows() -> dict[str, list[str]]:
    """First cell (without backticks) to the other cells, of every table row of the page."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            first, *others = (cell.strip() for cell in line.strip("|").split("|"))
            assert first not in found, f"{first} stands twice"
            found[first.strip("`")] = others
    return found


def our_fields() -> set[str]:
    """Every path of the LabelingJob's schema."""
    found: set[str] = set()

    def walk(node: dict[str, object], path: str) -> None:
        properties = node.get("properties")
        if isinstance(properties, dict):
            for name, child in properties.items():
                found.add(f"{path}.{name}" if path else name)
                walk(child, f"{path}.{name}" if path else name)

    walk(build_schema(next(kind.model for kind in KINDS if kind.name == "LabelingJob")), "")
    return found


@pytest.mark.parametrize("field", CREATE + DESCRIBE)
def test_every_field_stands_there_with_ours_or_a_reason_why_not(field: str) -> None:
    where, explained = rows()[field]
    if where == "none":
        assert explained.startswith("because "), f"{field}: says none, but not why"
        return
    named = re.fullmatch(r"`([^`]+)`", where)
    assert named, f"{field}: {where!r} is neither a field nor none"
    assert named[1] in our_fields() | METADATA, f"{named[1]} is no field of the LabelingJob"


@pytest.mark.parametrize("state", STATES)
def test_every_state_stands_there_with_our_conditions(state: str) -> None:
    (conditions,) = rows()[state]
    assert "`" in conditions


def test_nothing_stands_there_that_ground_truth_does_not_have() -> None:
    operations = {
        "StopLabelingJob",
        "ListLabelingJobs",
        "ListLabelingJobsForWorkteam",
        "RenderUiTemplate",
    }
    assert set(rows()) == {*CREATE, *DESCRIBE, *STATES, *operations}


def test_paths_of_ours_in_running_text_exist() -> None:
    named = set(re.findall(r"`((?:spec|status)\.[A-Za-z.]+)(?:: [^`]*)?`", PAGE.read_text("utf-8")))
    assert named
    assert named <= our_fields()

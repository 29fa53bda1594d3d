"""`surelabel convert --from create-labeling-job`: what is carried, and what is said of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.labeling_requests import ALGORITHM, CONSOLIDATION, FUNCTION, INTERFACE, request
from surelabel_cli.convert import to_yaml
from surelabel_cli.create_labeling_job import NOT_CARRIED
from surelabel_cli.main import app
from surelabel_cli.request_fields import RULES, Request
from surelabel_cli.request_task_type import task_type_of
from surelabel_cli.resource_file import read_documents
from surelabel_contract.task_types import TASK_TYPE_FACTS
from surelabel_operator.validation import validate_object

LABELS = {"document-version": "2018-11-28", "labels": [{"label": "Falcon"}, {"label": "yes"}]}


def convert(folder: Path, value: Any, *options: object) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, documents written, and standard error."""
    source = folder / "request.json"
    source.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    labels = folder / "labels.json"
    labels.write_text(json.dumps(LABELS), encoding="utf-8")
    arguments = ["convert", "--from", "create-labeling-job", source, "--labels", labels, *options]
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    documents = read_documents(done.stdout) if done.exit_code == 0 else []
    return done.exit_code, [each.value for each in documents], done.stderr


@pytest.mark.parametrize("kind", ["ImageMultiClass", "TextMultiClass"])
def test_what_can_be_run_is_valid(tmp_path, kind):
    out = tmp_path / "job.yaml"
    code, _, _ = convert(tmp_path, request(kind), "-o", out)
    assert code == 0
    done = CliRunner().invoke(app, ["validate", str(out)])
    assert (done.exit_code, done.stderr) == (0, "")
    job, team = (each.value for each in read_documents(out.read_text()))
    assert job["spec"]["labels"] == [{"name": "Falcon"}, {"name": "yes"}]
    assert team["metadata"]["name"] == job["spec"]["workforce"]["workTeam"] == "bird-team"
    assert len(team["spec"]["simulated"]["annotators"]) == 3


def test_every_field_that_can_be_carried_is(tmp_path):
    value = request(
        OutputConfig__KmsKeyId="key-1",
        StoppingConditions__MaxHumanLabeledObjectCount=500,
        StoppingConditions__MaxPercentageOfInputDatasetLabeled=80,
        HumanTaskConfig__MaxConcurrentTaskCount=1_000,
        HumanTaskConfig__PublicWorkforceTaskPrice={
            "AmountInUsd": {"Dollars": 0, "Cents": 1, "TenthFractionsOfACent": 2}
        },
        LabelingJobAlgorithmsConfig__LabelingJobAlgorithmSpecificationArn=f"{ALGORITHM}image-classification",
        Tags=[{"Key": "team", "Value": "vision"}, {"Key": "cost centre", "Value": "4/7"}],
    )
    code, (job, _), said = convert(tmp_path, value)
    assert code == 0
    assert job == {
        "apiVersion": "surelabel.dev/v1alpha1",
        "kind": "LabelingJob",
        "metadata": {"name": "birds", "labels": {"team": "vision"}},
        "spec": {
            "taskType": "ImageClassification",
            "labels": [{"name": "Falcon"}, {"name": "yes"}],
            "labelAttributeName": "bird",
            "input": {"manifest": "s3://bucket/in.manifest"},
            "output": {"uri": "s3://bucket/out/", "layout": "GroundTruth"},
            "storage": {"serverSideEncryption": {"type": "aws:kms", "keyID": "key-1"}},
            "workforce": {
                "workTeam": "bird-team",
                "annotatorsPerItem": 3,
                "maxOpenItems": 1_000,
                "pricePerAnnotation": {"amount": "0.012", "currency": "USD"},
            },
            "autoLabeling": {"targetErrorPermille": 50, "riskPermille": 50},
            "stopping": {"maxHumanLabeledItems": 500, "maxLabeledPercent": 80},
            "compute": {"ray": {"address": {"name": "local"}}},
        },
    }
    assert validate_object(job) == []
    assert "Tags: 'cost centre': '4/7' is no label of Kubernetes" in said


def everything() -> dict[str, Any]:
    """A request that has every field there is."""
    value = request(
        InputConfig__DataSource__SnsDataSource={"SnsTopicArn": "arn:aws:sns:x"},
        InputConfig__DataAttributes={"ContentClassifiers": ["FreeOfAdultContent"]},
        OutputConfig__KmsKeyId="k",
        OutputConfig__SnsTopicArn="arn:aws:sns:y",
        StoppingConditions={
            "MaxHumanLabeledObjectCount": 1,
            "MaxPercentageOfInputDatasetLabeled": 2,
        },
        LabelingJobAlgorithmsConfig={
            "LabelingJobAlgorithmSpecificationArn": f"{ALGORITHM}image-classification",
            "InitialActiveLearningModelArn": "arn:aws:sagemaker:model/earlier",
            "LabelingJobResourceConfig": {
                "VolumeKmsKeyId": "v",
                "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
            },
        },
        HumanTaskConfig__UiConfig__HumanTaskUiArn=f"{INTERFACE}NamedEntityRecognition",
        HumanTaskConfig__TaskAvailabilityLifetimeInSeconds=864_000,
        HumanTaskConfig__MaxConcurrentTaskCount=7,
        HumanTaskConfig__PublicWorkforceTaskPrice={
            "AmountInUsd": {"Dollars": 1, "Cents": 2, "TenthFractionsOfACent": 3}
        },
        Tags=[{"Key": "a", "Value": "b"}],
    )
    return value


def leaves(value: Any, above: str = "") -> list[str]:
    if not isinstance(value, dict):
        return [above]
    return [p for k, v in value.items() for p in leaves(v, f"{above}.{k}" if above else k)]


def test_every_field_is_carried_or_told(tmp_path):
    value = everything()
    paths = set(leaves(value))
    groups = {path.rpartition(".")[0] for path in RULES} - {"Tags"}
    assert paths == {path for path in RULES if path not in groups and "Tags." not in path}
    code, (job, _), said = convert(tmp_path, value)
    assert code == 0
    told = {line.partition(":")[0] for line in said.splitlines()}
    carried = {
        *("LabelingJobName", "LabelAttributeName", "LabelCategoryConfigS3Uri", "Tags"),
        *("OutputConfig.S3OutputPath", "OutputConfig.KmsKeyId"),
        "InputConfig.DataSource.S3DataSource.ManifestS3Uri",
        "StoppingConditions.MaxHumanLabeledObjectCount",
        "StoppingConditions.MaxPercentageOfInputDatasetLabeled",
        "HumanTaskConfig.NumberOfHumanWorkersPerDataObject",
        "HumanTaskConfig.MaxConcurrentTaskCount",
        *(path for path in RULES if path.startswith("HumanTaskConfig.PublicWorkforceTaskPrice.")),
    }
    assert paths - told == carried & paths
    assert set(NOT_CARRIED) <= told
    for line in said.splitlines():
        if "not carried" in line:
            # A reason, and what to do.
            assert line.count(". ") + line.endswith(".") >= 1, line
    assert "kms" in to_yaml([job])


KINDS = {
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
    "VideoObjectTracking": "VideoObjectTracking",
    "3DPointCloudObjectDetection": "PointCloudObjectDetection",
}


@pytest.mark.parametrize(("kind", "task_type"), KINDS.items())
def test_the_lambdas_tell_the_task_type(tmp_path, kind, task_type):
    attribute = "bird-ref" if kind in ("SemanticSegmentation", "VideoObjectTracking") else "bird"
    code, (job, team), said = convert(tmp_path, request(kind, LabelAttributeName=attribute))
    assert code == 0
    assert job["spec"]["taskType"] == task_type
    assert job["spec"]["labelAttributeName"] == attribute
    assert validate_object(team) == []
    runs = task_type in TASK_TYPE_FACTS
    assert ("cannot be run yet" in said) == (not runs)
    # No other field is in the way.
    wrong = [str(problem) for problem in validate_object(job)]
    assert all("taskType" in each or "labelAttributeName" in each for each in wrong)
    assert bool(wrong) == (not runs)
    # No request says which label is corrected.
    audited = job["spec"]["input"].get("auditLabelAttributeName")
    assert audited == ("REPLACE-ME" if task_type == "LabelAdjustment" else None)
    assert ("'REPLACE-ME' is to be replaced" in said) == (audited is not None)


@pytest.mark.parametrize(
    ("changes", "task_type"),
    [
        ({"HumanTaskConfig__UiConfig": {"HumanTaskUiArn": f"{INTERFACE}NamedEntityRecognition"}},
         "NamedEntityRecognition"),
        ({"LabelingJobAlgorithmsConfig":
          {"LabelingJobAlgorithmSpecificationArn": f"{ALGORITHM}object-detection"}}, "BoundingBox"),
        ({f"HumanTaskConfig__{CONSOLIDATION}":
          {"AnnotationConsolidationLambdaArn": f"{FUNCTION}ACS-BoundingBox"}}, "BoundingBox"),
        ({"HumanTaskConfig__PreHumanTaskLambdaArn": f"{FUNCTION}my-own",
          f"HumanTaskConfig__{CONSOLIDATION}":
          {"AnnotationConsolidationLambdaArn": f"{FUNCTION}ACS-TextMultiClass"}},
         "TextClassification"),
        ({"HumanTaskConfig__PreHumanTaskLambdaArn": f"{FUNCTION}my-own"}, "Custom"),
        ({}, "Custom"),
    ],
)  # fmt: skip
def test_other_arns_tell_it_where_there_are_no_lambdas_of_aws(changes, task_type):
    found = task_type_of(Request(request(None, **changes)))
    assert found is not None
    assert found.name == task_type


def test_a_request_that_tells_no_task_type_needs_one(tmp_path):
    value = request(None, HumanTaskConfig__UiConfig={"x": 1})
    code, _, said = convert(tmp_path, value)
    assert code == 1
    assert "pass --task-type" in said
    code, (job, _), _ = convert(tmp_path, value, "--task-type", "TextClassification")
    assert (code, job["spec"]["taskType"]) == (0, "TextClassification")


def test_arns_that_do_not_fit_each_other_are_told(tmp_path):
    arn = f"{FUNCTION}ACS-BoundingBox"
    value = request(**{f"HumanTaskConfig__{CONSOLIDATION}__AnnotationConsolidationLambdaArn": arn})
    _, (job, _), said = convert(tmp_path, value)
    assert job["spec"]["taskType"] == "ImageClassification"
    assert (
        "AnnotationConsolidationLambdaArn: says BoundingBox, but HumanTaskConfig.PreHuman" in said
    )


def test_code_of_ones_own_is_told(tmp_path):
    value = request(HumanTaskConfig__PreHumanTaskLambdaArn=f"{FUNCTION}my-own")
    _, (job, _), said = convert(tmp_path, value)
    assert job["spec"]["taskType"] == "ImageClassification"
    assert "PreHumanTaskLambdaArn: not carried: code of one's own before the task" in said


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("birds-2", "birds-2"),
        ("Birds", "birds"),
        ("7-birds", "job-7-birds"),
        ("B" * 40, "b" * 40),
        ("Birds-of-the-northern-hemisphere-1-and-two", None),
        ("9" * 63, None),
    ],
)
def test_a_name_becomes_one_that_kubernetes_takes(tmp_path, given, name):
    code, (job, _), said = convert(tmp_path, request(LabelingJobName=given))
    found = job["metadata"]["name"]
    assert code == 0
    assert validate_object(job) == []
    assert ("LabelingJobName:" in said) == (found != given)
    if name is None:
        assert len(found) == 40
        # As Ground Truth's names, whatever the case.
        _, (other, _), _ = convert(tmp_path, request(LabelingJobName=given.upper()))
        assert other["metadata"]["name"] == found
        _, (longer, _), _ = convert(tmp_path, request(LabelingJobName=f"{given[:-1]}x"))
        assert longer["metadata"]["name"] != found
    else:
        assert found == name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"LabelingJobName": None}, "LabelingJobName: is required"),
        ({"LabelingJobName": "a_b"}, "LabelingJobName: must be like"),
        ({"LabelingJobName": "a" * 64}, "LabelingJobName: must be of 1 to 63 characters"),
        ({"LabelAttributeName": "x-metadata"}, "LabelAttributeName: must not end with -metadata"),
        ({"LabelAttributeName": "source"}, "LabelAttributeName: must not end with -metadata"),
        ({"InputConfig": {"DataSource": {}}}, "InputConfig.DataSource: needs S3DataSource or Sns"),
        ({"InputConfig": []}, "InputConfig: must be an object; got []"),
        ({"OutputConfig": {"S3OutputPath": "out"}}, "OutputConfig.S3OutputPath: must be like"),
        ({"RoleArn": None}, "RoleArn: is required"),
        ({"HumanTaskConfig__NumberOfHumanWorkersPerDataObject": 10}, "must be in 1 .. 9; got 10"),
        ({"HumanTaskConfig__NumberOfHumanWorkersPerDataObject": "3"}, "must be a whole number"),
        ({"HumanTaskConfig__NumberOfHumanWorkersPerDataObject": True}, "must be a whole number"),
        ({"HumanTaskConfig__TaskTimeLimitInSeconds": 29}, "must be in 30 .."),
        ({"HumanTaskConfig__TaskKeywords": ["x"] * 6}, "TaskKeywords: must be of 1 to 5 entries"),
        ({"StoppingConditions": {"MaxPercentageOfInputDatasetLabeled": 101}}, "in 1 .. 100"),
        ({"Tags": [{"Key": "a"}]}, "Tags.Value: is required"),
        ({"Tags": ["a"]}, "Tags: must have objects; got 'a'"),
    ],
)
def test_a_missing_or_malformed_field_is_named_with_rule_and_value(tmp_path, changes, said):
    code, _, error = convert(tmp_path, request(**changes))
    assert code == 1
    assert said in error


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    code, _, error = convert(tmp_path, {"LabelingJobName": "x", "HumanTaskConfig": {}})
    assert code == 1
    assert error.count("is required") == 10


@pytest.mark.parametrize("text", ["", "[]", "{", "7", '"x"', "\ufeff{}"])
def test_what_is_no_request_ends_in_a_message(tmp_path, text):
    code, _, error = convert(tmp_path, text)
    assert code == 1
    assert error.startswith("surelabel: ")


def test_unknown_fields_are_told_and_what_describe_answers_is_not(tmp_path):
    value = request(Cheese=1, HumanTaskConfig__Wine=2, LabelingJobStatus="Completed")
    _, _, said = convert(tmp_path, value)
    assert "Cheese: not carried: it is no field" in said
    assert "HumanTaskConfig.Wine: not carried: it is no field" in said
    assert "LabelingJobStatus" not in said


@pytest.mark.parametrize(
    ("given", "uri"),
    [
        (
            "https://bucket.s3.us-west-2.amazonaws.com/a/b%20c.manifest",
            "s3://bucket/a/b c.manifest",
        ),
        ("https://s3.us-west-2.amazonaws.com/bucket/a.manifest", "s3://bucket/a.manifest"),
        ("https://bucket.s3.amazonaws.com/a.manifest", "s3://bucket/a.manifest"),
    ],
)
def test_an_https_address_of_s3_becomes_its_uri(tmp_path, given, uri):
    path = "InputConfig__DataSource__S3DataSource__ManifestS3Uri"
    _, (job, _), _ = convert(tmp_path, request(**{path: given}))
    assert job["spec"]["input"]["manifest"] == uri


def test_without_the_label_file_there_are_no_labels_and_it_is_told(tmp_path):
    source = tmp_path / "request.json"
    source.write_text(json.dumps(request()))
    done = CliRunner().invoke(app, ["convert", "--from", "create-labeling-job", str(source)])
    assert done.exit_code == 0
    assert "labels" not in read_documents(done.stdout)[0].value["spec"]
    assert "s3://bucket/labels.json is not read from here" in done.stderr


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({}, "labels: must be an array"),
        ({"labels": []}, "labels: must be an array"),
        ({"labels": [{"label": "a"}, {"name": "b"}]}, "labels[1].label: must be a name; got None"),
        ({"labels": [{"label": "a"}, {"label": "a"}]}, "labels[1].label: 'a' stands twice"),
    ],
)
def test_a_broken_label_file_is_told(tmp_path, labels, said):
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(labels))
    code, _, error = convert(tmp_path, request(), "--labels", broken)
    assert code == 1
    assert said in error


def test_a_label_that_yaml_would_take_for_something_else_stays_text():
    names = ["y", "no", "1", "1.5", "null", "2026-01-01", "a: b", "#x", "", "ja", "Süß 🐦", "a:"]
    (document,) = read_documents(to_yaml([{"labels": names}]))
    assert document.value == {"labels": names}


@pytest.mark.parametrize("names", [["one"], [f"n{n}" for n in range(257)], ["a", "b" * 129]])
def test_labels_that_no_job_can_have_are_told(tmp_path, names):
    path = tmp_path / "many.json"
    path.write_text(json.dumps({"labels": [{"label": name} for name in names]}))
    code, (job, _), said = convert(tmp_path, request(), "--labels", path)
    assert code == 0
    assert "LabelCategoryConfigS3Uri: a job has 2 to 256 labels of at most 128" in said
    assert validate_object(job) != []


def test_what_else_a_label_file_says_is_told(tmp_path):
    path = tmp_path / "ner.json"
    labels = [{"label": "a", "shortDisplayName": "A"}, {"label": "b", "shortDisplayName": "B"}]
    more = {"instructions": {"shortInstruction": "x"}, "frameAttributes": []}
    path.write_text(json.dumps({"document-version": "2018-11-28", "labels": labels} | more))
    _, _, said = convert(tmp_path, request(), "--labels", path)
    told = [line for line in said.splitlines() if line.startswith(f"{path}: ")]
    assert [line.split(": ")[1] for line in told] == [
        "frameAttributes",
        "instructions",
        "labels[].shortDisplayName",
    ]


def test_a_folder_is_no_place_for_a_job_and_a_new_one_is_made(tmp_path):
    code, _, said = convert(tmp_path, request("TextMultiClass"), "-o", tmp_path)
    assert code == 1
    assert (
        f"--out: must be a file (--from create-labeling-job writes one); {tmp_path} is a folder. "
        f"Name a file, such as {tmp_path}/job.yaml."
    ) in said
    out = tmp_path / "new" / "job.yaml"
    code, _, _ = convert(tmp_path, request("TextMultiClass"), "-o", out)
    assert code == 0
    assert out.is_file()


def test_what_is_to_be_replaced_is_refused_until_it_is(tmp_path):
    out = tmp_path / "job.yaml"
    convert(tmp_path, request("AdjustmentBoundingBox"), "-o", out)
    done = CliRunner().invoke(app, ["validate", str(out)])
    assert done.exit_code == 1
    assert (
        ': spec.input.auditLabelAttributeName: Invalid value: "REPLACE-ME": REPLACE-ME stands '
        "where only you know the value; replace it"
    ) in done.stderr
    out.write_text(out.read_text().replace("REPLACE-ME", "rough"))
    done = CliRunner().invoke(app, ["validate", str(out)])
    assert (done.exit_code, done.stderr) == (0, "")


def test_lambdas_of_aws_are_named_with_what_does_their_part(tmp_path):
    _, _, said = convert(tmp_path, request("BoundingBox"))
    assert "HumanTaskConfig.PreHumanTaskLambdaArn: not carried: what AWS's own Lambda does" in said
    assert (
        f"HumanTaskConfig.{CONSOLIDATION}.AnnotationConsolidationLambdaArn: not carried: " in said
    )


def test_a_task_type_that_the_request_does_not_mean_is_told(tmp_path):
    _, (job, _), said = convert(tmp_path, request("BoundingBox"), "--task-type", "Polygon")
    assert job["spec"]["taskType"] == "Polygon"
    assert (
        "HumanTaskConfig.PreHumanTaskLambdaArn: says BoundingBox, but --task-type says Polygon, "
        "which counts. Leave it out if that is wrong."
    ) in said
    _, _, said = convert(tmp_path, request("BoundingBox"), "--task-type", "BoundingBox")
    assert "but --task-type" not in said


@pytest.mark.parametrize(
    ("kind", "audited"),
    [
        ("AdjustmentBoundingBox", "rough"),
        ("VerificationBoundingBox", "rough"),
        ("BoundingBox", None),
    ],
)
def test_the_earlier_label_is_that_of_the_label_file(tmp_path, kind, audited):
    path = tmp_path / "audited.json"
    labels = [{"label": "a"}, {"label": "b"}]
    path.write_text(json.dumps({"labels": labels, "auditLabelAttributeName": "rough"}))
    _, (job, _), said = convert(tmp_path, request(kind), "--labels", path)
    assert job["spec"]["input"].get("auditLabelAttributeName") == audited
    assert "REPLACE-ME' is to be" not in said
    assert ("auditLabelAttributeName: not carried" in said) == (audited is None)

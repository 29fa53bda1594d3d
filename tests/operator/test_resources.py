"""Typed resources: names, defaults, and what becomes of what does not fit."""

from __future__ import annotations

import inspect

import pytest
import sklearn.utils

from resource_cases import FULL_JOB, FULL_TEAM, REMOVED, changed
from surelabel.encoders.packages import NAMED_ENCODERS
from surelabel.models import MODELS
from surelabel.tasks import TASK_TYPES
from surelabel_contract.model_names import MODEL_NAMES, OWN_MODELS, SCIKIT_LEARN
from surelabel_contract.steps import Stage
from surelabel_contract.task_types import CONSOLIDATION_METHODS, TASK_TYPE_FACTS
from surelabel_operator.crd import build_schema
from surelabel_operator.resources import (
    InvalidSpecError,
    JobStatus,
    LabelingJob,
    read_job_status,
    read_labeling_job,
    read_metadata,
    read_work_team,
)
from surelabel_operator.resources.base import field_alias

SPEC = build_schema(LabelingJob)["properties"]["spec"]["properties"]


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("uri", "uri"),
        ("truth_uri", "truthURI"),
        ("num_cpus", "numCPUs"),
        ("num_gpus", "numGPUs"),
        ("memory_mib", "memoryMiB"),
        ("key_id", "keyID"),
        ("annotators_per_item", "annotatorsPerItem"),
    ],
)
def test_fields_are_named_as_kubernetes_names_them(name: str, alias: str) -> None:
    assert field_alias(name) == alias


def test_a_job_is_read_whole() -> None:
    job = read_labeling_job(FULL_JOB)
    assert job.spec.auto_labeling is not None
    assert job.spec.auto_labeling.target_error_permille == 50
    assert job.spec.compute.ray.address is not None
    assert job.spec.compute.ray.address.name == "shared"
    assert job.spec.compute.stage(Stage.TRAIN).memory_mib == 8192
    assert job.spec.compute.stage(Stage.INFER).num_cpus == 1
    assert job.spec.workforce.most_annotators == 9
    assert job.spec.stopping.max_cost is not None
    assert job.spec.stopping.max_cost.amount == "500.00"
    assert job.spec.storage.server_side_encryption is not None
    assert job.spec.storage.server_side_encryption.key_id == "key"
    assert job.label_attribute == "birds"
    assert job.folder_uri == "s3://bucket/out/birds"


def test_a_team_is_read_whole() -> None:
    team = read_work_team(FULL_TEAM)
    assert team.spec.simulated is not None
    assert team.spec.simulated.truth_uri == "s3://bucket/truth.jsonl"
    assert team.spec.simulated.annotators[0].accuracy_permille == 950


def test_what_a_job_leaves_out_has_defaults() -> None:
    left_out = ("autoLabeling", "stopping", "storage", "consolidation", "labelAttributeName")
    job = read_labeling_job(changed(FULL_JOB, {f"spec.{name}": REMOVED for name in left_out}))
    assert job.spec.auto_labeling is None
    assert (job.spec.stopping.max_rounds, job.spec.stopping.remainder) == (20, "People")
    assert job.spec.storage.secret_name is None
    assert job.spec.consolidation.method == "Auto"
    assert job.label_attribute == job.metadata.name


def test_a_spec_that_does_not_fit_is_told_by_field_rule_and_value() -> None:
    broken = changed(FULL_JOB, {"spec.stopping.maxRounds": 0, "spec.labels.0.name": REMOVED})
    with pytest.raises(InvalidSpecError) as error:
        read_labeling_job(broken)
    assert error.value.reason == "InvalidSpec"
    assert [problem.field for problem in error.value.errors] == [
        "spec.labels[0].name",
        "spec.stopping.maxRounds",
    ]
    assert "spec.stopping.maxRounds: Input should be greater than or equal to 1; got 0." in str(
        error.value
    )
    assert read_metadata(broken).name == "birds"


def test_fields_of_a_newer_version_are_ignored() -> None:
    status = {"observedGeneration": 4, "mood": "good", "labelCounters": {"total": 5, "lost": 1}}
    job = read_labeling_job(changed(FULL_JOB, {"spec.mood": "good", "status": status}))
    assert job.status.observed_generation == 4
    assert job.status.label_counters.total == 5


def test_a_status_that_cannot_be_read_counts_as_lost() -> None:
    assert read_job_status({"status": {"step": {"stage": "dream"}}}) == JobStatus()
    assert read_job_status({}) == JobStatus()


def test_a_status_is_written_as_it_was_read() -> None:
    written = {
        "observedGeneration": 3,
        "stateURI": "s3://bucket/out/birds/state/1a2b3c4d",
        "startTime": "2026-01-01T00:00:00Z",
        "activeSeconds": 5,
        "step": {
            "round": 4,
            "stage": "train",
            "pass": 2,
            "attempt": 1,
            "generation": 3,
            "name": "birds",
            "recordedTime": "2026-01-01T00:00:00Z",
            "failures": 0,
            "infrastructureFailures": 0,
            "ending": {"succeeded": True, "reason": "Done"},
        },
    }
    status = read_job_status({"status": written})
    assert {key: status.to_dict()[key] for key in written} == written
    assert status.step is not None
    assert status.step.step.key == "0004/tra-p2"


def test_task_types_are_those_of_the_registry() -> None:
    assert SPEC["taskType"]["enum"] == sorted(TASK_TYPES)
    assert {name: facts.needs_ref for name, facts in TASK_TYPE_FACTS.items()} == {
        name: task_type.needs_ref for name, task_type in TASK_TYPES.items()
    }


def test_labels_are_asked_of_the_task_types_that_need_them() -> None:
    assert {name: bool(facts.least_labels) for name, facts in TASK_TYPE_FACTS.items()} == {
        name: task_type.needs_labels for name, task_type in TASK_TYPES.items()
    }


def test_methods_and_models_are_those_of_the_registries() -> None:
    assert SPEC["consolidation"]["properties"]["method"]["enum"] == list(CONSOLIDATION_METHODS)
    models = SPEC["autoLabeling"]["properties"]["model"]["properties"]["name"]["enum"]
    assert tuple(models) == MODEL_NAMES
    assert tuple(MODELS) == OWN_MODELS
    encoder = SPEC["autoLabeling"]["properties"]["encoder"]["properties"]["name"]["enum"]
    assert encoder == ["Builtin", *NAMED_ENCODERS]


def test_models_of_scikit_learn_are_all_that_can_be_made_and_take_numbers() -> None:
    found = set()
    for name, kind in sklearn.utils.all_estimators(type_filter="classifier"):
        parameters = inspect.signature(kind).parameters.values()
        needs_one = any(each.name.startswith("estimator") for each in parameters)
        if not needs_one or name in ("AdaBoostClassifier", "BaggingClassifier"):
            found.add(name)
    # One takes an estimator or makes one, one takes categories, one is on its way out.
    found |= {"CalibratedClassifierCV"}
    assert set(SCIKIT_LEARN) == found - {"CategoricalNB", "PassiveAggressiveClassifier"}

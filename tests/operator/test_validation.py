"""Offline validation says what the table says, and so what the API server says."""

from __future__ import annotations

import pytest

from resource_bound_cases import all_cases
from resource_cases import FULL, FULL_JOB, Case, changed
from resource_rule_cases import cel_rules
from surelabel_operator.validation import validate_object

CASES = all_cases()


def said(obj: dict, old: dict | None = None) -> set[str]:
    return {str(problem) for problem in validate_object(obj, old)}


@pytest.mark.parametrize("kind", sorted(FULL))
def test_the_full_object_is_valid(kind: str) -> None:
    assert said(FULL[kind]) == set()


@pytest.mark.parametrize("kind", sorted(FULL))
def test_every_cel_rule_has_a_case(kind: str) -> None:
    assert cel_rules(kind) == {
        case.rule for case in CASES if case.kind == kind and ": " in case.rule
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_rule_accepts_and_refuses(case: Case) -> None:
    before = case.object({}) if case.update else None
    objects = [case.object(case.good), case.object(case.bad)]
    for obj in [*objects, before]:
        if obj is not None and case.status is not None:
            obj["status"] = case.status
    assert said(objects[0], before) == set()
    assert said(objects[1], before) == case.refusals


def test_everything_wrong_is_told_at_once() -> None:
    broken = changed(
        FULL_JOB,
        {
            "metadata.name": "x" * 50,
            "spec.taskType": "AudioClassification",
            "spec.output.uri": "bucket",
            "spec.workforce.maxAnnotatorsPerItem": 1,
            "spec.stopping.maxRound": 3,
        },
    )
    fields = [problem.field for problem in validate_object(broken)]
    assert fields == [
        "spec.stopping.maxRound",
        "spec.taskType",
        "metadata.name",
        "spec.output.uri",
        "spec.workforce.maxAnnotatorsPerItem",
    ]


def test_rules_that_read_something_broken_wait_for_it() -> None:
    broken = changed(FULL_JOB, {"spec.workforce.annotatorsPerItem": "three"})
    assert [problem.field for problem in validate_object(broken)] == [
        "spec.workforce.annotatorsPerItem"
    ]


def test_an_unknown_field_is_named_with_its_place() -> None:
    broken = changed(FULL_JOB, {"spec.labels.0.colour": "red"})
    assert said(broken) == {'spec.labels[0].colour: unknown field "spec.labels[0].colour"'}


def test_null_counts_as_absent() -> None:
    assert said(changed(FULL_JOB, {"spec.storage.region": None, "spec.stopping": None})) == set()


@pytest.mark.parametrize("spec", [None, 5, [], {}])
def test_an_object_that_is_none_is_refused_without_a_traceback(spec: object) -> None:
    assert said(changed(FULL_JOB, {"spec": spec}))


def test_another_kind_is_refused() -> None:
    assert said(changed(FULL_JOB, {"kind": "Pod"})) == {
        "kind: must be one of LabelingJob, WorkTeam of surelabel.dev/v1alpha1"
    }


def test_a_job_needs_a_name() -> None:
    assert said(changed(FULL_JOB, {"metadata": {}})) == {
        "metadata.name: Required value: name or generateName is required"
    }

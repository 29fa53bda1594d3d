"""Flux's health expressions in CEL, over statuses that the operator's own code writes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import cel
import pytest
import yaml

from gitops.cases import CASES, Case
from gitops.repository import REPOSITORY
from surelabel_operator.resources import WorkTeam
from surelabel_operator.teams import status_of_team

GUIDE = REPOSITORY.parents[1] / "guides" / "gitops.md"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def expressions(text: str, kind: str) -> dict[str, str]:
    """The health expressions of a kind in a Kustomization or a part of one."""
    found = yaml.safe_load(text)
    (one,) = [e for e in found.get("spec", found)["healthCheckExprs"] if e["kind"] == kind]
    assert one["apiVersion"] == "surelabel.dev/v1alpha1"
    return one


def kustomization() -> str:
    return (REPOSITORY / "flux" / "vision.yaml").read_text()


def in_the_guide() -> str:
    """The expressions that wait for the end."""
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    (found,) = [block for block in blocks if "healthCheckExprs" in block]
    return found


def health(exprs: dict[str, str], obj: dict[str, Any]) -> str:
    """As Flux goes about it (RFC-0009): generations first, then the expressions in this order."""
    observed = obj.get("status", {}).get("observedGeneration")
    if observed is not None and observed != obj["metadata"]["generation"]:
        return "InProgress"
    for name, status in (
        ("inProgress", "InProgress"),
        ("failed", "Failed"),
        ("current", "Current"),
    ):
        if name in exprs:
            answer = cel.compile(exprs[name]).execute(obj)
            assert isinstance(answer, bool)
            if answer:
                return status
    return "InProgress"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_job_that_works_is_current(case: Case) -> None:
    assert health(expressions(kustomization(), "LabelingJob"), case.job()) == case.flux


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_by_the_guides_other_expressions_only_a_finished_job_is_current(case: Case) -> None:
    assert health(expressions(in_the_guide(), "LabelingJob"), case.job()) == case.flux_finished


def test_a_work_team_is_current_once_it_can_be_asked() -> None:
    people = [{"name": "ada", "accuracyPermille": 900}]
    body: dict[str, Any] = {
        "apiVersion": "surelabel.dev/v1alpha1",
        "kind": "WorkTeam",
        "metadata": {"name": "watchers", "generation": 1},
        "spec": {"simulated": {"annotators": people, "truthURI": "s3://bucket/truth.jsonl"}},
        "status": {"observedGeneration": -1},
    }
    exprs = expressions(kustomization(), "WorkTeam")
    assert health(exprs, body) == "InProgress"
    body["status"] = status_of_team(WorkTeam.model_validate(body), NOW).to_dict()
    assert health(exprs, body) == "Current"
    body["status"]["conditions"][0]["status"] = "False"
    assert health(exprs, body) == "InProgress"

"""Argo CD's scripts in a real Lua 5.1, over statuses that the operator's own code writes."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from gitops.argocd import ARGOCD, run, script
from gitops.cases import CASES, Case, blocked, commit, job_with, shown, stalled, started
from job_factories import spec_of
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import JobStatus, WorkTeam
from surelabel_operator.teams import status_of_team

if TYPE_CHECKING:
    from conftest import SharedControlPlane

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def health(job: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = run(script("LabelingJob/health.lua"), job)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_health_of_a_labeling_job(case: Case) -> None:
    found = health(case.job())
    assert found["status"] == case.argocd
    assert case.message in found["message"]


def test_the_cases_have_every_condition_in_every_state_that_matters() -> None:
    seen = {
        (condition["type"], condition["status"])
        for case in CASES
        for condition in case.job()["status"].get("conditions", [])
    }
    for type_ in ("Ready", "Stalled", "Suspended", "Queued", "Reconciling", "Succeeded"):
        assert (type_, "True") in seen and (type_, "False") in seen, type_
    assert {("Succeeded", "Unknown"), ("Suspended", "Unknown")} <= seen


def test_a_job_without_any_status_is_progressing() -> None:
    job = job_with(JobStatus())
    del job["status"]
    assert health(job)["status"] == "Progressing"


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_shown_with_its_message(reason: Reason) -> None:
    said = f"{reason}: why it is {reason}."
    assert health(stalled(reason)) == {"status": "Degraded", "message": said}
    assert health(blocked(reason)) == {"status": "Progressing", "message": said}


def test_an_undisturbed_job_is_progressing_until_it_is_healthy() -> None:
    world, found = started(), []
    while not world.is_ended():
        found.append(health(shown(world))["status"])
        commit(world)
    assert set(found) == {"Progressing"} and len(found) > 10
    assert health(shown(world))["status"] == "Healthy"


def team(generation: int = 1) -> dict[str, Any]:
    people = [{"name": name, "accuracyPermille": 900} for name in ("ada", "bob")]
    return {
        "apiVersion": "surelabel.dev/v1alpha1",
        "kind": "WorkTeam",
        "metadata": {"name": "watchers", "generation": generation},
        "spec": {"simulated": {"annotators": people, "truthURI": "s3://bucket/truth.jsonl"}},
        "status": {"observedGeneration": -1},
    }


def test_health_of_a_work_team() -> None:
    text, body = script("WorkTeam/health.lua"), team()
    assert run(text, body)["status"] == "Progressing"
    status = status_of_team(WorkTeam.model_validate(body), NOW).to_dict()
    assert run(text, {**body, "status": status}) == {
        "status": "Healthy",
        "message": "2 people can be asked.",
    }
    assert run(text, {**team(generation=2), "status": status})["status"] == "Progressing"
    status["conditions"][0].update(status="False", reason="Gone", message="nobody is there.")
    assert run(text, {**body, "status": status}) == {
        "status": "Degraded",
        "message": "Gone: nobody is there.",
    }
    del body["status"]
    assert run(text, body)["status"] == "Progressing"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_suspend_and_resume_are_offered_as_they_make_sense(case: Case) -> None:
    job = case.job()
    offered = run(script("LabelingJob/actions/discovery.lua"), job)
    if job["status"].get("completionTime"):
        assert offered == {}
    else:
        assert list(offered) == ["resume" if job["spec"]["suspend"] else "suspend"]


@pytest.mark.parametrize(("action", "suspend"), [("suspend", True), ("resume", False)])
def test_an_action_changes_spec_suspend_alone(action: str, suspend: bool) -> None:
    for before in (None, not suspend):
        job = job_with(JobStatus())
        job["spec"] = spec_of().to_dict()
        del job["spec"]["suspend"]
        if before is not None:
            job["spec"]["suspend"] = before
        expected = copy.deepcopy(job)
        expected["spec"]["suspend"] = suspend
        assert run(script(f"LabelingJob/actions/{action}/action.lua"), job) == expected


def config_map() -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load((ARGOCD / "argocd-cm.yaml").read_text())["data"]
    return found


def test_the_config_map_holds_the_scripts_as_they_are() -> None:
    key = "resource.customizations.{}.surelabel.dev_{}"
    data = config_map()
    for kind in ("LabelingJob", "WorkTeam"):
        assert data[key.format("health", kind)] == script(f"{kind}/health.lua")
    actions = yaml.safe_load(data[key.format("actions", "LabelingJob")])
    folder = "LabelingJob/actions"
    assert actions["discovery.lua"] == script(f"{folder}/discovery.lua")
    assert {one["name"]: one["action.lua"] for one in actions["definitions"]} == {
        name: script(f"{folder}/{name}/action.lua") for name in ("suspend", "resume")
    }


def test_the_updates_to_ignore_are_of_a_field_that_exists() -> None:
    key = "resource.customizations.ignoreResourceUpdates.surelabel.dev_LabelingJob"
    (pointer,) = yaml.safe_load(config_map()[key])["jsonPointers"]
    _, top, name = pointer.split("/")
    assert top == "status"
    assert name in {field.alias for field in JobStatus.model_fields.values()}


@pytest.mark.cluster
def test_the_config_map_is_patched_as_its_first_lines_say(
    control_plane: SharedControlPlane, namespace: str
) -> None:
    path = ARGOCD / "argocd-cm.yaml"
    said = path.read_text().splitlines()[1]
    assert said == "#   kubectl -n argocd patch configmap argocd-cm --patch-file " + str(
        path.relative_to(ARGOCD.parents[2])
    )
    control_plane.kubectl(
        "-n", namespace, "create", "configmap", "argocd-cm", "--from-literal=url=kept"
    )
    control_plane.kubectl("-n", namespace, "patch", "configmap", "argocd-cm", "--patch-file", path)
    found = control_plane.kubectl("-n", namespace, "get", "configmap", "argocd-cm", "-o", "yaml")
    assert yaml.safe_load(found)["data"] == {"url": "kept", **config_map()}

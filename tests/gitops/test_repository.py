"""The example repository renders, and a real API server and the chart accept what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chart import rendering
from gitops.repository import REPOSITORY, only, render
from surelabel_cli.toolchain import Toolchain
from surelabel_operator.generate import crd_yaml
from surelabel_operator.validation import validate_object

if TYPE_CHECKING:
    from conftest import SharedControlPlane


@pytest.fixture(scope="module")
def kubectl(toolchain: Toolchain) -> Path:
    return toolchain.control_plane / "kubectl"


@pytest.fixture(scope="module")
def jobs(kubectl: Path) -> list[dict[str, Any]]:
    return render(kubectl, "jobs/vision")


def test_the_overlay_has_a_valid_job_and_its_team(jobs: list[dict[str, Any]]) -> None:
    job, team = only(jobs, "LabelingJob", "birds"), only(jobs, "WorkTeam", "bird-watchers")
    assert len(jobs) == 2
    for body in (job, team):
        assert [str(problem) for problem in validate_object(body)] == []
        assert body["metadata"]["namespace"] == "vision"
    assert job["spec"]["workforce"]["workTeam"] == team["metadata"]["name"]
    # From the base.
    assert job["spec"]["compute"] == {"ray": {"address": {"name": "shared"}}}
    assert job["spec"]["workforce"]["annotatorsPerItem"] == 3


@pytest.mark.cluster
def test_an_api_server_accepts_the_overlay(
    jobs: list[dict[str, Any]], control_plane: SharedControlPlane, namespace: str
) -> None:
    crds = "\n---\n".join(crd_yaml(kind) for kind in ("LabelingJob", "WorkTeam"))
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=crds)
    names = ("labelingjobs", "workteams")
    control_plane.kubectl(
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        *(f"crd/{name}.surelabel.dev" for name in names),
    )
    # A dry run needs a namespace that is there.
    bodies = [{**body, "metadata": {**body["metadata"], "namespace": namespace}} for body in jobs]
    said = control_plane.kubectl(
        "apply",
        "--server-side",
        "--field-manager=git",
        "--dry-run=server",
        "-f",
        "-",
        text=json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies}),
    )
    assert said.count("serverside-applied (server dry run)") == 2


def values_of(objects: list[dict[str, Any]], tool: str) -> dict[str, Any]:
    """What the tool gives the chart."""
    found: dict[str, Any]
    if tool == "argocd":
        source = only(objects, "Application", "surelabel")["spec"]["source"]
        found = source["helm"]["valuesObject"]
    else:
        found = only(objects, "HelmRelease", "surelabel")["spec"]["values"]
    return found


@pytest.mark.parametrize("tool", ["argocd", "flux"])
def test_the_chart_takes_the_values_and_serves_the_jobs(
    kubectl: Path, helm: Path, tmp_path: Path, jobs: list[dict[str, Any]], tool: str
) -> None:
    objects = render(kubectl, tool)
    values = values_of(objects, tool)
    namespaces = {o["metadata"]["name"] for o in objects if o["kind"] == "Namespace"}
    assert set(values["watchNamespaces"]) == namespaces == {"vision"}
    values["image"]["repository"] = "registry.example/surelabel/operator"
    assert rendering.Helm(helm, tmp_path).refusal(values) == ""
    settings, spec = values["settings"], only(jobs, "LabelingJob", "birds")["spec"]
    assert spec["compute"]["ray"]["address"]["name"] in [c["name"] for c in settings["rayClusters"]]
    (allowed,) = settings["storage"]["allowedPrefixes"][0]["prefixes"]
    for uri in (spec["input"]["manifest"], spec["output"]["uri"]):
        assert uri.startswith(f"{allowed}/")


@pytest.mark.parametrize("tool", ["argocd", "flux"])
def test_both_tools_get_the_same_operator_and_folders_that_exist(kubectl: Path, tool: str) -> None:
    objects = render(kubectl, tool)
    assert values_of(objects, tool) == values_of(render(kubectl, "argocd"), "argocd")
    if tool == "argocd":
        folders = [only(objects, "Application", "vision-labels")["spec"]["source"]["path"]]
        chart = only(objects, "Application", "surelabel")["spec"]["source"]["path"]
    else:
        folders = [only(objects, "Kustomization", "vision-labels")["spec"]["path"]]
        chart = only(objects, "HelmRelease", "surelabel")["spec"]["chart"]["spec"]["chart"]
    assert rendering.ROOT / chart == rendering.CHART
    for folder in folders:
        assert (REPOSITORY / folder / "kustomization.yaml").is_file()


def test_argo_cd_never_prunes_the_operator_and_applies_on_the_server(kubectl: Path) -> None:
    objects = render(kubectl, "argocd")
    options = only(objects, "Application", "surelabel")["spec"]["syncPolicy"]["syncOptions"]
    assert {"Prune=false", "Delete=false", "ServerSideApply=true"} <= set(options)
    jobs = only(objects, "Application", "vision-labels")["spec"]["syncPolicy"]
    assert "ServerSideApply=true" in jobs["syncOptions"]

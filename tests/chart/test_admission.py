"""Who names a Secret must be allowed to read it: the policy on a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from chart.cluster import Kubectl, Release, labeling_job, role, wait_for
from chart.rendering import ROOT, Helm, policy_of

pytestmark = pytest.mark.cluster

V = "chart-admission-jobs"
EDIT_JOBS = {
    "apiGroups": ["surelabel.dev"],
    "resources": ["labelingjobs"],
    "verbs": ["get", "create", "update", "patch"],
}


CREATE_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}


def get_secret(*names: str) -> dict[str, Any]:
    found: dict[str, Any] = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    return {**found, "resourceNames": list(names)} if names else found


@pytest.fixture(scope="module", autouse=True)
def users(kubectl: Kubectl, release: Release) -> None:
    """alice may read every Secret there, sam only `sams`, mallory none; all may edit jobs."""
    assert release.watched == V
    release.install({"watchNamespaces": [V]})
    kubectl.do("wait", "--for=condition=Established", "crd/labelingjobs.surelabel.dev")
    kubectl.do(
        "apply",
        "--server-side",
        objects=[
            *role("alice", V, "alice", EDIT_JOBS, get_secret()),
            *role("sam", V, "sam", EDIT_JOBS, get_secret("sams")),
            *role("mallory", V, "mallory", EDIT_JOBS),
            *role("podkeeper", V, "podkeeper", EDIT_JOBS, CREATE_PODS, get_secret("env")),
        ],
    )
    naming = labeling_job("probe", V, {"secretName": "s3"})
    wait_for(
        "the policy", lambda: "ValidatingAdmissionPolicy" in kubectl.dry_run(naming, user="mallory")
    )
    wait_for("alice's role", lambda: not kubectl.dry_run(naming, user="alice"))


@pytest.fixture
def running(kubectl: Kubectl) -> dict[str, Any]:
    """A job of alice's that names a Secret."""
    job = labeling_job("running", V, {"secretName": "s3"}, suspend=False)
    kubectl.do("apply", "--server-side", "--force-conflicts", "--as=alice", objects=[job])
    return job


def test_author_who_may_read_the_secret_is_accepted(kubectl: Kubectl) -> None:
    assert kubectl.dry_run(labeling_job("a", V, {"secretName": "s3"}), user="alice") == ""


def test_author_who_may_not_is_refused_with_field_secret_and_next_step(kubectl: Kubectl) -> None:
    refusal = kubectl.dry_run(labeling_job("a", V, {"secretName": "s3"}), user="mallory")
    assert (
        "denied request: spec.storage.secretName: only who may get a Secret may name it, and "
        f"mallory may not get Secret s3 in namespace {V}. "
        "Ask for that right, or let somebody who has it apply this job." in refusal
    )


def test_right_to_one_secret_is_not_a_right_to_another(kubectl: Kubectl) -> None:
    assert kubectl.dry_run(labeling_job("a", V, {"secretName": "sams"}), user="sam") == ""
    refusal = kubectl.dry_run(labeling_job("a", V, {"secretName": "s3"}), user="sam")
    assert "sam may not get Secret s3" in refusal


@pytest.mark.parametrize("storage", [None, {}, {"region": "eu-central-1"}])
def test_job_without_a_secret_needs_no_such_right(
    kubectl: Kubectl, storage: dict[str, Any] | None
) -> None:
    assert kubectl.dry_run(labeling_job("a", V, storage), user="mallory") == ""


def patch_as(
    kubectl: Kubectl, user: str, patch: dict[str, Any], *more: str, name: str = "running"
) -> str:
    """Why the patch is refused; empty if it is not. Nothing is changed."""
    return kubectl.ask(
        "patch",
        "slj",
        name,
        f"-n={V}",
        "--type=merge",
        f"-p={json.dumps(patch)}",
        f"--as={user}",
        "--dry-run=server",
        *more,
    ).refusal


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"suspend": True}},
        {"spec": {"stopping": {"maxRounds": 30}}},
        {"metadata": {"labels": {"team": "birds"}}},
    ],
)
def test_who_only_steers_a_running_job_needs_no_such_right(
    kubectl: Kubectl, patch: dict[str, Any]
) -> None:
    assert patch_as(kubectl, "mallory", patch) == ""


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"storage": {"endpoint": "https://elsewhere.example"}}},
        {"spec": {"storage": {"secretName": "other"}}},
        {"spec": {"output": {"takeOver": "1b4e28ba-2fa1-11d2-883f-0016d3cca427"}}},
    ],
)
def test_who_changes_what_the_secret_is_used_for_needs_it(
    kubectl: Kubectl, patch: dict[str, Any]
) -> None:
    assert patch_as(kubectl, "alice", patch) == ""
    assert "spec.storage.secretName: only who may get a Secret" in patch_as(
        kubectl, "mallory", patch
    )


@pytest.mark.usefixtures("running")
def test_giving_the_secret_up_needs_no_right(kubectl: Kubectl) -> None:
    assert patch_as(kubectl, "mallory", {"spec": {"storage": {"secretName": None}}}) == ""


def write_status_as(kubectl: Kubectl, user: str) -> str:
    """Why this user's status is refused; empty if it is not."""
    status = {
        "apiVersion": "surelabel.dev/v1alpha1",
        "kind": "LabelingJob",
        "metadata": {"name": "running", "namespace": V},
        "status": {"labelAttributeName": "running"},
    }
    return kubectl.ask(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=false",
        "--subresource=status",
        f"--as={user}",
        objects=[status],
    ).refusal


@pytest.mark.usefixtures("running")
def test_status_patch_is_never_looked_at(kubectl: Kubectl) -> None:
    rule = {
        "apiGroups": ["surelabel.dev"],
        "resources": ["labelingjobs/status"],
        "verbs": ["patch"],
    }
    kubectl.do("apply", "--server-side", objects=role("status", V, "status-writer", rule))
    wait_for("the role", lambda: not write_status_as(kubectl, "status-writer"))


@pytest.mark.usefixtures("running")
def test_operators_own_account_patches_status_and_nothing_else(
    kubectl: Kubectl, release: Release
) -> None:
    assert write_status_as(kubectl, release.account) == ""
    refusal = patch_as(kubectl, release.account, {"spec": {"suspend": True}})
    assert 'cannot patch resource "labelingjobs"' in refusal


@pytest.mark.usefixtures("running")
def test_clusters_own_controllers_are_not_hindered(kubectl: Kubectl) -> None:
    collector = "system:serviceaccount:kube-system:generic-garbage-collector"
    patch = {"metadata": {"finalizers": ["foregroundDeletion"]}}
    assert patch_as(kubectl, collector, patch) == ""


def test_administrator_may_name_any_secret(kubectl: Kubectl) -> None:
    assert kubectl.dry_run(labeling_job("a", V, {"secretName": "s3"})) == ""


def with_cluster(**template: Any) -> dict[str, Any]:
    return labeling_job("pods", V, compute={"ray": {"cluster": {"template": template}}})


def test_who_may_create_pods_may_have_them_created(kubectl: Kubectl) -> None:
    assert kubectl.dry_run(with_cluster(), user="podkeeper") == ""


def test_who_may_not_is_refused_and_told_the_other_ways(kubectl: Kubectl) -> None:
    refusal = kubectl.dry_run(with_cluster(), user="alice")
    assert (
        "denied request: spec.compute.ray.cluster: only who may create pods may have them created, "
        f"and alice may not in namespace {V}. Ask for that right, use compute.ray.address or "
        "compute.ray.selector, or let somebody who has it apply this job." in refusal
    )


def test_a_selected_cluster_needs_no_right_to_pods(kubectl: Kubectl) -> None:
    job = labeling_job("pods", V, compute={"ray": {"selector": {"name": "shared"}}})
    assert kubectl.dry_run(job, user="mallory") == ""


def test_secrets_that_become_variables_must_be_readable_each(kubectl: Kubectl) -> None:
    own = with_cluster(envFrom=[{"secretName": "env"}])
    assert kubectl.dry_run(own, user="podkeeper") == ""
    both = with_cluster(envFrom=[{"secretName": "env"}, {"secretName": "other"}])
    refusal = kubectl.dry_run(both, user="podkeeper")
    assert "envFrom[].secretName: only who may get a Secret may name it" in refusal


def test_who_only_steers_a_job_with_pods_needs_no_right_and_who_changes_them_does(
    kubectl: Kubectl,
) -> None:
    kubectl.do("apply", "--server-side", "--force-conflicts", objects=[with_cluster()])
    assert patch_as(kubectl, "mallory", {"spec": {"suspend": True}}, name="pods") == ""
    change = {"spec": {"compute": {"ray": {"cluster": {"template": {"head": {"numGPUs": 8}}}}}}}
    assert patch_as(kubectl, "podkeeper", change, name="pods") == ""
    refusal = patch_as(kubectl, "mallory", change, name="pods")
    assert "only who may create pods" in refusal


@pytest.mark.parametrize("about", ["secrets", "pods"])
def test_policy_checks_clean_against_the_crd(
    kubectl: Kubectl, release: Release, about: str
) -> None:
    name = release.secrets_role.removesuffix("secrets") + about

    def status() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            kubectl.do("get", "validatingadmissionpolicy", name, "-o=json")
        )
        checked: dict[str, Any] = found.get("status", {})
        return checked

    wait_for("type checking", lambda: "typeChecking" in status())
    assert status()["typeChecking"].get("expressionWarnings", []) == []


def test_every_secret_that_a_job_can_name_is_covered(helm: Helm) -> None:
    crd = yaml.safe_load((ROOT / "crds" / "labelingjob.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    named: set[str] = set()

    def look(schema: dict[str, Any], path: str) -> None:
        for key, inner in schema.get("properties", {}).items():
            if key.lower().endswith("secretname"):
                named.add(f"{path}.{key}")
            look(inner, f"{path}.{key}")
        if "items" in schema:
            look(schema["items"], path + "[]")

    look(version["schema"]["openAPIV3Schema"]["properties"]["spec"], "spec")
    policy = policy_of(helm.objects({}), "secrets")
    text = json.dumps(policy["spec"]["validations"])
    assert named
    for path in named:
        assert f"'{path}: only who may get" in text, path

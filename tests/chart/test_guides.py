"""The guides for who runs the operator against the chart and the code."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from chart.cluster import labeling_job
from chart.policy_network import PODS, Network
from chart.rendering import ROOT, Helm, of_kind, only, policy_of
from surelabel_contract.steps import Stage
from surelabel_contract.store_client import CREDENTIAL_KEYS
from surelabel_operator import trust
from surelabel_operator.reasons import Reason
from surelabel_operator.resources.compute import StageCompute
from surelabel_operator.validation import validate_object

NAMES = (
    *("install", "install-kind", "install-cloud", "install-airgapped"),
    *("kuberay", "upgrade", "backup", "sizing", "security"),
)
GUIDES = {name: (ROOT / "docs" / "guides" / f"{name}.md").read_text() for name in NAMES}
INSTALL, SECURITY = GUIDES["install"], GUIDES["security"]
EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    (name, yaml.safe_load(block))
    for name, text in GUIDES.items()
    for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
]
# Beside resources and parts of a LabelingJob all examples are values.
VALUES = [(name, block) for name, block in EXAMPLES if not {"apiVersion", "compute"} & set(block)]
SPECS = [(name, block) for name, block in EXAMPLES if "compute" in block]


def named(examples: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [f"{name}: {next(iter(block))}" for name, block in examples]


@pytest.mark.parametrize(("name", "values"), VALUES, ids=named(VALUES))
def test_every_values_example_of_the_guides_renders(
    helm: Helm, name: str, values: dict[str, Any]
) -> None:
    text = yaml.safe_dump(values).replace("<registry>", "registry.example")
    assert only(helm.objects(yaml.safe_load(text)), "Deployment"), name


def test_the_guides_show_values_and_parts_of_a_job() -> None:
    assert len(VALUES) >= 7
    assert SPECS


@pytest.mark.parametrize(("name", "spec"), SPECS, ids=named(SPECS))
def test_every_part_of_a_job_in_the_guides_is_valid(name: str, spec: dict[str, Any]) -> None:
    problems = validate_object(labeling_job("birds", "vision", **spec))
    assert [str(problem) for problem in problems] == [], name


def test_workers_of_the_cloud_guide_run_without_the_autoscalers_rights() -> None:
    (cluster,) = (b for _, b in EXAMPLES if b.get("kind") == "RayCluster")
    spec = cluster["spec"]
    # KubeRay binds the head's account, whoever made it, to the autoscaler's Role.
    assert spec["enableInTreeAutoscaling"]
    head, *workers = (
        group["template"]["spec"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])
    )
    assert len(workers) == 2
    for pod in workers:
        assert pod["serviceAccountName"] not in ("default", head["serviceAccountName"])
        assert pod["automountServiceAccountToken"] is False
    # Stages' drivers ask for a CPU, so that none runs beside the autoscaler.
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert StageCompute(name=Stage.TRAIN).num_cpus > 0
    for pod in (head, *workers):
        account = pod["serviceAccountName"]
        assert f"kubectl -n ray create serviceaccount {account}\n" in GUIDES["install-cloud"]


def test_policies_of_the_guides_let_kube_ray_ask_for_jobs_and_nobody_else(helm: Helm) -> None:
    asked = [
        values
        for _, values in VALUES
        if values.get("networkPolicy", {}).get("ray", {}).get("jobsFrom")
    ]
    assert len(asked) == 2
    for values in asked:
        # Under the names that the pods of the test network have.
        ray = {**values["networkPolicy"]["ray"], "namespaces": ["chart-vision"]}
        network = Network(helm, {"networkPolicy": {**values["networkPolicy"], "ray": ray}})
        let_in = {name for name in PODS if not network.refuses(name, "head", 8265)}
        assert let_in == {"KubeRay", "operator", "head", "worker"}


def test_install_guide_has_the_message_that_the_policy_gives(helm: Helm) -> None:
    policy = policy_of(helm.objects({}), "secrets")
    validation = policy["spec"]["validations"][0]
    fixed = re.findall(r"'([^']*)'", validation["messageExpression"])
    shown = " ".join(INSTALL.split())
    for part in fixed:
        assert part.strip(" .") in shown


def test_install_guide_names_the_keys_of_a_secret_that_count() -> None:
    for key in CREDENTIAL_KEYS:
        assert f"`{key}`" in INSTALL
    assert f"{trust.ALLOW_USE_LABEL}=storage" in INSTALL


@pytest.mark.parametrize("text", GUIDES.values(), ids=GUIDES.keys())
def test_every_reason_that_a_guide_names_exists(text: str) -> None:
    for name in re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", text):
        if name.endswith("Allowed"):
            assert name in set(Reason)


def test_security_guide_lists_every_right_of_the_operator(helm: Helm) -> None:
    told = {
        tuple(cell.strip() for cell in row.split("|")[2:4])
        for row in SECURITY.splitlines()
        if row.startswith("| ")
    }
    rules = [
        rule
        for kind in ("Role", "ClusterRole")
        for role in of_kind(helm.objects({}), kind)
        for rule in role["rules"]
    ]
    for rule in rules:
        verbs = ", ".join(rule["verbs"])
        names = ", ".join(rule["resources"])
        assert any(what.startswith(names) and listed == verbs for what, listed in told), rule

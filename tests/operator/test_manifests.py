"""The objects that the operator creates: what KubeRay and restricted namespaces ask of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from job_factories import JOB, UID, spec_of, step
from surelabel_contract.stages import Resources, StorageAccess
from surelabel_contract.steps import step_name
from surelabel_operator.backends import Submission
from surelabel_operator.child_trust import ChildTarget, compute_target
from surelabel_operator.manifests import (
    build_cluster_spec,
    build_ray_cluster,
    build_ray_job,
    cluster_name,
    template_digest,
)
from surelabel_operator.settings import KubeRay, Settings

SETTINGS = Settings(kube_ray=KubeRay(image="surelabel/workloads:1"))
STEP = step("tra", 4)
SUBMISSION = Submission(
    name=step_name(JOB.name, UID, STEP, 2),
    job=JOB,
    step=STEP,
    attempt=2,
    config_uri="s3://bucket/o'ut/STAGE.json",
    storage=StorageAccess(prefixes=("s3://bucket",)),
    resources=Resources(num_cpus=2, num_gpus=1, memory_mib=None),
    timeout_seconds=60,
)


def target(cluster: dict[str, Any] | None = None, **storage: Any) -> ChildTarget:
    spec = spec_of(compute={"ray": {"cluster": cluster or {}}}, storage=storage or None)
    found = compute_target(SETTINGS, "vision", spec)
    assert isinstance(found, ChildTarget)
    return found


def pods(spec: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def test_a_ray_job_on_a_cluster_that_is_there_has_nothing_that_kube_ray_refuses_with_it() -> None:
    body = build_ray_job(SUBMISSION, target(), "birds-c1")
    spec = body["spec"]
    assert spec["clusterSelector"] == {"ray.io/cluster": "birds-c1"}
    assert not {"rayClusterSpec", "suspend", "ttlSecondsAfterFinished"} & set(spec)
    assert not {"activeDeadlineSeconds", "deletionStrategy"} & set(spec)
    assert spec["backoffLimit"] == 0
    assert spec["submissionMode"] == "HTTPMode"
    assert spec["jobId"] == body["metadata"]["name"] == SUBMISSION.name


def test_a_ray_job_with_a_cluster_of_its_own_ends_it_at_once() -> None:
    spec = build_ray_job(SUBMISSION, target({"scope": "Stage"}), None)["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["ttlSecondsAfterFinished"] == 0
    assert "clusterSelector" not in spec
    assert pods(spec["rayClusterSpec"]) == pods(build_cluster_spec(target({"scope": "Stage"})))


def test_the_stage_gets_its_config_and_what_it_may_touch_and_no_secret() -> None:
    spec = build_ray_job(SUBMISSION, target(secretName="s3"), "birds-c1")["spec"]
    assert spec["entrypoint"] == (
        """python -m surelabel.stages 's3://bucket/o'"'"'ut/STAGE.json'"""
    )
    environment = yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"]
    access = StorageAccess.from_json(environment["SURELABEL_STORAGE_ACCESS"].encode())
    assert access == SUBMISSION.storage
    assert (spec["entrypointNumCpus"], spec["entrypointNumGpus"]) == (2, 1)


def test_children_say_whose_they_are_and_go_with_their_owner() -> None:
    for body in (
        build_ray_job(SUBMISSION, target(), "birds-c1"),
        build_ray_cluster("birds-c1", JOB, target()),
    ):
        (owner,) = body["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("LabelingJob", UID, True)
        labels = body["metadata"]["labels"]
        assert labels["surelabel.dev/installation"] == "here"
        assert labels["surelabel.dev/job-uid"] == UID
        assert all(len(value) <= 63 for value in labels.values())


def test_the_queue_stands_where_kueue_looks_and_begins_suspended() -> None:
    own = build_ray_job(SUBMISSION, target({"scope": "Stage", "queueName": "team"}), None)
    assert own["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert own["spec"]["suspend"] is True
    of_job = target({"scope": "Job", "queueName": "team"})
    cluster = build_ray_cluster("birds-c1", JOB, of_job)
    assert cluster["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert cluster["spec"]["suspend"] is True
    on_it = build_ray_job(SUBMISSION, of_job, "birds-c1")
    assert "kueue.x-k8s.io/queue-name" not in on_it["metadata"]["labels"]


def test_every_pod_is_fit_for_a_restricted_namespace_and_gets_no_token() -> None:
    spec = build_cluster_spec(target({"template": {"workers": [{"name": "w"}]}}))
    found = pods(spec)
    assert len(found) == 2
    for pod in found:
        assert pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"] == "surelabel-stage"
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


def test_our_clusters_ask_for_a_token_and_say_their_ray_version() -> None:
    spec = build_cluster_spec(target())
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["rayVersion"] == "2.60.0"


def test_the_storage_secret_is_mounted_as_files() -> None:
    (pod,) = pods(build_cluster_spec(target(secretName="s3")))
    assert {"name": "storage", "secret": {"secretName": "s3"}} in pod["volumes"]
    (container,) = pod["containers"]
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == "storage"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert environment["SURELABEL_STORAGE_CREDENTIALS"] == mount["mountPath"]
    assert mount["readOnly"] is True


def test_a_head_alone_with_one_cpu_has_room_for_a_task_beside_the_driver() -> None:
    params = build_cluster_spec(target())["headGroupSpec"]["rayStartParams"]
    assert params["num-cpus"] == "2"


def test_the_template_says_what_pods_get() -> None:
    template = {
        "head": {
            "cpuMillis": 500,
            "memoryMiB": 1024,
            "numGPUs": 1,
            "nodeSelector": [{"key": "pool", "value": "gpu"}],
            "tolerations": [{"key": "gpu", "effect": "NoSchedule"}, {"key": "a", "value": "b"}],
        },
        "workers": [{"name": "w", "replicas": 3, "cpuMillis": 2500}],
        "labels": [{"key": "team", "value": "birds"}],
        "env": [{"name": "MODE", "value": "fast"}],
        "envFrom": [{"secretName": "keys"}],
        "volumeClaims": [{"claimName": "scratch", "mountPath": "/data"}],
    }
    spec = build_cluster_spec(target({"template": template}))
    head, worker = pods(spec)
    resources = head["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "500m", "memory": "1024Mi"}
    assert resources["limits"] == {"memory": "1024Mi", "nvidia.com/gpu": "1"}
    assert head["nodeSelector"] == {"pool": "gpu"}
    assert head["tolerations"] == [
        {"operator": "Exists", "key": "gpu", "effect": "NoSchedule"},
        {"operator": "Equal", "key": "a", "value": "b"},
    ]
    assert worker["nodeSelector"] == {}
    (group,) = spec["workerGroupSpecs"]
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (3, 3, 3)
    assert group["rayStartParams"]["num-cpus"] == "2"
    assert spec["headGroupSpec"]["template"]["metadata"]["labels"] == {"team": "birds"}
    container = head["containers"][0]
    assert {"name": "MODE", "value": "fast"} in container["env"]
    assert container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert {"name": "claim-0", "mountPath": "/data", "readOnly": True} in container["volumeMounts"]


def test_pods_are_found_by_the_name_of_their_job_whatever_the_template_says() -> None:
    template = {
        "labels": [{"key": "team", "value": "birds"}, {"key": "surelabel.dev/job", "value": "x"}],
        "workers": [{"name": "w"}],
    }
    found = target({"template": template})
    cluster = build_ray_cluster("birds-c1", JOB, found)
    job = build_ray_job(SUBMISSION, found, None)
    for spec in (cluster["spec"], job["spec"]["rayClusterSpec"]):
        for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
            labels = group["template"]["metadata"]["labels"]
            assert labels == {"team": "birds", "surelabel.dev/job": JOB.name}


def test_the_digest_changes_with_the_pods_alone() -> None:
    before = template_digest(target())
    assert template_digest(target({"idleSeconds": 5})) == before
    assert template_digest(target({"template": {"head": {"cpuMillis": 2000}}})) != before
    assert template_digest(target(secretName="s3")) != before


@pytest.mark.parametrize("incarnation", [1, 999])
def test_names_of_clusters_fit_kube_ray(incarnation: int) -> None:
    job = JOB.model_copy(update={"name": "a" * 40})
    name = cluster_name(job, incarnation)
    assert name.endswith(f"-c{incarnation}")
    assert len(name) <= 53


def test_bodies_are_plain_json() -> None:
    json.dumps(build_ray_job(SUBMISSION, target(), None))

"""What KubeRay's status and the pods' mean for an attempt, and the words for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from surelabel_operator.backends.child_state import ending_of, state_of
from surelabel_operator.backends.pods import why_ended, why_waiting
from surelabel_operator.children import Child, Children
from surelabel_operator.observed import AttemptState, FailureClass, Problem

APP, INFRA, CONFIG = (
    FailureClass.APPLICATION,
    FailureClass.INFRASTRUCTURE,
    FailureClass.CONFIGURATION,
)


def child(deleting: bool = False, **status: Any) -> Child:
    metadata: dict[str, Any] = {"name": "birds-x-r004-tra-p1-a2", "namespace": "vision"}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    return Child.of({"kind": "RayJob", "metadata": metadata, "spec": {}, "status": status})


@pytest.mark.parametrize(
    ("deployment", "state", "expected"),
    [
        ("", "", AttemptState.PENDING),
        ("Initializing", "", AttemptState.PENDING),
        ("Suspended", "", AttemptState.PENDING),
        ("Running", "", AttemptState.PENDING),
        ("Running", "PENDING", AttemptState.PENDING),
        ("Running", "RUNNING", AttemptState.RUNNING),
        ("Complete", "SUCCEEDED", AttemptState.SUCCEEDED),
        ("Complete", "STOPPED", AttemptState.STOPPED),
        ("Failed", "FAILED", AttemptState.FAILED),
        ("Failed", "", AttemptState.FAILED),
        ("ValidationFailed", "", AttemptState.FAILED),
    ],
)
def test_the_state_of_an_attempt(deployment: str, state: str, expected: AttemptState) -> None:
    assert state_of(child(jobDeploymentStatus=deployment, jobStatus=state)) is expected


def test_a_ray_job_that_is_deleted_runs_until_it_is_gone() -> None:
    assert state_of(child(deleting=True)) is AttemptState.RUNNING


EXITED = "Job entrypoint command failed with exit code {}, last available logs (truncated)"


@pytest.mark.parametrize(
    ("status", "of_pods", "expected", "reason"),
    [
        ({"message": EXITED.format(1)}, None, APP, None),
        ({"message": EXITED.format(2)}, None, CONFIG, None),
        ({"message": EXITED.format(3)}, None, INFRA, None),
        ({"message": EXITED.format(-9)}, None, APP, "OutOfMemory"),
        ({"message": EXITED.format(137)}, None, APP, "OutOfMemory"),
        ({"message": EXITED.format(137)}, Problem("Evicted", "x"), INFRA, "Evicted"),
        ({"message": EXITED.format(-11)}, None, APP, None),
        ({"message": EXITED.format(139)}, None, APP, None),
        ({"message": EXITED.format(255)}, Problem("Evicted", "x"), APP, None),
        ({"message": EXITED.format(-9)}, Problem("OutOfMemory", "x"), APP, "OutOfMemory"),
        ({"message": EXITED.format(1)}, Problem("OutOfMemory", "x"), APP, "OutOfMemory"),
        ({"message": EXITED.format(1)}, Problem("PodFailed", "x"), APP, None),
        ({"message": EXITED.format(2)}, Problem("OutOfMemory", "x"), CONFIG, None),
        ({"message": "ray.exceptions.OutOfMemoryError: Task"}, None, APP, "OutOfMemory"),
        ({"message": "the supervisor actor died"}, None, INFRA, None),
        ({"message": "died"}, Problem("Evicted", "x"), INFRA, "Evicted"),
        ({"reason": "SubmissionFailed", "message": ""}, None, INFRA, None),
        ({"reason": "ValidationFailed", "message": "bad"}, None, CONFIG, None),
    ],
)
def test_whose_fault_a_failure_is(
    status: dict[str, Any], of_pods: Problem | None, expected: FailureClass, reason: str | None
) -> None:
    found = ending_of(child(jobDeploymentStatus="Failed", **status), of_pods)
    assert (found.failure, found.reason) == (expected, reason)


def test_a_long_message_keeps_the_exit_status_and_the_cause() -> None:
    found = child(message=f"{EXITED.format(2)}\n{'x' * 20_000}\nValueError: at last").message
    assert len(found) <= 1_024
    assert "exit code 2" in found
    assert found.endswith("ValueError: at last")


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "head"}, "status": status}


def container(**state: Any) -> dict[str, Any]:
    return {"name": "ray", "image": "team/x:1", **state}


PULLING = container(state={"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})
KILLED = container(lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137}}, state={})
EXITED_1 = container(state={"terminated": {"reason": "Error", "exitCode": 1}})
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
}


def refused(message: str) -> dict[str, Any]:
    condition = {"type": "ReplicaFailure", "status": "True", "message": message}
    return {"status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("pods", "cluster", "reason", "words"),
    [
        ([], None, "KubeRaySilent", "Look whether its operator runs"),
        ([pod(containerStatuses=[PULLING])], None, "ImagePullFailed", "'team/x:1'"),
        ([pod(initContainerStatuses=[PULLING])], None, "ImagePullFailed", "no such image"),
        ([pod(conditions=[UNSCHEDULABLE])], None, "Unschedulable", "Insufficient nvidia.com/gpu"),
        ([pod(containerStatuses=[KILLED])], None, "OutOfMemory", "Raise memoryMiB"),
        ([pod(reason="Evicted", message="low on memory")], None, "Evicted", "low on memory"),
        ([pod(containerStatuses=[EXITED_1])], None, "PodFailed", "exited 1"),
        ([pod(phase="Pending")], None, "PodsStarting", "head"),
        ([], refused("pods is forbidden: exceeded quota: small"), "QuotaExceeded", "Raise it"),
        ([], refused('serviceaccount "surelabel-stage" not found'), "PodsRefused", "not found"),
    ],
)
def test_why_pods_do_not_start(
    pods: list[dict[str, Any]], cluster: dict[str, Any] | None, reason: str, words: str
) -> None:
    found = why_waiting(pods, cluster)
    assert found.reason == reason
    assert words in found.message
    # A next step, in whole sentences.
    assert found.message.endswith((".", "`."))


def test_pods_that_run_have_not_ended() -> None:
    running = container(state={"running": {}}, lastState={})
    fine = container(state={"terminated": {"exitCode": 0, "reason": "Completed"}})
    assert why_ended([pod(containerStatuses=[running, fine])]) is None


def test_what_ended_before_the_attempt_was_not_its_end() -> None:
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-02T03:04:05Z"}
    pods = [pod(containerStatuses=[container(state={}, lastState={"terminated": ended})])]
    assert why_ended(pods, datetime.fromisoformat("2026-01-02T03:04:06Z")) is None
    found = why_ended(pods, datetime.fromisoformat("2026-01-02T03:04:05Z"))
    assert found is not None
    assert found.reason == "OutOfMemory"


def test_a_ray_job_that_is_submitted_anew_began_when_it_first_did() -> None:
    children = Children()
    for second in ("05", "35"):
        info = {"startTime": f"2026-01-02T03:04:{second}Z"}
        children.put(child(jobStatus="RUNNING", rayJobInfo=info))
    found = children.get("RayJob", "vision", "birds-x-r004-tra-p1-a2")
    assert found is not None
    assert found.started == datetime.fromisoformat("2026-01-02T03:04:05Z")

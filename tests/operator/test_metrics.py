"""Metrics by their exact names, the probes, and logs without secrets."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from surelabel_contract.stages import QUALITY_METRICS
from surelabel_operator.cache import JobCache, JobEntry
from surelabel_operator.calls import external_call, observed_calls, store_observer
from surelabel_operator.conditions import TYPES
from surelabel_operator.job_series import FAMILIES
from surelabel_operator.logging import SecretText, configure_logging
from surelabel_operator.metrics import Metrics
from surelabel_operator.server import ProbeServer
from surelabel_operator.workqueue import WorkQueue

# Names that dashboards and alerts rely on: never renamed.
NAMES = {
    "labeling_reconcile_total",
    "labeling_reconcile_duration_seconds",
    "labeling_reconcile_exceptions_total",
    "labeling_workqueue_depth",
    "labeling_workqueue_adds_total",
    "labeling_workqueue_retries_total",
    "labeling_workqueue_queue_duration_seconds",
    "labeling_workqueue_work_duration_seconds",
    "labeling_workqueue_longest_running_seconds",
    "labeling_active_workers",
    "labeling_max_workers",
    "labeling_watch_last_event_timestamp_seconds",
    "labeling_resync_repairs_total",
    "labeling_kube_requests_total",
    "labeling_status_patch_conflicts_total",
    "labeling_ray_requests_total",
    "labeling_storage_requests_total",
    "labeling_build_info",
    "labeling_job_info",
    "labeling_job_condition",
    "labeling_job_labeled_ratio",
    "labeling_job_items",
    "labeling_job_labeled_items",
    "labeling_job_round",
    "labeling_job_created_timestamp_seconds",
    "labeling_job_completion_timestamp_seconds",
    "labeling_job_last_progress_timestamp_seconds",
    "labeling_job_budget_used_ratio",
    "labeling_job_target_error_ratio",
    "labeling_job_certified_error_ratio",
    "labeling_job_cost",
    "labeling_job_all_human_cost",
    "labeling_job_cost_to_finish",
    "labeling_job_predicted_saving_items",
    "labeling_job_answers",
    "labeling_job_open_items",
    "labeling_rounds_total",
    "labeling_stage_attempts_total",
    "labeling_stage_duration_seconds",
    "labeling_children_created_total",
}

BODY: dict[str, Any] = {
    "metadata": {
        "name": "birds",
        "namespace": "vision",
        "uid": "uid-1",
        "resourceVersion": "7",
        "creationTimestamp": "2026-11-23T12:00:00Z",
    },
    "spec": {
        "autoLabeling": {"targetErrorPermille": 50},
        "workforce": {"workTeam": "team"},
        "stopping": {"maxRounds": 20, "maxCost": {"amount": "100.00", "currency": "USD"}},
        "compute": {"ray": {"address": {"name": "shared"}}},
    },
    "status": {
        "step": {"name": "birds-1", "round": 4, "recordedTime": "2026-11-23T13:00:00Z"},
        "labelCounters": {"total": 100, "humanLabeled": 20, "machineLabeled": 30},
        "annotation": {"openItems": 5, "answersReceived": 60},
        "certificate": {"errorBoundPermille": 41},
        "quality": [
            {"metric": "consensusError", "value": "0.012000"},
            {"metric": "ofAnotherVersion", "value": "0.5"},
        ],
        "cost": {
            "amount": "25.00",
            "currency": "USD",
            "allHumanAmount": "125.00",
            "toFinishAmount": "62.50",
        },
        "saving": {"items": 31, "itemsLow": 4, "itemsHigh": 40, "amount": "38.75"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


async def rendered(metrics: Metrics) -> str:
    return b"".join([piece async for piece in metrics.render()]).decode()


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def one_of(text: str, name: str) -> float:
    return samples(text)[name][0][1]


async def test_every_metric_has_its_name() -> None:
    metrics = Metrics("1")
    metrics.watch_queue(WorkQueue(), lambda: True)
    text = await rendered(metrics)
    offered = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert offered >= NAMES


async def test_series_of_a_job_vanish_with_it() -> None:
    metrics, cache = Metrics("1"), JobCache()
    metrics.watch_jobs(cache)
    cache.put(JobEntry.of(BODY))
    text = await rendered(metrics)
    assert one_of(text, "labeling_job_labeled_ratio") == 0.5
    assert one_of(text, "labeling_job_certified_error_ratio") == 0.041
    assert one_of(text, "labeling_job_target_error_ratio") == 0.05
    assert samples(text)["labeling_job_cost_to_finish"] == [
        ({"name": "birds", "namespace": "vision", "currency": "USD"}, 62.5)
    ]
    assert one_of(text, "labeling_job_predicted_saving_items") == 31
    found = samples(text)
    assert {(s[0]["source"], s[1]) for s in found["labeling_job_labeled_items"]} == {
        ("human", 20),
        ("machine", 30),
    }
    budgets = {s[0]["resource"]: s[1] for s in found["labeling_job_budget_used_ratio"]}
    assert budgets == {"rounds": 0.2, "cost": 0.25}
    conditions = {s[0]["status"]: s[1] for s in found["labeling_job_condition"]}
    assert conditions == {"True": 1, "False": 0, "Unknown": 0}
    (quality,) = found["labeling_job_quality"]
    assert (quality[0]["metric"], quality[1]) == ("consensusError", 0.012)
    cache.remove(("vision", "birds"))
    assert "birds" not in await rendered(metrics)


async def test_a_job_has_fifty_five_series_at_most() -> None:
    # docs/guides/sizing.md counts on it.
    metrics, cache = Metrics("1"), JobCache()
    metrics.watch_jobs(cache)
    status = {
        **BODY["status"],
        "completionTime": "2026-11-24T12:00:00Z",
        "annotation": {"answersReceived": 40, "openItems": 2},
        "conditions": [{"type": type_, "status": "True"} for type_ in TYPES],
        "quality": [{"metric": metric, "value": "0.5"} for metric in QUALITY_METRICS],
    }
    stopping = {**BODY["spec"]["stopping"], "maxHumanLabeledItems": 50}
    spec = {**BODY["spec"], "stopping": stopping}
    cache.put(JobEntry.of({**BODY, "spec": spec, "status": status}))
    found = samples(await rendered(metrics))
    of_job = {name: len(rows) for name, rows in found.items() if name.startswith("labeling_job_")}
    assert set(of_job) == {name for name, _, _ in FAMILIES}
    assert 45 < sum(of_job.values()) <= 55


@pytest.mark.parametrize(
    ("ray", "mode", "queue"),
    [
        ({"address": {"name": "shared"}}, "address", ""),
        ({"cluster": {"scope": "Job", "queueName": "team"}}, "cluster", "team"),
        ({"cluster": {}}, "cluster", ""),
        ({"selector": {"name": "shared"}}, "selector", ""),
    ],
)
async def test_info_says_how_the_job_gets_at_ray(
    ray: dict[str, Any], mode: str, queue: str
) -> None:
    metrics, cache = Metrics("1"), JobCache()
    metrics.watch_jobs(cache)
    cache.put(JobEntry.of({**BODY, "spec": {**BODY["spec"], "compute": {"ray": ray}}}))
    ((labels, _),) = samples(await rendered(metrics))["labeling_job_info"]
    assert (labels["cluster_mode"], labels["queue"]) == (mode, queue)


async def test_no_label_grows_with_rounds_or_attempts() -> None:
    metrics, cache = Metrics("1"), JobCache()
    metrics.watch_jobs(cache)
    cache.put(JobEntry.of(BODY))
    for name, entries in samples(await rendered(metrics)).items():
        for labels, _ in entries:
            assert not {"round", "attempt", "submission_id", "pod"} & labels.keys(), name
            assert "birds-1" not in labels.values()


async def test_calls_are_counted_by_system_and_result() -> None:
    metrics = Metrics("1")
    with observed_calls(metrics):
        async with external_call("kube", "patch labelingjobs/status", "/x") as call:
            call.code = "409"
        store_observer("get", "s3://bucket/key", None)
        store_observer("get", "s3://bucket/key", "not_found")
        with pytest.raises(ValueError, match="no"):
            async with external_call("ray", "submit", "/y"):
                raise ValueError("no")
    found = samples(await rendered(metrics))
    (kube,) = found["labeling_kube_requests_total"]
    assert kube[0] == {"verb": "patch", "resource": "labelingjobs/status", "code": "409"}
    (store,) = found["labeling_storage_requests_total"]
    assert store[0] == {"operation": "get", "result": "not_found"}
    (ray,) = found["labeling_ray_requests_total"]
    assert ray[0] == {"operation": "submit", "code": "ValueError"}


async def test_unknown_exceptions_share_one_series() -> None:
    metrics = Metrics("1")
    for number in range(3):
        metrics.exception(type(f"Surprise{number}", (Exception,), {})())
    metrics.exception(KeyError("x"))
    found = samples(await rendered(metrics))["labeling_reconcile_exceptions_total"]
    assert {entry[0]["exception"]: entry[1] for entry in found} == {"Other": 3, "KeyError": 1}


async def test_the_probes_say_what_is_wrong() -> None:
    problem: list[str | None] = ["not yet"]
    metrics = Metrics("1")
    waits: list[str | None] = ["Lease a/b is held by 'c'."]
    server = ProbeServer(lambda: None, lambda: problem[0], metrics.render, lambda: waits[0])
    await server.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
            async with session.get("/healthz") as answer:
                assert answer.status == 200
            async with session.get("/readyz") as answer:
                assert (answer.status, await answer.text()) == (503, "not yet\n")
            problem[0] = None
            async with session.get("/readyz") as answer:
                said = "standby: Lease a/b is held by 'c'.\n"
                assert (answer.status, await answer.text()) == (200, said)
            waits[0] = None
            async with session.get("/readyz") as answer:
                assert (answer.status, await answer.text()) == (200, "ok\n")
            async with session.get("/metrics") as answer:
                assert answer.content_type == "text/plain"
                assert "labeling_build_info" in await answer.text()
    finally:
        await server.stop()


def test_logs_are_json_with_their_fields_and_show_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = io.StringIO()
    monkeypatch.setattr("sys.stderr", output)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure_logging("json")
        secret = SecretText("canary")
        logging.getLogger("x").info(
            "token %s %r", secret, secret, extra={"job": "birds", "t": secret}
        )
        record = json.loads(output.getvalue())
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert record["job"] == "birds"
    assert record["message"] == "token *** ***"
    assert "canary" not in output.getvalue()
    assert f"{secret}" == "***"
    assert secret.reveal() == "canary"

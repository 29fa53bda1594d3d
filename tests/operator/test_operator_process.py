"""The operator's own process on a real API server; stages are plain processes."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import operator_bench
from operator_bench import (
    Bench,
    OperatorProcess,
    condition_of,
    job_of,
    team_of,
    wait_for,
    write_texts,
)

pytestmark = [pytest.mark.cluster]


@pytest.fixture
def bench(tmp_path: Path, control_plane: Any, namespace: str) -> Iterator[Bench]:
    control_plane.kubectl("apply", "-f", str(Path(__file__).parents[2] / "crds/labelingjob.yaml"))
    control_plane.kubectl("apply", "-f", str(Path(__file__).parents[2] / "crds/workteam.yaml"))
    for kind in ("labelingjobs", "workteams"):
        control_plane.kubectl(
            "wait", "--for=condition=Established", f"crd/{kind}.surelabel.dev", "--timeout=30s"
        )
    folder = tmp_path / "op"
    write_texts(folder)
    operator = OperatorProcess(folder, control_plane.kubeconfig, namespace)
    found = Bench(operator, control_plane)
    try:
        yield found
    finally:
        operator.stop(signal.SIGKILL)
        found.backend.kill_all()


def test_a_job_goes_from_apply_to_a_finished_manifest(bench: Bench) -> None:
    bench.operator.fake = False
    bench.operator.start()
    bench.apply(team_of(bench.folder), job_of(bench.folder))
    job = bench.wait_condition("Succeeded", "True", seconds=240)
    assert job["status"]["labelCounters"]["humanLabeled"] == 12
    lines = (bench.folder / "out/animals/manifests/output/output.manifest").read_text().splitlines()
    assert [json.loads(line)["source"] for line in lines] == [
        json.loads(line)["source"]
        for line in (bench.folder / "in.manifest").read_text().splitlines()
    ]
    assert bench.backend.running() == []
    assert "finalizers" not in job["metadata"]
    assert all("kopf" not in key for key in job["metadata"].get("annotations", {}))
    events = bench.plane.kubectl("get", "events", "-n", bench.namespace, "-o", "json")
    reasons = {event["reason"] for event in json.loads(events)["items"]}
    assert {"StepCommitted", "AllLabeled"} <= reasons
    status, text = bench.operator.get("/metrics")
    assert status == 200
    assert f'labeling_job_labeled_ratio{{name="animals",namespace="{bench.namespace}"}} 1.0' in text
    assert bench.operator.stop() == 0
    lease = json.loads(
        bench.plane.kubectl("get", "lease", "surelabel", "-n", bench.namespace, "-o", "json")
    )
    assert lease["spec"].get("holderIdentity", "") == ""


def test_an_operator_killed_in_the_middle_goes_on_where_it_was(bench: Bench) -> None:
    bench.operator.start()
    bench.apply(team_of(bench.folder), job_of(bench.folder))
    wait_for(
        lambda: (bench.job().get("status") or {}).get("step", {}).get("round") == 1,
        "round 1",
        also=bench.operator.text,
    )
    bench.operator.stop(signal.SIGKILL)
    time.sleep(0.5)
    bench.operator.start()
    job = bench.wait_condition("Succeeded", "True")
    assert job["status"]["step"]["failures"] == 0
    assert len(bench.backend.started()) == 6


def test_suspend_stops_what_runs_and_resume_goes_on(bench: Bench) -> None:
    bench.operator.behave(ann={"sleep": 3600, "attempts": [1]})
    bench.operator.start()
    bench.apply(team_of(bench.folder), job_of(bench.folder))
    bench.wait_running("ann")
    bench.patch({"suspend": True})
    job = bench.wait_condition("Suspended", "True")
    assert bench.backend.running() == []
    assert condition_of(job, "Succeeded")["status"] == "Unknown"
    version = job["metadata"]["resourceVersion"]
    time.sleep(3)
    assert bench.job()["metadata"]["resourceVersion"] == version
    bench.operator.behave()
    bench.patch({"suspend": False})
    bench.wait_condition("Succeeded", "True")


def test_a_deleted_job_stops_at_once_and_its_successor_does_not_touch_its_state(
    bench: Bench,
) -> None:
    bench.operator.behave(ann={"sleep": 3600, "attempts": [1]})
    bench.operator.start()
    bench.apply(team_of(bench.folder), job_of(bench.folder))
    bench.wait_running("ann")
    bench.plane.kubectl("delete", "-n", bench.namespace, "slj/animals")
    wait_for(lambda: not bench.backend.running(), "the stage's end", also=bench.operator.text)
    before = sorted(str(p) for p in (bench.folder / "out").rglob("*"))
    bench.apply(job_of(bench.folder))
    job = bench.wait_condition("Stalled", "True")
    assert condition_of(job, "Stalled")["reason"] == "OutputInUse"
    assert sorted(str(p) for p in (bench.folder / "out").rglob("*")) == before
    owner = json.loads((bench.folder / "out/animals/OWNER.json").read_text())
    bench.operator.behave()
    bench.patch({"output": {"takeOver": owner["uid"]}})
    bench.wait_condition("Succeeded", "True")


def test_references_that_are_missing_are_named_and_mended(bench: Bench) -> None:
    bench.operator.start()
    bench.apply(job_of(bench.folder))
    job = bench.wait_condition("Stalled", "True")
    stalled = condition_of(job, "Stalled")
    assert stalled["reason"] == "WorkTeamNotFound"
    assert "spec.workforce.workTeam" in stalled["message"]
    bench.apply(team_of(bench.folder))
    bench.wait_condition("Succeeded", "True")
    team = json.loads(
        bench.plane.kubectl("get", "-n", bench.namespace, "workteams/team", "-o", "json")
    )
    assert team["status"]["activeMembers"] == 3
    assert condition_of(team, "Ready")["status"] == "True"


def test_a_lost_status_is_rebuilt_from_the_store(bench: Bench) -> None:
    bench.operator.start()
    bench.apply(team_of(bench.folder), job_of(bench.folder))
    before = bench.wait_condition("Succeeded", "True")
    bench.operator.stop()
    bench.plane.kubectl(
        "patch", "-n", bench.namespace, "slj/animals", "--subresource=status", "--type=json",
        "-p", '[{"op": "replace", "path": "/status", "value": {"observedGeneration": -1}}]',
    )  # fmt: skip
    bench.operator.start()
    after = bench.wait_condition("Succeeded", "True")
    equal = ("startTime", "labelCounters", "labeledFraction", "output", "recentRounds", "stateURI")
    assert {k: before["status"].get(k) for k in equal} == {k: after["status"].get(k) for k in equal}
    for key in ("round", "stage", "pass"):
        assert before["status"]["step"][key] == after["status"]["step"][key]


def test_without_the_crds_the_operator_says_what_to_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "operator_bench.ENTRY", Path(operator_bench.__file__).with_name("no_crds_operator.py")
    )
    bench.operator.start()
    assert bench.operator.process is not None
    assert bench.operator.process.wait(30) == 1
    assert "Apply the CRDs" in bench.operator.text()

"""The status of a job is lost: the operator rebuilds it from the store, and the job goes on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import small_job
from faults.admin import job_path
from faults.fork_server import ForkServer
from faults.workbench import Workbench, condition, until
from surelabel_contract.keys import COMMIT_FILE
from surelabel_contract.stages import StageReport

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

# What a rebuilt status has in common with the one that was lost.
_EQUAL = (
    *("startTime", "stateURI", "labelAttributeName", "labelCounters", "labeledFraction"),
    *("unlabeledReasons", "certificate", "cost", "output", "recentRounds"),
)
_PLACE = ("round", "stage", "pass")


@pytest.fixture
def bench(control_plane: Any, fork_server: ForkServer, tmp_path: Path) -> Iterator[Workbench]:
    # With a fixed time every start time would be equal.
    with Workbench(
        tmp_path / "bench",
        control_plane.kubeconfig,
        fork_server.address,
        settings={"stageTime": None},
    ) as found:
        yield found.start()


def apply(bench: Workbench) -> None:
    price = {"amount": "0.012", "currency": "USD"}
    people = {"workTeam": "team", "annotatorsPerItem": 3, "maxOpenItems": 12}
    bench.apply(bench.body(workforce={**people, "pricePerAnnotation": price}))


def wipe(bench: Workbench) -> None:
    """Take the status away, as an administrator or a restored backup does."""
    path = f"{job_path(bench.namespace, small_job.NAME)}/status"
    left = bench.admin.request("PATCH", path, {"status": None})
    # The schema's default is all there is.
    assert left.get("status", {}).keys() <= {"observedGeneration"}, left["status"]


def wiped(bench: Workbench, *, stopped: bool, ended: bool = False) -> tuple[Any, Any]:
    """The status before it was wiped, and the rebuilt one."""
    if stopped:
        bench.stop()
    before = bench.job()["status"]
    wipe(bench)
    if stopped:
        bench.start()
    if ended:
        return before, bench.wait("Succeeded", "True")["status"]
    return before, until("the rebuilt status", lambda: has_step(bench.job()))


def has_step(job: dict[str, Any]) -> Any:
    status = job.get("status") or {}
    return status if "step" in status else None


def check_equal(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert {key: after.get(key) for key in _EQUAL} == {key: before.get(key) for key in _EQUAL}
    assert [after["step"][key] for key in _PLACE] == [before["step"][key] for key in _PLACE]
    ends = [condition({"status": status}, "Succeeded") for status in (before, after)]
    told = [(end["status"], end["reason"], end.get("message")) for end in ends]
    assert told[0] == told[1]


def reported_seconds(bench: Workbench) -> int:
    reports = [StageReport.from_json(path.read_bytes()) for path in bench.out.rglob(COMMIT_FILE)]
    return sum(round(report.seconds["total"]) for report in reports)


def kill(bench: Workbench, name: str) -> None:
    os.killpg(int((bench.jobs / name / "pid").read_text()), signal.SIGKILL)
    until("the attempt's end", lambda: name not in bench.stages.running())


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_a_lost_status_is_rebuilt_in_a_step_and_at_the_end(
    bench: Workbench, *, stopped: bool
) -> None:
    bench.hold("tra")
    apply(bench)
    kill(bench, bench.wait_running("tra"))
    second = bench.wait_running("tra")
    until("its record", lambda: "submittedTime" in bench.job()["status"]["step"])
    before, after = wiped(bench, stopped=stopped)
    check_equal(before, after)
    assert (after["step"]["round"], after["step"]["stage"]) == (1, "train")
    assert before["cost"]["amount"] != "0.00"
    assert before["recentRounds"][0]["humanLabeled"] == 6
    # The attempt that runs goes on; its predecessor's failure is forgotten.
    assert before["step"]["infrastructureFailures"] == 1
    assert after["step"]["name"] == before["step"]["name"] == second
    assert after["step"]["attempt"] == 2
    assert not after["step"].get("infrastructureFailures")
    assert not after["step"].get("failures")
    assert after.get("activeSeconds", 0) == reported_seconds(bench)

    bench.hold("ann")
    bench.release("tra")
    bench.wait_running("ann")
    until("its record", lambda: "submittedTime" in bench.job()["status"]["step"])
    before, after = wiped(bench, stopped=stopped)
    check_equal(before, after)
    assert (after["step"]["round"], after["step"]["stage"]) == (2, "annotate")
    assert after["step"]["name"] == before["step"]["name"]
    assert after.get("activeSeconds", 0) == reported_seconds(bench)

    bench.release("ann")
    bench.wait("Succeeded", "True")
    until(
        "the mark",
        lambda: json.loads((bench.out / f"{small_job.NAME}/OWNER.json").read_text())["finished"],
    )
    started, manifest = bench.stages.started(), bench.manifest()
    before, after = wiped(bench, stopped=stopped, ended=True)
    check_equal(before, after)
    assert after["output"]["manifest"] and after["completionTime"]
    assert after["annotation"] == before["annotation"]
    assert reported_seconds(bench) <= after.get("activeSeconds", 0)
    assert (bench.stages.started(), bench.manifest()) == (started, manifest)
    assert set(small_job.commits_of(bench.out).values()) == {1}


def test_an_attempt_that_died_while_nobody_looked_is_followed_by_the_next(
    bench: Workbench,
) -> None:
    bench.hold("tra")
    apply(bench)
    first = bench.wait_running("tra")
    until("its record", lambda: "submittedTime" in bench.job()["status"]["step"])
    bench.stop()
    kill(bench, first)
    before = bench.job()["status"]
    wipe(bench)
    bench.start()
    after = until("the rebuilt status", lambda: has_step(bench.job()))
    check_equal(before, after)
    # One more than the highest that its folder and its process show.
    assert (before["step"]["attempt"], after["step"]["attempt"]) == (1, 2)
    assert not after["step"].get("failures")
    bench.release("tra")
    bench.wait("Succeeded", "True")
    assert set(small_job.commits_of(bench.out).values()) == {1}
    steps = small_job.commits_of(bench.out)
    assert len(bench.stages.started()) == len(steps) + 1

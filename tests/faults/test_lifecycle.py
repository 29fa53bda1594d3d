"""Deleting, suspending, resuming and ending a job in every stage; stages are plain processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import small_job
from faults.fork_server import ForkServer
from faults.workbench import Workbench, condition, until

pytestmark = [pytest.mark.cluster]

STAGES = ("pre", "ann", "con", "tra", "inf", "exp")


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory, control_plane: Any, fork_server: ForkServer
) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("lifecycle")
    with Workbench(folder, control_plane.kubeconfig, fork_server.address) as found:
        yield found.start()


@pytest.fixture(autouse=True)
def no_holds(bench: Workbench) -> Iterator[None]:
    yield
    for code in STAGES:
        bench.release(code)


@pytest.fixture(scope="module")
def undisturbed(bench: Workbench) -> bytes:
    """The manifest of the job under its usual name."""
    bench.apply(bench.body(output={"uri": f"file://{bench.folder}/undisturbed"}))
    bench.wait("Succeeded", "True")
    bench.delete()
    return bench.manifest(out=bench.folder / "undisturbed")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("code", STAGES)
def test_a_job_suspended_in_a_stage_stops_it_and_ends_as_if_undisturbed(
    bench: Workbench, undisturbed: bytes, code: str
) -> None:
    out = bench.folder / f"suspended-{code}"
    bench.hold(code)
    bench.apply(bench.body(output={"uri": f"file://{out}"}))
    try:
        name = bench.wait_running(code)
        bench.patch({"suspend": True})
        job = bench.wait("Suspended", "True", reason="Suspended")
        assert name not in bench.stages.running()
        assert condition(job, "Succeeded")["status"] == "Unknown"
        bench.release(code)
        bench.patch({"suspend": False})
        job = bench.wait("Succeeded", "True")
        assert job["status"]["step"].get("failures", 0) == 0
        assert condition(job, "Suspended")["status"] == "False"
        assert bench.manifest(out=out) == undisturbed
        assert set(small_job.commits_of(out).values()) == {1}
    finally:
        bench.delete()


@pytest.mark.parametrize("code", STAGES)
def test_a_job_deleted_in_a_stage_stops_it_and_leaves_its_state_to_nobody_else(
    bench: Workbench, code: str
) -> None:
    out = bench.folder / f"deleted-{code}"
    bench.hold(code)
    uid = bench.apply(bench.body(output={"uri": f"file://{out}"}))
    name = bench.wait_running(code)
    bench.delete()
    until("the stage's end", lambda: name not in bench.stages.running())
    before = files(out)
    # Its successor has its name and its output, and must not go on with what is not its own.
    bench.apply(bench.body(output={"uri": f"file://{out}"}))
    try:
        job = bench.wait("Stalled", "True", reason="OutputInUse")
        message = condition(job, "Stalled")["message"]
        assert uid in message and "spec.output.uri" in message and "takeOver" in message
        assert files(out) == before
        assert bench.stages.running() == []
    finally:
        bench.delete()


def test_a_successor_continues_its_predecessors_state_only_on_the_same_manifest(
    bench: Workbench, undisturbed: bytes
) -> None:
    out, data = bench.folder / "taken", bench.data / "taken.manifest"
    content = (bench.data / "in.manifest").read_bytes()
    data.write_bytes(content)
    given = {"manifest": f"file://{data}"}
    bench.hold("con")
    uid = bench.apply(bench.body(input=given, output={"uri": f"file://{out}"}))
    bench.wait_running("con")
    bench.delete()
    bench.release("con")
    owner = json.loads((out / small_job.NAME / "OWNER.json").read_text())
    assert owner["manifestSize"] == len(content)
    # As long as before, so that only the content tells.
    data.write_bytes(content.replace(b"purring", b"sleeping"[:7]))
    output = {"uri": f"file://{out}", "takeOver": uid}
    try:
        message = bench.stalled(bench.body(input=given, output=output), "ManifestChanged")
        assert "input.manifest must be the one" in message
        assert f"with {len(content)} bytes. Put that back" in message
        # Another file with the bytes of then, as of a restored bucket.
        data.unlink()
        data.write_bytes(content)
        bench.patch({"suspend": True})
        bench.wait("Suspended", "True", reason="Suspended")
        bench.patch({"suspend": False})
        job = bench.wait("Succeeded", "True")
        assert job["status"]["stateURI"].endswith(owner["stateRoot"])
        assert bench.manifest(out=out) == undisturbed
        assert set(small_job.commits_of(out).values()) == {1}
    finally:
        bench.delete()


def test_a_finished_job_that_is_created_again_leaves_the_results_alone(bench: Workbench) -> None:
    out = bench.folder / "again"
    body = bench.body(output={"uri": f"file://{out}"})
    uid = bench.apply(body)
    bench.wait("Succeeded", "True")
    bench.delete()
    until(
        "the end's mark",
        lambda: json.loads((out / small_job.NAME / "OWNER.json").read_text())["finished"],
    )
    before = files(out)
    message = bench.stalled(
        bench.body(output={"uri": f"file://{out}", "takeOver": uid}), "OutputInUse"
    )
    assert "finished" in message
    assert files(out) == before
    bench.delete()


@pytest.mark.parametrize("code", ["tra", "inf"])
def test_stop_now_while_a_model_works_stops_it_and_exports_what_there_is(
    bench: Workbench, code: str
) -> None:
    name, spec = f"stop-{code}", {"stopping": {"maxRounds": 2}}
    bench.hold(code)
    bench.apply(bench.body(name, **spec))
    bench.wait_running(code)
    bench.patch({"stopping": {"stopNow": True}}, name)
    job = bench.wait("Succeeded", "True", name, reason="StoppedByUser")
    assert job["status"]["labelCounters"]["humanLabeled"] >= 6
    assert len(bench.lines(name)) == 12
    assert bench.stages.running() == []


@pytest.mark.parametrize("code", ["pre", "con"])
def test_stop_now_in_a_stage_that_decides_nothing_lets_it_finish(
    bench: Workbench, code: str
) -> None:
    name = f"stop-{code}"
    bench.hold(code)
    bench.apply(bench.body(name))
    running = bench.wait_running(code)
    bench.patch({"stopping": {"stopNow": True}}, name)
    until("the new generation", lambda: bench.job(name)["status"]["observedGeneration"] == 2)
    assert running in bench.stages.running()
    bench.release(code)
    wanted = ("False", "NoResult") if code == "pre" else ("True", "StoppedByUser")
    until(
        "the end",
        lambda: (
            (
                condition(bench.job(name), "Succeeded").get("status"),
                condition(bench.job(name), "Succeeded").get("reason"),
            )
            == wanted
        ),
    )
    assert len(bench.lines(name)) == 12


def stop_while_people_annotate(bench: Workbench, name: str) -> str:
    """Set stopNow while an annotate waits, and let it go on once its workforce is closed."""
    running = bench.wait_running("ann")
    bench.patch({"stopping": {"stopNow": True}}, name)
    # The attempt of the step goes on, and finds this.
    until("the closed workforce", lambda: list((bench.out / name).rglob("ann-p1/STOP.json")))
    assert running in bench.stages.running()
    bench.release("ann")
    return running


def test_stop_now_while_people_annotate_asks_no_more_and_keeps_what_they_gave_before(
    bench: Workbench,
) -> None:
    bench.hold("tra")
    bench.apply(bench.body("stop-ann"))
    bench.wait_running("tra")
    # The first round is labeled.
    bench.hold("ann")
    bench.release("tra")
    running = stop_while_people_annotate(bench, "stop-ann")
    assert "-r002-" in running
    job = bench.wait("Succeeded", "True", "stop-ann", reason="StoppedByUser")
    assert job["status"]["labelCounters"]["humanLabeled"] == 6
    assert job["status"]["annotation"]["answersReceived"] == 18
    lines = bench.lines("stop-ann")
    assert sum("stop-ann" in line for line in lines) == 6
    assert len(lines) == 12
    assert bench.stages.running() == []


def test_stop_now_before_the_first_answer_ends_without_a_result(bench: Workbench) -> None:
    bench.hold("ann")
    bench.apply(bench.body("stop-first"))
    stop_while_people_annotate(bench, "stop-first")
    job = bench.wait("Succeeded", "False", "stop-first", reason="NoResult")
    assert job["status"]["annotation"]["answersReceived"] == 0
    assert len(bench.lines("stop-first")) == 12


def test_stop_now_during_export_comes_too_late(bench: Workbench) -> None:
    bench.hold("exp")
    bench.apply(bench.body("stop-exp"))
    running = bench.wait_running("exp")
    bench.patch({"stopping": {"stopNow": True}}, "stop-exp")
    until("the new generation", lambda: bench.job("stop-exp")["status"]["observedGeneration"] == 2)
    assert running in bench.stages.running()
    bench.release("exp")
    job = bench.wait("Succeeded", "True", "stop-exp", reason="AllLabeled")
    assert job["status"]["labelCounters"]["totalLabeled"] == 12
    assert job["status"]["step"]["attempt"] == 1


def test_the_deadline_stops_the_stage_and_exports_every_line(bench: Workbench) -> None:
    bench.hold("ann")
    bench.apply(bench.body("deadline", activeDeadlineSeconds=20))
    bench.wait_running("ann")
    job = until(
        "the end",
        lambda: (
            (found := bench.job("deadline"))
            and condition(found, "Succeeded").get("status") == "False"
            and found
        ),
    )
    assert condition(job, "Succeeded")["reason"] == "DeadlineExceeded"
    assert bench.stages.running() == []
    assert len(bench.lines("deadline")) == 12


def test_after_its_ttl_the_attempts_of_a_finished_job_are_deleted(bench: Workbench) -> None:
    bench.apply(bench.body("ttl", ttlSecondsAfterFinished=1))
    job = bench.wait("Succeeded", "True", "ttl")
    name = job["status"]["step"]["name"]
    until("the child's deletion", lambda: not (bench.jobs / name).exists())
    assert "ttl" in bench.names()
    assert len(bench.lines("ttl")) == 12

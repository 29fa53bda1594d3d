"""While nothing changes nothing is written to the API server, whatever state the jobs are in."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from faults.fork_server import ForkServer
from faults.workbench import Workbench, condition, until
from scraped import scrape, writes_of
from surelabel_contract.people import Progress

pytestmark = [pytest.mark.cluster]

# Longer than what the operator waits for before it believes, or writes, something: 30 s.
_SECONDS = 35
_PEOPLE = {"annotatorsPerItem": 3}


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory, control_plane: Any, fork_server: ForkServer
) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("steady")
    # Every job is looked at every second.
    settings = {"resyncSeconds": 1}
    with Workbench(
        folder, control_plane.kubeconfig, fork_server.address, settings=settings
    ) as found:
        yield found.start()


def test_nothing_is_written_about_jobs_of_which_nothing_changes(bench: Workbench) -> None:
    states = {
        "suspended": ("Suspended", "True", {"suspend": True}),
        "ended": ("Succeeded", "True", {}),
        "ended-badly": ("Succeeded", "False", {"stopping": {"stopNow": True}}),
        "stalled": ("Stalled", "True", {"workforce": {**_PEOPLE, "workTeam": "nobody"}}),
        "misconfigured": ("Stalled", "True", {"input": {"manifest": f"file://{bench.data}/none"}}),
    }
    for name, (_, _, spec) in states.items():
        bench.apply(bench.body(name, **spec))
    for name, (kind, status, _) in states.items():
        bench.wait(kind, status, name)
    _let_people_annotate(bench)
    names = {*states, "annotating"}
    (port,) = map(int, re.findall(r"listening port=(\d+)", bench.text()))
    until("a quiet second", lambda: _versions(bench) == (time.sleep(1), _versions(bench))[1])

    versions, before = _versions(bench), scrape(port)
    time.sleep(_SECONDS)
    now, after = _versions(bench), scrape(port)
    assert set(versions) == names
    assert now == versions
    assert writes_of(after)[1] == writes_of(before)[1]
    # Not for want of looking.
    assert _reconciles(after) - _reconciles(before) >= len(names) * _SECONDS / 3
    for name, (kind, status, _) in states.items():
        assert condition(bench.job(name), kind)["status"] == status
    assert bench.job("annotating")["status"]["annotation"] == {
        "openItems": 6,
        "answersReceived": 3,
    }


def _let_people_annotate(bench: Workbench) -> None:
    """A job whose people have given some answers and are thinking."""
    bench.hold("ann")
    bench.apply(bench.body("annotating"))
    bench.wait_running("ann")
    progress = Progress(
        schema_version=1,
        items=7,
        open_items=6,
        answers_received=3,
        answers_needed=21,
        active_annotators=3,
    )
    step = next((bench.out / "annotating").glob("state/*/rounds/0001/ann-p1"))
    (step / "progress.json").write_bytes(msgspec.json.encode(progress))
    until("the progress", lambda: bench.job("annotating")["status"]["annotation"]["openItems"] == 6)


def _versions(bench: Workbench) -> dict[str, str]:
    return {name: bench.job(name)["metadata"]["resourceVersion"] for name in bench.names()}


def _reconciles(values: dict[str, float]) -> float:
    return sum(v for name, v in values.items() if name.startswith("labeling_reconcile_total"))

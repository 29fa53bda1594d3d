"""The digits, the main job of the demo, with its data in S3 and its stages in pods of KubeRay; and
a real Prometheus that watches the operator meanwhile."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chart.cluster import Kubectl, wait_for
from e2e.digits_job import (
    FOLDER,
    ITEMS,
    digits_objects,
    read_manifest,
    upload_digits,
    wait_for_end,
)
from e2e.installed import DEPLOYMENT, installed
from e2e.labeling import HEAD, operator_values
from e2e.object_store import ObjectStore
from e2e.pods import restricted_namespace
from e2e.port_forward import forwarded
from e2e.real_cluster import RealCluster
from monitoring.prometheus_server import PrometheusServer
from monitoring.sources import EMPTY, alerts_of, queries, rule_of, selectors_in, tool, why_empty
from surelabel_cli.samples import SAMPLES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_METRICS_PORT = 8080
_CLOCK = re.compile(rb'"creation-date":"[^"]*"')
# Of a job that runs through: nothing fails, and Ray is asked by KubeRay.
_EMPTY = {
    **EMPTY,
    "labeling_ray_requests_total": "KubeRay asks Ray",
    "labeling_ray_request_duration_seconds_bucket": "KubeRay asks Ray",
    'labeling_job_budget_used_ratio{resource=~"cost|humanLabeledItems"}': "the job has no limits",
}


@pytest.fixture(scope="module")
def digits(s3: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    """The bucket with the digits in it."""
    upload_digits(s3, tmp_path_factory.mktemp("digits"))
    return s3


@pytest.fixture(scope="module")
def place(kubectl: Kubectl) -> Iterator[str]:
    """Where the job is."""
    with restricted_namespace(kubectl, "digits") as name:
        yield name


@pytest.fixture(scope="module")
def operator(real_cluster: RealCluster, kubectl: Kubectl, place: str) -> Iterator[str]:
    """The namespace of its operator."""
    with (
        restricted_namespace(kubectl, "operator") as name,
        installed(real_cluster, name, operator_values(real_cluster, place)),
    ):
        yield name


@pytest.fixture(scope="module")
def prometheus(
    kubectl: Kubectl,
    operator: str,
    real_cluster: RealCluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[PrometheusServer | None]:
    """Prometheus, which scrapes the operator; None without one on this machine."""
    try:
        binary = tool("prometheus")
    except pytest.skip.Exception:
        yield None
        return
    folder = tmp_path_factory.mktemp("server") / "prometheus"
    rules = rule_of(real_cluster.helm)
    with (
        forwarded(kubectl, operator, DEPLOYMENT, _METRICS_PORT) as port,
        PrometheusServer(binary, folder, rules, port) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def status(
    kubectl: Kubectl,
    place: str,
    operator: str,
    digits: ObjectStore,
    prometheus: PrometheusServer | None,
) -> dict[str, Any]:
    """The status of the job at its end."""
    del prometheus
    ray = {"cluster": {"scope": "Job", "template": {"head": HEAD}}}
    kubectl.do("apply", "--server-side", objects=digits_objects(digits, place, ray))
    return wait_for_end(kubectl, place, operator, 600)


@pytest.mark.smoke
def test_the_digits_are_labeled_on_a_ray_cluster_of_the_job(
    status: dict[str, Any],
    kubectl: Kubectl,
    place: str,
    digits: ObjectStore,
    say_at_end: Callable[[str], None],
) -> None:
    seconds, rounds = status["activeSeconds"], status["step"]["round"]
    say_at_end(f"The digits through RayJobs, one RayCluster: {seconds} s, {rounds} rounds")
    (succeeded,) = [each for each in status["conditions"] if each["type"] == "Succeeded"]
    assert succeeded["status"] == "True", status
    counters = status["labelCounters"]
    assert counters["totalLabeled"] == ITEMS
    assert counters["machineLabeled"] > counters["humanLabeled"]
    assert len(read_manifest(digits, place).splitlines()) == ITEMS
    children = ("get", "rayjobs,rayclusters,pods", f"-n={place}", "-o=name")
    wait_for("the end of all children", lambda: kubectl.do(*children) == "", 60)


def test_the_command_writes_the_same_manifest(
    status: dict[str, Any], place: str, digits: ObjectStore, tmp_path: Path
) -> None:
    del status
    job = tmp_path / "digits.yaml"
    job.write_text((SAMPLES / "digits.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    command = [Path(sys.executable).with_name("surelabel"), "run", job, "--workdir", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    here = (tmp_path / "out/digits/manifests/output/output.manifest").read_bytes()
    there = read_manifest(digits, place)
    # Times and places differ, and nothing else.
    here = here.replace(f"file://{tmp_path}/{FOLDER}/".encode(), b"DATA/")
    there = there.replace(f"{digits.uri}/{FOLDER}/".encode(), b"DATA/")
    assert _CLOCK.sub(b"", there) == _CLOCK.sub(b"", here)


@pytest.mark.smoke
def test_every_query_and_every_alert_finds_what_it_looks_at_in_prometheus(
    status: dict[str, Any],
    prometheus: PrometheusServer | None,
    place: str,
    real_cluster: RealCluster,
) -> None:
    del status
    if prometheus is None:
        pytest.skip(
            "prometheus is not on PATH; Debian and Ubuntu have it in the package prometheus"
        )
    ended = f'labeling_job_completion_timestamp_seconds{{namespace="{place}",name="digits"}}'
    wait_for("the scrape of the end", lambda: bool(prometheus.query(ended)))
    # A rate needs two samples.
    time.sleep(3)
    filled = [(query, query.filled(namespace=place, job="digits")) for query in queries()]
    empty = [query for query, expr in filled if not prometheus.query(expr)]
    assert [query for query in empty if not why_empty(query, _EMPTY)] == []
    for alert in alerts_of(real_cluster.helm):
        assert prometheus.query(alert.expr) == [], alert.name
        for selector in selectors_in(alert.expr):
            assert prometheus.query(selector) or selector in _EMPTY, (alert.name, selector)

"""Every query of the dashboards and every alert, asked a real Prometheus during a real job."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chart.rendering import Helm
from faults import small_job
from faults.fork_server import ForkServer
from faults.kube_ray import install_crds
from faults.workbench import Workbench, until
from monitoring.prometheus_server import PrometheusServer
from monitoring.sources import (
    EMPTY,
    RUNBOOKS,
    Alert,
    queries,
    rule_of,
    selectors_in,
    tool,
    why_empty,
)
from surelabel_operator.child_trust import STAGE_SERVICE_ACCOUNT

pytestmark = [pytest.mark.cluster]

STALLED = "waiting"


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory, control_plane: Any
) -> Iterator[tuple[Workbench, int]]:
    # First of all, so that nothing is started where there is no Prometheus.
    tool("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        ForkServer() as server,
        Workbench(folder / "work", control_plane.kubeconfig, server.address) as found,
    ):
        # Of 20 items machines label some, so that there is a certificate.
        small_job.write_data(found.data, 20)
        found.start()
        ports = until("the operator", lambda: re.findall(r"listening port=(\d+)", found.text()))
        yield found, int(ports[-1])


@pytest.fixture(scope="module")
def prometheus(
    bench: tuple[Workbench, int], helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrometheusServer]:
    """Prometheus after one job has ended and another is Stalled."""
    work, port = bench
    folder = tmp_path_factory.mktemp("server") / "prometheus"
    with PrometheusServer(tool("prometheus"), folder, rule_of(helm), port) as server:
        body = work.body()
        body["spec"]["workforce"]["pricePerAnnotation"] = {"amount": "0.01", "currency": "USD"}
        body["spec"]["stopping"] = {
            "maxRounds": 6,
            "maxHumanLabeledItems": 20,
            "maxCost": {"amount": "5.00", "currency": "USD"},
        }
        work.apply(body)
        work.apply(
            work.body(
                STALLED,
                workforce={"workTeam": "nobody", "annotatorsPerItem": 3},
                output={"uri": f"file://{work.folder}/{STALLED}"},
            )
        )
        work.wait("Stalled", "True", STALLED)
        work.wait("Succeeded", "True")
        ended = f'labeling_job_completion_timestamp_seconds{{name="{small_job.NAME}"}}'
        until("the scrape of the end", lambda: server.query(ended), seconds=60)
        # A rate needs two samples.
        time.sleep(3)
        yield server


def test_every_query_of_the_dashboards_returns_data(
    prometheus: PrometheusServer, bench: tuple[Workbench, int]
) -> None:
    namespace = bench[0].namespace
    empty = [
        query
        for query in queries()
        if not prometheus.query(query.filled(namespace=namespace, job=small_job.NAME))
    ]
    assert [query for query in empty if not why_empty(query)] == []


def test_every_label_of_a_legend_is_in_what_the_query_returns(
    prometheus: PrometheusServer, bench: tuple[Workbench, int]
) -> None:
    for query in queries():
        wanted = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
        for found in prometheus.query(
            query.filled(namespace=bench[0].namespace, job=small_job.NAME)
        ):
            assert wanted <= found["metric"].keys(), query


def test_the_jobs_own_namespace_reaches_prometheus(
    prometheus: PrometheusServer, bench: tuple[Workbench, int]
) -> None:
    found = prometheus.query("labeling_job_info")
    assert {(one["metric"]["namespace"], one["metric"]["name"]) for one in found} == {
        (bench[0].namespace, small_job.NAME),
        (bench[0].namespace, STALLED),
    }


def test_everything_that_an_alert_looks_at_is_there(
    prometheus: PrometheusServer, alerts: dict[str, Alert]
) -> None:
    for alert in alerts.values():
        for selector in selectors_in(alert.expr):
            assert prometheus.query(selector) or selector in EMPTY, (alert.name, selector)


def test_only_the_alert_about_the_stalled_job_is_about_to_fire(
    prometheus: PrometheusServer, bench: tuple[Workbench, int], alerts: dict[str, Alert]
) -> None:
    for alert in alerts.values():
        found = prometheus.query(alert.expr)
        if alert.name == "LabelingJobStalled":
            (one,) = found
            assert one["metric"]["namespace"] == bench[0].namespace
            assert one["metric"]["name"] == STALLED
        else:
            # Nothing else is wrong.
            assert found == [], alert.name


def test_prometheus_evaluates_every_alert_without_an_error(
    prometheus: PrometheusServer, alerts: dict[str, Alert]
) -> None:
    until(
        "an evaluation of every rule",
        lambda: all(rule["health"] != "unknown" for rule in prometheus.rules()),
        seconds=60,
    )
    found = {rule["name"]: (rule["health"], rule["state"]) for rule in prometheus.rules()}
    expected = dict.fromkeys(alerts, ("ok", "inactive"))
    assert found == {**expected, "LabelingJobStalled": ("ok", "pending")}


@pytest.fixture(scope="module")
def kube_ray(bench: tuple[Workbench, int]) -> None:
    """The kinds that KubeRay serves, and the account with which its pods run."""
    work, _ = bench
    install_crds(work.admin)
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": STAGE_SERVICE_ACCOUNT},
    }
    work.admin.apply(f"/api/v1/namespaces/{work.namespace}/serviceaccounts", account)


@pytest.mark.usefixtures("kube_ray")
@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_every_command_of_a_runbook_works(
    page: Path, prometheus: PrometheusServer, bench: tuple[Workbench, int], control_plane: Any
) -> None:
    text = page.read_text().replace("NAMESPACE", bench[0].namespace).replace("NAME", STALLED)
    fences = "\n".join(re.findall(r"^ *```\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL))
    for command in map(str.strip, re.sub(r"\\\n\s*", "", fences).splitlines()):
        # Logs and restarts need a node, and KubeRay's operator a namespace of its own.
        if re.match(r"kubectl (get|auth can-i) ", command):
            done = subprocess.run(
                ["bash", "-c", command],
                env={
                    **os.environ,
                    "KUBECONFIG": str(control_plane.kubeconfig),
                    "PATH": f"{control_plane.kubectl_path.parent}:{os.environ['PATH']}",
                },
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert re.sub(r"No resources found.*\n", "", done.stderr) == "", command
        elif "labeling_" in command:
            prometheus.query(command)


def test_the_alert_about_a_missing_operator_sees_its_end(
    prometheus: PrometheusServer, bench: tuple[Workbench, int], alerts: dict[str, Alert]
) -> None:
    # The last test: nothing is scraped afterwards.
    expr = alerts["LabelingOperatorDown"].expr
    assert not prometheus.query(expr)
    bench[0].stop()
    until("the end", lambda: prometheus.query(expr), seconds=60)

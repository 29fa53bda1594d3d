"""Upgrade, rollback, uninstall and two replicas, with a job in flight, on a real API server.

The previous chart is main's as of commit 11fc3c4. To renew it, with COMMIT of a later one:
git archive COMMIT charts/surelabel | tar x -C /tmp && \
helm package /tmp/charts/surelabel --version 0.1.0-previous -d tests/chart
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import operator_bench
from chart.cluster import Kubectl, wait_for
from chart.rendering import CHART, RELEASE, ROOT, Helm
from chart.site import CRDS, GRACE_SECONDS, Site
from surelabel_cli.control_plane import ControlPlane

pytestmark = pytest.mark.cluster

PREVIOUS = ROOT / "tests" / "chart" / "surelabel-0.1.0-previous.tgz"


@pytest.fixture(scope="module")
def own_kubectl(
    devcluster_bin: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kubectl]:
    """Of a control plane of this file alone, since CRDs come and go here."""
    with ControlPlane(tmp_path_factory.mktemp("plane"), devcluster_bin) as plane:
        yield Kubectl(plane.kubectl, plane.kubeconfig)


@pytest.fixture
def site(helm: Helm, own_kubectl: Kubectl, tmp_path: Path) -> Iterator[Site]:
    found = Site(helm, own_kubectl, tmp_path)
    try:
        yield found
    finally:
        found.close()


def each_attempt_once(site: Site) -> None:
    """Every step had one attempt, and each was started once."""
    names = site.stages.started()
    assert len(names) == len(set(names))
    assert all(name.endswith("-a1") for name in names), names
    assert site.job()["status"]["step"].get("failures", 0) == 0
    assert site.stages.running() == []


def chart_of(site: Site, kind: str, name: str) -> str:
    """The version of the chart that an object is of."""
    return site.kubectl.do(
        *("get", kind, name, f"-n={site.namespace}"),
        "-o=jsonpath={.metadata.labels.helm\\.sh/chart}",
    )


@pytest.mark.parametrize("cluster_wide", [False, True], ids=["namespaced", "cluster-wide"])
def test_a_job_in_flight_goes_on_through_an_upgrade_and_a_rollback(
    site: Site, cluster_wide: bool
) -> None:
    values = site.values(watchNamespaces=[] if cluster_wide else [site.jobs_namespace])
    site.helm("install", RELEASE, PREVIOUS, values=values)
    operator = site.start()
    site.hold("con")
    site.apply_job()
    in_flight = site.wait_running("con")
    uid, lease = site.job()["metadata"]["uid"], site.lease()["metadata"]["uid"]

    site.helm("upgrade", RELEASE, CHART, values=values)
    assert chart_of(site, "deployment", "surelabel-operator") == "surelabel-0.1.0"
    assert {chart_of(site, "crd", name) for name in CRDS} == {"surelabel-0.1.0"}
    assert operator.stop(timeout=GRACE_SECONDS) == 0
    assert site.stages.running() == in_flight
    operator = site.start("operator-1")
    operator.wait_ready()
    assert site.stages.running() == in_flight
    site.hold("exp")
    in_flight = site.wait_running("exp")

    site.helm("rollback", RELEASE, "1")
    assert chart_of(site, "deployment", "surelabel-operator") == "surelabel-0.1.0-previous"
    assert {chart_of(site, "crd", name) for name in CRDS} == {"surelabel-0.1.0-previous"}
    assert operator.stop(timeout=GRACE_SECONDS) == 0
    operator = site.start("operator-2")
    operator.wait_ready()
    assert site.stages.running() == in_flight
    site.release()
    assert site.wait_succeeded()["metadata"]["uid"] == uid
    assert site.lease()["metadata"]["uid"] == lease
    each_attempt_once(site)


def test_uninstalled_and_installed_again_a_job_goes_on(site: Site) -> None:
    values = site.values(watchNamespaces=[site.jobs_namespace])
    site.helm("install", RELEASE, CHART, values=values)
    operator = site.start()
    site.hold("con")
    site.apply_job()
    in_flight = site.wait_running("con")
    uid, lease = site.job()["metadata"]["uid"], site.lease()["metadata"]["uid"]

    site.helm("uninstall", RELEASE)
    # Its rights go while it still stops.
    assert operator.stop(timeout=GRACE_SECONDS) == 0
    ours = ("-A", "-o=name", f"-l=app.kubernetes.io/instance={RELEASE}")
    kinds = "deployments,services,configmaps,serviceaccounts,roles,rolebindings,networkpolicies"
    assert site.kubectl.do("get", kinds, *ours) == ""
    assert set(site.kubectl.do("get", "crds", *ours).split()) == {
        f"customresourcedefinition.apiextensions.k8s.io/{name}" for name in CRDS
    }
    assert site.job()["metadata"]["uid"] == uid
    assert site.stages.running() == in_flight
    kept = {path for path in (site.folder / "out").rglob("*") if path.is_file()}
    assert kept

    site.helm("install", RELEASE, CHART, values=values)
    site.start("operator-1").wait_ready()
    site.release()
    assert site.wait_succeeded()["metadata"]["uid"] == uid
    assert site.lease()["metadata"]["uid"] == lease
    assert all(path.exists() for path in kept)
    each_attempt_once(site)


def test_of_two_replicas_one_works_and_the_other_takes_over(site: Site) -> None:
    values = site.values(replicas=2)
    site.helm("install", RELEASE, CHART, values=values)
    # Two processes cannot have one port.
    first = site.start("operator-0", metricsPort=0)
    first.wait_ready()
    second = site.start("operator-1", metricsPort=0)
    second.wait_ready()
    site.hold("con")
    site.apply_job()
    in_flight = site.wait_running("con")
    assert [gauge(each, "labeling_leader_status") for each in (first, second)] == [1, 0]
    # It knows of the job, which is no work of its own.
    wait_for("the standby's job", lambda: "labeling_job_info{" in second.get("/metrics")[1])
    assert gauge(second, "labeling_workqueue_depth") == 0
    assert gauge(second, "labeling_workqueue_longest_running_seconds") == 0

    first.stop(signal.SIGKILL)
    wait_for("the take-over", lambda: gauge(second, "labeling_leader_status") == 1)
    assert site.stages.running() == in_flight
    first = site.start("operator-2", metricsPort=0)
    first.wait_ready()
    site.hold("exp")
    site.wait_running("exp")
    # In its own time it gives the Lease away at once.
    assert second.stop(timeout=GRACE_SECONDS) == 0
    wait_for("the second take-over", lambda: gauge(first, "labeling_leader_status") == 1, 10)
    site.release()
    site.wait_succeeded()
    each_attempt_once(site)


def gauge(operator: Any, name: str) -> float:
    """The value of a metric without labels."""
    (value,) = re.findall(rf"^{name} (\S+)$", operator.get("/metrics")[1], flags=re.MULTILINE)
    return float(value)


def test_replicas_are_added_and_taken_away_by_upgrades(site: Site) -> None:
    site.helm("install", RELEASE, PREVIOUS, values=site.values())
    # It keeps the old chart's defaults in place of the new: the guide says what to use instead.
    refusal = site.try_helm("upgrade", RELEASE, CHART, "--reuse-values")
    assert "prometheusRule/runbookBaseURL': 'docs/runbooks' does not match" in refusal
    for replicas in (2, 1, 2):
        # Keeps the values of before, and takes the new chart's defaults for new ones.
        site.helm(
            "upgrade", RELEASE, CHART, "--reset-then-reuse-values", f"--set=replicas={replicas}"
        )
        spec = json.loads(
            site.kubectl.do(
                "get", "deployment", "surelabel-operator", f"-n={site.namespace}", "-o=json"
            )
        )["spec"]
        assert spec["replicas"] == replicas
        assert spec["strategy"]["type"] == ("RollingUpdate" if replicas == 2 else "Recreate")
        budgets = site.kubectl.do("get", "pdb", f"-n={site.namespace}", "-o=name").split()
        assert len(budgets) == replicas - 1


def test_a_second_release_in_the_namespace_does_not_work_and_says_why(site: Site) -> None:
    site.helm("install", RELEASE, CHART, values=site.values())
    site.start(metricsPort=0).wait_ready()
    refusal = site.try_helm("install", "other", CHART, values=site.values())
    assert "surelabel-operator" in refusal
    assert RELEASE in refusal
    # Helm refuses it by the names alone; with others the Lease is what tells.
    mistake = site.values(
        crds={"enabled": False}, serviceAccount={"name": "other"}, fullnameOverride="other"
    )
    site.helm("install", "other", CHART, values=mistake)
    try:
        other = site.start("other-0", "other", metricsPort=0)
        wait_for("its look at the Lease", lambda: "surelabel" in other.get("/readyz")[1])
        status, text = other.get("/readyz")
        assert status == 503
        assert f"Lease {site.namespace}/surelabel is held by 'surelabel/operator-0'" in text
        assert gauge(other, "labeling_leader_status") == 0
    finally:
        site.helm("uninstall", "other")


def test_helm_test_passes_with_an_operator_that_is_ready(site: Site) -> None:
    site.helm("install", RELEASE, CHART, values=site.values())
    site.start().wait_ready()
    # Nobody else runs pods here: the first one fails by our word, the second one as it ends.
    assert "Failed" in helm_test(site, "Failed")
    assert helm_test(site) == ""
    left = site.kubectl.do("get", "pods", f"-n={site.namespace}", "-o=name")
    assert left == ""


def helm_test(site: Site, phase: str = "") -> str:
    """Why `helm test` fails; its pod's program runs here, unless its end is given."""
    name = (f"-n={site.namespace}", "surelabel-operator-test")

    def pending() -> dict[str, Any] | None:
        answer = site.kubectl.ask("get", "pod", *name, "-o=json")
        pod = {} if answer.refusal else json.loads(answer.out)
        return pod if pod.get("status", {}).get("phase") == "Pending" else None

    with ThreadPoolExecutor(1) as pool:
        test = pool.submit(site.try_helm, "test", RELEASE, "--timeout=60s")
        pod: dict[str, Any] = operator_bench.wait_for(pending, "the pod of helm test")
        (container,) = pod["spec"]["containers"]
        _, *flags = container["command"]
        program, address = container["args"]
        assert address == f"surelabel-operator-metrics.{site.namespace}.svc:{site.port}"
        if not phase:
            done = subprocess.run(
                [sys.executable, *flags, program, f"127.0.0.1:{site.port}"],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.stdout == f"operator at 127.0.0.1:{site.port}: ready\n"
            phase = "Failed" if done.returncode else "Succeeded"
        site.kubectl.do(
            *("patch", "pod", *name, "--subresource=status", "--type=merge"),
            f"-p={json.dumps({'status': {'phase': phase}})}",
        )
        return test.result(timeout=90)

"""The chart installed on the real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from chart.rendering import CHART
from e2e.real_cluster import RealCluster
from faults.small_job import STAGE_TIME

OPERATOR_IMAGE = "surelabel/operator:e2e"
RELEASE = "surelabel"
DEPLOYMENT = "deployment/surelabel-operator"


@contextmanager
def installed(
    cluster: RealCluster,
    namespace: str,
    values: dict[str, Any],
    *,
    release: str = RELEASE,
    ready: bool = True,
) -> Iterator[None]:
    """The operator in ``namespace``, ready unless that is not waited for; uninstalled
    afterwards, the CRDs stay."""
    repository, _, tag = cluster.image(OPERATOR_IMAGE).rpartition(":")
    place = [f"--kubeconfig={cluster.kubectl.kubeconfig}", f"--namespace={namespace}"]
    done = cluster.helm.run(
        *("install", release, CHART, *place, "--timeout=90s", "-f", "-"),
        *(["--wait"] if ready else []),
        # The CRDs stay after another installation.
        "--take-ownership",
        stdin=json.dumps({**values, "image": {"repository": repository, "tag": tag}}),
    )
    try:
        if done.returncode != 0:
            show = cluster.kubectl.ask
            pods = show("describe", "pods", f"-n={namespace}").out
            logs = show("logs", DEPLOYMENT, f"-n={namespace}", "--tail=50").out
            raise AssertionError(f"{done.stderr}\n{pods}\n{logs}")
        yield
    finally:
        cluster.helm.run("uninstall", release, *place, "--wait", "--ignore-not-found")


def fix_clock(cluster: RealCluster, namespace: str) -> None:
    """Let the operator write one time into all data, so that two jobs can be compared."""
    place = f"-n={namespace}"
    name = DEPLOYMENT.rpartition("/")[2]
    found = json.loads(cluster.kubectl.do("get", "configmap", name, place, "-o=json"))
    settings = yaml.safe_load(found["data"]["settings.yaml"]) | {"stageTime": STAGE_TIME}
    data = {"data": {"settings.yaml": yaml.safe_dump(settings)}}
    cluster.kubectl.do("patch", "configmap", name, place, "--type=merge", f"-p={json.dumps(data)}")
    cluster.kubectl.do("rollout", "restart", DEPLOYMENT, place)
    cluster.kubectl.do("rollout", "status", DEPLOYMENT, place, "--timeout=50s")

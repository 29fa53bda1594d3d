"""The chart installed on the real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chart.rendering import CHART
from e2e.real_cluster import RealCluster

OPERATOR_IMAGE = "surelabel/operator:e2e"
RELEASE = "surelabel"
DEPLOYMENT = "deployment/surelabel-operator"


@contextmanager
def installed(cluster: RealCluster, namespace: str, values: dict[str, Any]) -> Iterator[None]:
    """The operator in ``namespace``, ready; uninstalled afterwards, the CRDs stay."""
    repository, _, tag = cluster.image(OPERATOR_IMAGE).rpartition(":")
    place = [f"--kubeconfig={cluster.kubectl.kubeconfig}", f"--namespace={namespace}"]
    done = cluster.helm.run(
        *("install", RELEASE, CHART, *place, "--wait", "--timeout=90s", "-f", "-"),
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
        cluster.helm.run("uninstall", RELEASE, *place, "--wait", "--ignore-not-found")

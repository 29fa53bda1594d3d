"""The chart's life on a real node with a job in flight: its previous version, upgrade, `helm test`,
rollback, uninstallation and installation again.

The operator's image is this version's throughout: of an earlier one there is no image here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.rendering import CHART, ROOT
from e2e.installed import DEPLOYMENT, OPERATOR_IMAGE, RELEASE
from e2e.labeling import HEAD, Labeling, operator_values
from e2e.object_store import ObjectStore
from e2e.real_cluster import RealCluster
from e2e.undisturbed import Undisturbed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]

PREVIOUS = ROOT / "tests" / "chart" / "surelabel-0.1.0-previous.tgz"
# The chart's settings have no fixed time for the data.
_CLOCK = re.compile(rb'"creation-date":"[^"]*"')


@dataclass(frozen=True)
class _Release:
    """Helm in the job's namespace."""

    labeling: Labeling
    values: dict[str, Any]

    def do(self, *arguments: str | Path, values: bool = False) -> None:
        """Run Helm, which must succeed."""
        cluster = self.labeling.cluster
        done = cluster.helm.run(
            *arguments,
            f"--kubeconfig={cluster.kubectl.kubeconfig}",
            f"--namespace={self.labeling.namespace}",
            *(["-f", "-"] if values else []),
            stdin=json.dumps(self.values),
        )
        assert done.returncode == 0, f"{done.stderr}\n{self.labeling.state()}"

    def chart(self) -> str:
        """The chart that the operator which is ready now was installed from."""
        self.labeling.do("rollout", "status", DEPLOYMENT, "--timeout=50s")
        label = "-o=jsonpath={.items[*].metadata.labels.helm\\.sh/chart}"
        return self.labeling.do("get", "pods", "-l=app.kubernetes.io/component=operator", label)


@pytest.fixture
def release(real_cluster: RealCluster, place: str, s3: ObjectStore) -> Iterator[_Release]:
    """The previous chart, installed, with the job's data."""
    repository, _, tag = real_cluster.image(OPERATOR_IMAGE).rpartition(":")
    values = {
        **operator_values(real_cluster, place),
        "image": {"repository": repository, "tag": tag},
    }
    labeling = Labeling(real_cluster, place, s3)
    found = _Release(labeling, values)
    # The CRDs stay after another installation.
    found.do(
        *("install", RELEASE, PREVIOUS, "--wait", "--timeout=90s", "--take-ownership"), values=True
    )
    try:
        labeling.prepare()
        yield found
    finally:
        found.do("uninstall", RELEASE, "--wait", "--ignore-not-found")
        # Those of the previous chart must not stay for the tests that follow.
        crds = real_cluster.helm.run("template", RELEASE, CHART, "--show-only=templates/crds.yaml")
        assert crds.returncode == 0, crds.stderr
        applied = real_cluster.kubectl.ask(
            *("apply", "--server-side", "--force-conflicts"),
            objects=[each for each in yaml.safe_load_all(crds.stdout) if each],
        )
        assert not applied.refusal, applied.refusal


def in_flight(labeling: Labeling) -> str:
    """Name of a RayJob, once there is one."""
    name: str = labeling.until(
        "a RayJob", lambda: labeling.do("get", "rayjobs", "-o=jsonpath={.items[:1].metadata.name}")
    )
    return name


def test_a_job_goes_on_through_upgrade_rollback_and_a_new_installation(
    release: _Release, undisturbed: Undisturbed
) -> None:
    labeling = release.labeling
    assert release.chart() == "surelabel-0.1.0-previous"
    # A cluster per stage: each takes as long as a command of Helm.
    cluster = {"scope": "Stage", "template": {"head": HEAD}}
    labeling.apply(labeling.body(compute={"ray": {"cluster": cluster}}))
    labeling.started("ann")

    release.do("upgrade", RELEASE, CHART, "--wait", "--timeout=90s", values=True)
    assert release.chart() == "surelabel-0.1.0"
    release.do("test", RELEASE, "--timeout=60s")
    seen = [in_flight(labeling)]

    release.do("rollback", RELEASE, "1", "--wait", "--timeout=90s")
    assert release.chart() == "surelabel-0.1.0-previous"
    seen.append(in_flight(labeling))

    release.do("uninstall", RELEASE, "--wait")
    uid = labeling.job()["metadata"]["uid"]
    assert labeling.commits()
    assert f"rayjob.ray.io/{seen[-1]}" in labeling.children()
    assert "completionTime" not in labeling.job()["status"]

    release.do("install", RELEASE, CHART, "--wait", "--timeout=90s", values=True)
    assert release.chart() == "surelabel-0.1.0"
    job = labeling.wait("Succeeded", "True")
    assert job["metadata"]["uid"] == uid
    assert job["status"]["step"]["failures"] == 0
    assert labeling.attempts() == {1}
    assert labeling.commits() == undisturbed.commits
    written = _CLOCK.sub(b"", labeling.manifest())
    assert written == _CLOCK.sub(b"", undisturbed.manifest)
    assert b"creation-date" in undisturbed.manifest
    labeling.until("the end of all children", lambda: not labeling.children())

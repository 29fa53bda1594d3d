"""The operator, Ray and what a job asks for go wrong: each job ends as if nothing had happened.

The same manifest bytes as an undisturbed job, one commit a step, no child left behind.
"""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from chart.cluster import Kubectl
from e2e.installed import DEPLOYMENT, installed
from e2e.labeling import HEAD, Labeling, operator_values
from e2e.port_forward import forwarded
from e2e.real_cluster import RealCluster
from e2e.undisturbed import Undisturbed
from faults import small_job
from faults.fork_server import ForkServer
from faults.forked_backend import ForkedBackend
from faults.small_job import NAME
from surelabel_operator.local import run_in_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

HEADS = "ray.io/node-type=head"
WORKERS = "ray.io/node-type=worker"


def test_the_manifest_is_the_one_that_is_written_without_kubernetes(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    small_job.write_data(data)

    resources = [small_job.team(data), small_job.job(data, out)]
    with ForkServer() as server:

        def build(changed: Callable[[str, str], None]) -> tuple[ForkedBackend, ForkedBackend]:
            backend = ForkedBackend(tmp_path / "jobs", server.address, changed)
            return backend, backend

        stage_time = datetime.fromisoformat(small_job.STAGE_TIME)
        asyncio.run(run_in_folder(tmp_path / "cluster", resources, build, stage_time=stage_time))
    assert small_job.manifest_of(out) == undisturbed.manifest


@pytest.mark.parametrize("code", ["pre", "ann", "con", "tra", "inf", "exp"])
def test_rays_head_is_killed_in_a_stage(
    labeling: Labeling, undisturbed: Undisturbed, code: str
) -> None:
    if not any(f"/{code}-" in step for step in undisturbed.commits):
        pytest.skip(f"The small job has no {code}.")
    labeling.apply(labeling.body())
    labeling.started(code)
    delete_pod(labeling, HEADS)
    undisturbed.equals(labeling)


def test_a_worker_is_killed_while_it_labels(labeling: Labeling, undisturbed: Undisturbed) -> None:
    worker = {"name": "more", "cpuMillis": 300, "memoryMiB": 1024}
    template = {"head": HEAD, "workers": [worker]}
    compute = {"ray": {"cluster": {"scope": "Job", "template": template}}}
    labeling.apply(labeling.body(compute=compute))
    labeling.started("inf")
    delete_pod(labeling, WORKERS)
    undisturbed.equals(labeling)


def delete_pod(labeling: Labeling, label: str) -> None:
    """Delete the pod with this label, which runs, at once and without a word to it."""
    running = ("--field-selector=status.phase=Running", "-o=name")
    name = labeling.until(
        "a running pod", lambda: labeling.do("get", "pods", f"-l={label}", *running).strip()
    )
    said = labeling.do("delete", name, "--grace-period=0", "--force")
    assert "deleted" in said, said


def test_an_image_that_cannot_be_pulled_is_named_and_mended(
    labeling: Labeling, undisturbed: Undisturbed
) -> None:
    def ray(image: str | None) -> dict[str, object]:
        body = labeling.body()["spec"]["compute"]["ray"]
        body["cluster"]["template"]["image"] = image
        return {"compute": {"ray": body}}

    labeling.apply(labeling.body(**ray("surelabel/nowhere:1")))  # type: ignore[arg-type]
    job = labeling.wait("Ready", "False", reason="ImagePullFailed")
    assert "surelabel/nowhere:1" in str(job["status"]["conditions"])
    labeling.patch(ray(None))
    undisturbed.equals(labeling)


def test_a_quota_that_is_too_small_is_named_and_mended(
    labeling: Labeling, undisturbed: Undisturbed, kubectl: Kubectl
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": labeling.namespace},
        "spec": {"hard": {"requests.memory": "1Gi"}},
    }
    kubectl.do("apply", "--server-side", objects=[quota])
    labeling.apply(labeling.body())
    labeling.wait("Ready", "False", reason="QuotaExceeded")
    labeling.do("delete", "resourcequota", "small")
    undisturbed.equals(labeling)


@pytest.mark.parametrize("code", ["pre", "ann", "con", "tra", "inf", "exp"])
def test_a_job_that_is_deleted_takes_its_children_with_it_and_leaves_its_data(
    labeling: Labeling, code: str
) -> None:
    labeling.apply(labeling.body())
    labeling.started(code)
    labeling.do("delete", f"slj/{NAME}")
    started = time.monotonic()
    labeling.until("the end of all children", lambda: not labeling.children())
    assert time.monotonic() - started < 60
    if code != "pre":
        assert labeling.commits()


def test_a_second_release_in_the_namespace_says_why_it_is_not_ready(
    labeling: Labeling, real_cluster: RealCluster
) -> None:
    # What the releases would share stays with the first.
    more = ("crds", "rbac", "admission", "serviceAccount")
    off = {"crds": {"enabled": False}, "admission": {"enabled": False}}
    off |= {part: {"create": False} for part in more if part not in off}
    values = {**operator_values(real_cluster, labeling.namespace), **off}
    with installed(real_cluster, labeling.namespace, values, release="two", ready=False):
        word = labeling.until("the second release's word", lambda: readiness(labeling, "two"))
        assert "is held by" in word, word
        assert "this one is 'two'" in word
    labeling.do("rollout", "status", DEPLOYMENT, "--timeout=10s")


def readiness(labeling: Labeling, release: str) -> str:
    """What the release's operator answers on /readyz while it is not ready; "" before that."""
    path = "-o=jsonpath={.items[?(@.status.phase=='Running')].metadata.name}"
    pod = labeling.do("get", "pods", f"-l=app.kubernetes.io/instance={release}", path)
    if not pod:
        return ""
    kubectl = labeling.cluster.kubectl
    with forwarded(kubectl, labeling.namespace, f"pod/{pod}", 8080) as port:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except OSError:
            # It does not listen yet.
            return ""
    return ""

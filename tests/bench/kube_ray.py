"""What a stage takes in pods of a real KubeRay beyond an empty RayJob, on the tests' real node."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page import Section, publish, say

from chart.cluster import Kubectl
from chart.rendering import Helm
from e2e import object_store
from e2e.cluster import NodeCluster
from e2e.digits_job import digits_objects, upload_digits, wait_for_end
from e2e.installed import installed
from e2e.labeling import HEAD, operator_values
from e2e.node_images import build_node_images
from e2e.object_store import ObjectStore
from e2e.pods import restricted_namespace
from e2e.prerequisites import why_no_node
from e2e.ray_objects import (
    WORKLOADS_IMAGE,
    make_ray_cluster,
    ray_cluster_spec,
    ray_job,
    wait_for_ray_job,
)
from e2e.real_cluster import RealCluster
from e2e.stage_times import StageTimes
from e2e.tools import build_node_tools

_TIMES = 3
# Seconds beyond an empty RayJob, by where the stages run.
_TARGETS = {"Job": 5.0, "Stage": 3.0}
_WORDS = {"Job": "one RayCluster for the LabelingJob", "Stage": "a RayCluster for each stage"}


def empty_jobs(cluster: RealCluster, place: str) -> dict[str, list[float]]:
    """Seconds of empty RayJobs on a cluster that is there, and with clusters of their own."""
    spec = ray_cluster_spec(cluster.image(WORKLOADS_IMAGE), workers=0)
    make_ray_cluster(cluster.kubectl, "kept", place, spec)
    ways: dict[str, dict[str, Any]] = {
        "Job": {"clusterSelector": {"ray.io/cluster": "kept"}},
        "Stage": {"rayClusterSpec": spec, "shutdownAfterJobFinishes": True},
    }
    found: dict[str, list[float]] = {}
    for scope, way in ways.items():
        found[scope] = []
        for number in range(_TIMES):
            name = f"{scope.lower()}-{number}"
            entrypoint = "python -c 'import ray; ray.init()'"
            cluster.kubectl.do(
                "apply", "--server-side", objects=[ray_job(name, place, entrypoint, **way)]
            )
            found[scope].append(wait_for_ray_job(cluster.kubectl, name, place, 150))
            say(f"kube_ray: an empty RayJob ({_WORDS[scope]}) {found[scope][-1]:.1f} s")
        cluster.kubectl.do("delete", "rayjobs", "--all", f"-n={place}")
    return found


def digits(
    cluster: RealCluster, store: ObjectStore, scope: str
) -> tuple[dict[str, list[float]], float]:
    """Seconds of each stage's turn in the digits job, and of the job."""
    kubectl = cluster.kubectl
    with (
        restricted_namespace(kubectl, "bench") as place,
        installed(cluster, place, operator_values(cluster, place)),
        StageTimes(kubectl, place) as times,
    ):
        ray = {"cluster": {"scope": scope, "template": {"head": HEAD}}}
        started = time.monotonic()
        kubectl.do("apply", "--server-side", objects=digits_objects(store, place, ray))
        status = wait_for_end(kubectl, place, place, 900)
        ended = time.monotonic()
        if status["labelCounters"]["totalLabeled"] != status["labelCounters"]["total"]:
            raise SystemExit(f"the digits are not labeled: {status}")
        say(f"kube_ray: digits, {_WORDS[scope]}: {ended - started:.0f} s")
        return times.turns(ended), ended - started


def fill(section: Section, cluster: RealCluster, folder: Path) -> None:
    """All measurements."""
    kubectl = cluster.kubectl
    with ExitStack() as stack:
        place = stack.enter_context(restricted_namespace(kubectl, "empty"))
        empty = {scope: statistics.median(s) for scope, s in empty_jobs(cluster, place).items()}
        kubectl.do("delete", "raycluster", "kept", f"-n={place}")
        place = stack.enter_context(restricted_namespace(kubectl, "s3"))
        store = ObjectStore(kubectl, place)
        store.deploy(cluster.image(object_store.IMAGE), folder / "s3")
        upload_digits(store, folder / "digits")
        for scope, target in _TARGETS.items():
            section.add(f"empty RayJob, {_WORDS[scope]}", f"{empty[scope]:.1f} s")
            turns, took = digits(cluster, store, scope)
            for stage, seconds in turns.items():
                beyond = statistics.median(seconds) - empty[scope]
                section.add(
                    f"{stage} ({len(seconds)} times), {_WORDS[scope]}, beyond the empty RayJob",
                    f"{beyond:.1f} s", f"≤ {target:.0f} s", beyond <= target
                )  # fmt: skip
            steps = sum(len(seconds) for seconds in turns.values())
            section.add(f"digits, {_WORDS[scope]}", f"{took:.0f} s for {steps} stages")
            if scope == "Job":
                first = turns["prepare"][0] - empty["Stage"]
                section.add(
                    "prepare, one RayCluster for the LabelingJob, beyond an empty RayJob that "
                    "makes its own", f"{first:.1f} s"
                )  # fmt: skip


def measure(folder: Path) -> Section:
    """The section of KubeRay."""
    section = Section(
        "kube_ray",
        "Seconds per stage in pods of KubeRay",
        "The digits sample on a real node (kubelet, containerd, KubeRay 1.5.1) on the same "
        "machine, with its data in S3 in the cluster. A stage's turn: from its RayJob's creation "
        "to that of the next one, or to the end of the job; medians over the rounds. The "
        f"empty RayJob: `import ray; ray.init()`, from creation to Complete, median of {_TIMES}.",
    )
    section.notes.append(
        "With one RayCluster for the LabelingJob the turn of `prepare` has the start of that "
        "cluster in it, once a job."
    )
    tools = build_node_tools()
    find = tools.toolchain.require
    with NodeCluster(tools, [*build_node_images(tools).values()]) as node:
        kubectl = Kubectl(find("kubectl"), node.kubeconfig)
        fill(section, RealCluster(kubectl, Helm(find("helm"), folder), node), node.data)
    return section


if __name__ == "__main__":
    if reason := why_no_node():
        say(f"kube_ray is left out. {reason}")
        sys.exit(0)
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as name:
        publish(measure(Path(name)))

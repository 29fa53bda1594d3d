"""Ray clusters that are not simply the job's own: one that is there already, and one in a queue."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chart.cluster import Kubectl
from e2e.clocked import clocked
from e2e.labeling import HEAD, Labeling, operator_values, own_rights
from e2e.object_store import ObjectStore
from e2e.ray_objects import WORKLOADS_IMAGE, make_ray_cluster, ray_cluster_spec
from e2e.real_cluster import RealCluster
from e2e.undisturbed import Undisturbed
from faults.workbench import condition

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_TEAMS = "teams"
_QUEUE = "kueue.x-k8s.io/queue-name"


@pytest.fixture
def with_cluster(
    real_cluster: RealCluster, kubectl: Kubectl, place: str, s3: ObjectStore
) -> Iterator[Labeling]:
    """A namespace with a RayCluster of its own, whose pods have the keys of the store."""
    values = own_rights(operator_values(real_cluster, place), place, s3)
    with clocked(Labeling(real_cluster, place, s3), values) as labeling:
        spec = ray_cluster_spec(real_cluster.image(WORKLOADS_IMAGE), workers=0)
        keys = {"AWS_ACCESS_KEY_ID": s3.access_key, "AWS_SECRET_ACCESS_KEY": s3.secret_key}
        (container,) = spec["headGroupSpec"]["template"]["spec"]["containers"]
        container["env"] = [{"name": name, "value": value} for name, value in keys.items()]
        # A driver mostly waits for its tasks.
        spec["headGroupSpec"]["rayStartParams"]["num-cpus"] = "2"
        make_ray_cluster(kubectl, _TEAMS, place, spec)
        yield labeling
        labeling.do("delete", f"raycluster/{_TEAMS}")


def test_a_job_runs_on_the_cluster_that_it_selects_and_leaves_it(
    with_cluster: Labeling, undisturbed: Undisturbed
) -> None:
    before = with_cluster.do("get", f"raycluster/{_TEAMS}", "-o=jsonpath={.metadata.uid}")
    with_cluster.apply(with_cluster.body(compute={"ray": {"selector": {"name": _TEAMS}}}))
    with_cluster.wait("Succeeded", "True")
    assert with_cluster.manifest() == undisturbed.manifest
    assert with_cluster.commits() == undisturbed.commits
    assert with_cluster.do("get", "rayjobs", "-o=name") == ""
    clusters = "-o=jsonpath={.items[*].metadata.name}/{.items[*].metadata.uid}"
    assert with_cluster.do("get", "rayclusters", clusters) == f"{_TEAMS}/{before}"


def test_a_cluster_that_is_not_there_is_named(own_labeling: Labeling) -> None:
    own_labeling.apply(own_labeling.body(compute={"ray": {"selector": {"name": "nobodys"}}}))
    found = own_labeling.until(
        "a word about it",
        lambda: [
            one
            for one in own_labeling.job().get("status", {}).get("conditions", [])
            if "nobodys" in one["message"]
        ],
    )
    assert {one["type"] for one in found} >= {"Ready"}


@pytest.mark.parametrize("scope", ["Job", "Stage"])
def test_a_job_in_a_queue_waits_for_what_admits_it(
    labeling: Labeling, undisturbed: Undisturbed, scope: str
) -> None:
    """Kueue's part, to end the suspension of what carries its label, is played by the test."""
    cluster = {"scope": scope, "queueName": "people", "template": {"head": HEAD}}
    labeling.apply(labeling.body(compute={"ray": {"cluster": cluster}}))
    kind = "rayclusters" if scope == "Job" else "rayjobs"

    def suspended() -> list[str]:
        found = json.loads(labeling.do("get", kind, f"-l={_QUEUE}=people", "-o=json"))["items"]
        return [each["metadata"]["name"] for each in found if each["spec"].get("suspend")]

    labeling.until("a suspended child", suspended)
    job = labeling.wait("Queued", "True")
    assert labeling.do("get", "pods", "-l=ray.io/cluster", "-o=name") == ""
    assert condition(job, "Succeeded").get("status") != "True"

    def ended() -> bool:
        for name in suspended():
            admitted = json.dumps({"spec": {"suspend": False}})
            labeling.do("patch", f"{kind}/{name}", "--type=merge", f"-p={admitted}")
        return condition(labeling.job(), "Succeeded").get("status") == "True"

    labeling.until("the job's end", ended)
    job = undisturbed.equals(labeling)
    assert condition(job, "Queued").get("status") == "False"

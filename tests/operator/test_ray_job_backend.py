"""Which RayCluster and Secrets an attempt gets, and what is asked of the API server for it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from job_factories import JOB, UID, spec_of, step
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import Resources, StorageAccess
from surelabel_contract.steps import step_name
from surelabel_operator.backends import BackendError, Submission, Submitted
from surelabel_operator.backends.ray_job import RayJobBackend
from surelabel_operator.child_trust import ChildTarget, compute_target
from surelabel_operator.children import RAY_CLUSTER, Child, Children
from surelabel_operator.cluster import Secret
from surelabel_operator.kube_api import ConflictApiError, KubeApi, NotFoundApiError
from surelabel_operator.manifests import build_ray_cluster, cluster_name
from surelabel_operator.reasons import Reason
from surelabel_operator.settings import KubeRay, Settings

SETTINGS = Settings(kube_ray=KubeRay(image="surelabel/workloads:1"))
FIRST, SECOND = cluster_name(JOB, 1), cluster_name(JOB, 2)
STEP = step("tra", 4)
# Whatever a spec says, nothing else is asked for.
NAMESPACED = "/apis/ray.io/v1/namespaces/vision"


class Server:
    """RayJobs and RayClusters by kind and name, and what was asked: verb, kind, name."""

    def __init__(self, *clusters: dict[str, Any]) -> None:
        self.objects = {("rayclusters", body["metadata"]["name"]): body for body in clusters}
        self.asked: list[str] = []

    async def request(
        self, verb: str, resource: str, path: str, *, query: Any = None, body: Any = None
    ) -> Any:
        """As KubeApi does it."""
        assert path.startswith(f"{NAMESPACED}/{resource}"), path
        name = body["metadata"]["name"] if verb == "create" else path.partition(f"{resource}/")[2]
        self.asked.append(f"{verb} {resource} {name}".strip())
        key = (resource, name)
        if verb == "list":
            label, _, value = query["labelSelector"].partition("=")
            found = [o for (kind, _), o in self.objects.items() if kind == resource]
            return {"items": [o for o in found if o["metadata"]["labels"].get(label) == value]}
        if verb == "create":
            if key in self.objects:
                raise ConflictApiError(409, "AlreadyExists", f"{name} already exists")
            self.objects[key] = body
            return body
        if key not in self.objects:
            raise NotFoundApiError(404, "NotFound", f'{resource} "{name}" not found')
        return self.objects.pop(key) if verb == "delete" else self.objects[key]


def target(**cluster: Any) -> ChildTarget:
    return target_of({"cluster": cluster})


def target_of(ray: dict[str, Any]) -> ChildTarget:
    found = compute_target(SETTINGS, "vision", spec_of(compute={"ray": ray}))
    assert isinstance(found, ChildTarget)
    return found


def cluster(name: str, *, of: ChildTarget | None = None, **metadata: Any) -> dict[str, Any]:
    """A RayCluster of the job, made of this target's template."""
    body = build_ray_cluster(name, JOB, of or target())
    body["metadata"] |= metadata
    return body


def seen(*bodies: dict[str, Any]) -> Children:
    """What the watch has shown."""
    children = Children()
    for body in bodies:
        children.put(Child.of(body))
    return children


class Secrets:
    """The Secrets of the job's namespace by name, and which were asked for."""

    def __init__(self, **labels: dict[str, str]) -> None:
        self._labels = labels
        self.asked: list[tuple[str, str]] = []

    async def read(self, namespace: str, name: str) -> Secret | None:
        """As the cluster does it."""
        self.asked.append((namespace, name))
        labels = self._labels.get(name)
        return None if labels is None else Secret(name, labels, {})


async def submit(
    server: Server,
    children: Children,
    last: str | None = None,
    of: ChildTarget | None = None,
    secrets: Secrets | None = None,
) -> str:
    """The RayCluster that an attempt gets; ``last``: the one that status names."""
    read = (secrets or Secrets()).read
    backend = RayJobBackend(cast(KubeApi, server), children, read, of or target())
    name = step_name(JOB.name, UID, STEP, 1)
    submission = Submission(
        name=name,
        job=JOB,
        step=STEP,
        attempt=1,
        config_uri="s3://bucket/STAGE.json",
        storage=StorageAccess(prefixes=("s3://bucket",)),
        resources=Resources(num_cpus=1, num_gpus=0, memory_mib=None),
        timeout_seconds=60,
        cluster=last,
    )
    assert await backend.submit(submission) is Submitted.CREATED
    assert server.asked.pop() == f"create rayjobs {name}"
    found: str = server.objects["rayjobs", name]["spec"]["clusterSelector"]["ray.io/cluster"]
    return found


async def test_the_first_attempt_looks_for_clusters_by_label_and_makes_one() -> None:
    server = Server()
    assert await submit(server, seen()) == FIRST
    assert server.asked == ["list rayclusters", f"create rayclusters {FIRST}"]


async def test_a_cluster_that_was_just_made_is_known_without_the_watch() -> None:
    server, children = Server(), seen()
    await submit(server, children)
    (known,) = children.owned_by(UID, RAY_CLUSTER)
    assert known.name == FIRST


async def test_the_one_cluster_that_the_watch_has_shown_is_asked_for_by_name_alone() -> None:
    server = Server(cluster(FIRST))
    assert await submit(server, seen(cluster(FIRST)), last=FIRST) == FIRST
    assert server.asked == [f"get rayclusters {FIRST}"]


async def test_what_the_api_server_says_counts_and_not_what_the_watch_has_shown() -> None:
    old = target(template={"image": "surelabel/workloads:1", "head": {"cpuMillis": 4000}})
    server = Server(cluster(FIRST, of=old))
    assert await submit(server, seen(cluster(FIRST)), last=FIRST) == SECOND
    assert server.asked == [
        f"get rayclusters {FIRST}",
        f"delete rayclusters {FIRST}",
        f"create rayclusters {SECOND}",
    ]


async def test_after_a_cluster_that_is_gone_those_of_the_label_count() -> None:
    server = Server(cluster(SECOND))
    assert await submit(server, seen(cluster(FIRST)), last=FIRST) == SECOND
    assert server.asked == [f"get rayclusters {FIRST}", "list rayclusters"]


async def test_a_cluster_that_is_gone_without_another_gets_a_successor_of_another_name() -> None:
    server = Server()
    assert await submit(server, seen(cluster(FIRST)), last=FIRST) == SECOND
    assert server.asked[-1] == f"create rayclusters {SECOND}"


async def test_a_cluster_that_is_being_deleted_is_neither_used_nor_deleted_again() -> None:
    going = cluster(FIRST, deletionTimestamp="2026-11-23T12:00:00Z")
    server = Server(going)
    assert await submit(server, seen(cluster(FIRST)), last=FIRST) == SECOND
    assert server.asked == [f"get rayclusters {FIRST}", f"create rayclusters {SECOND}"]


async def test_of_several_clusters_the_newest_is_used_and_the_others_are_let_go() -> None:
    both = cluster(FIRST), cluster(SECOND)
    server = Server(*both)
    assert await submit(server, seen(*both), last=FIRST) == SECOND
    assert server.asked == ["list rayclusters", f"delete rayclusters {FIRST}"]


async def test_a_cluster_of_that_name_that_is_somebody_elses_now_is_left_alone() -> None:
    server = Server(cluster(FIRST, ownerReferences=[], labels={}))
    assert await submit(server, seen(cluster(FIRST)), last=FIRST) == SECOND
    assert server.asked == [f"get rayclusters {FIRST}", f"create rayclusters {SECOND}"]


async def test_the_cluster_that_kube_ray_made_for_a_ray_job_alone_is_not_taken() -> None:
    owner = {"kind": "RayJob", "name": "birds", "uid": "of-a-rayjob", "controller": True}
    theirs = cluster("birds-xyz", ownerReferences=[owner])
    server = Server(theirs)
    assert await submit(server, seen(theirs)) == FIRST
    assert ("rayclusters", "birds-xyz") in server.objects


async def test_a_name_that_is_taken_by_somebody_else_is_told_and_nothing_is_deleted() -> None:
    server = Server(cluster(FIRST, ownerReferences=[], labels={}))
    with pytest.raises(BackendError, match=f"RayCluster {FIRST} exists and is not this") as error:
        await submit(server, seen())
    assert error.value.reason == Reason.NAME_CONFLICT
    assert not [asked for asked in server.asked if asked.startswith("delete")]


async def test_a_selected_cluster_is_one_of_the_jobs_own_namespace() -> None:
    selected = target_of({"selector": {"name": "shared"}})
    server = Server({"metadata": {"name": "shared"}, "spec": {}})
    assert await submit(server, seen(), of=selected) == "shared"
    assert server.asked == ["get rayclusters shared"]
    with pytest.raises(BackendError, match="no RayCluster 'shared' in namespace 'vision'") as error:
        await submit(Server(), seen(), of=selected)
    assert error.value.reason == Reason.RAY_CLUSTER_NOT_FOUND


@pytest.mark.parametrize(
    ("labels", "reason", "said"),
    [
        ({}, "SecretNotFound", "does not exist in namespace 'vision'"),
        ({"keys": {}}, "SecretNotAllowed", "allow-use: env; it has no such label. Ask"),
        # Its owner meant it for something else.
        (
            {"keys": {"surelabel.dev/allow-use": "storage"}},
            "SecretNotAllowed",
            "allow-use: env; it has 'storage' there. Ask",
        ),
    ],
)
async def test_a_secret_becomes_variables_only_if_it_is_meant_for_it(
    labels: dict[str, dict[str, str]], reason: str, said: str
) -> None:
    with_keys = target(template={"envFrom": [{"secretName": "keys"}]})
    server, secrets = Server(), Secrets(**labels)
    with pytest.raises(ConfigurationError, match=r"template\.envFrom: Secret 'keys'") as error:
        await submit(server, seen(), of=with_keys, secrets=secrets)
    assert error.value.reason == reason
    assert said in str(error.value)
    assert secrets.asked == [("vision", "keys")]
    # No pod was asked for.
    assert server.asked == []


async def test_a_secret_that_is_meant_for_it_becomes_variables() -> None:
    with_keys = target(template={"envFrom": [{"secretName": "keys"}]})
    secrets = Secrets(keys={"surelabel.dev/allow-use": "env"})
    assert await submit(Server(), seen(), of=with_keys, secrets=secrets) == FIRST

"""The ways in which a job's pods are let into its store, on a real node.

Keys in a Secret are what all the other tests have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from authority import Authority
from chart.cluster import Kubectl, wait_for
from e2e import object_store
from e2e.clocked import clocked
from e2e.identity import credentials_given, identity_policy, identity_server
from e2e.labeling import Labeling, operator_values, own_rights
from e2e.object_store import ObjectStore
from e2e.pods import pod, restricted_namespace, wait_for_pod
from e2e.ray_objects import WORKLOADS_IMAGE
from e2e.real_cluster import RealCluster
from e2e.undisturbed import Undisturbed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def private_store(real_cluster: RealCluster) -> Iterator[ObjectStore]:
    """A store that speaks TLS, and that only a private authority vouches for."""
    with restricted_namespace(real_cluster.kubectl, "tls") as name:
        store = ObjectStore(real_cluster.kubectl, name, authority=Authority())
        folder = real_cluster.node.data / "tls" if real_cluster.node is not None else None
        store.deploy(real_cluster.image(object_store.IMAGE), folder)
        yield store


def test_a_private_authority_is_trusted_by_its_secret_and_not_without(
    labeling: Labeling, undisturbed: Undisturbed, private_store: ObjectStore
) -> None:
    there = replace(labeling, store=private_store, secret="s3-private")
    there.prepare()
    body = there.body()
    authority = body["spec"]["storage"].pop("caSecretName")
    there.apply(body)
    job = there.wait("StorageAvailable", "False")
    assert "certificate" in str(job["status"]["conditions"]).lower()
    there.patch({"storage": {"caSecretName": authority}})
    undisturbed.equals(there)


def test_keys_that_change_while_a_stage_runs_are_read_again(
    labeling: Labeling, undisturbed: Undisturbed
) -> None:
    kubectl, store = labeling.cluster.kubectl, labeling.store
    there = replace(labeling, secret="s3-rotated")
    old = store.add_user()
    kubectl.do("apply", "--server-side", objects=[store.secret("s3-rotated", there.namespace, old)])
    there.apply(there.body())
    there.started("ann")
    new = store.add_user()
    kubectl.do(
        *("apply", "--server-side", "--force-conflicts"),
        objects=[store.secret("s3-rotated", there.namespace, new)],
    )
    # Harder than a rotation should be: nobody is given the time to read the new ones.
    store.remove_user(old)
    job = undisturbed.equals(there)
    assert job["status"]["step"]["failures"] == 0


@pytest.fixture
def identified(
    real_cluster: RealCluster, kubectl: Kubectl, place: str, s3: ObjectStore
) -> Iterator[tuple[Labeling, str]]:
    """A namespace whose pods have no keys but an identity, and the namespace of its server."""
    if kubectl.ask("get", "mutatingadmissionpolicies").refusal:
        pytest.skip("This cluster has no MutatingAdmissionPolicy (Kubernetes 1.36 or newer).")
    values = own_rights(operator_values(real_cluster, place), place, s3)
    with restricted_namespace(kubectl, "identity") as server:
        image = real_cluster.image(WORKLOADS_IMAGE)
        kubectl.do("apply", "--server-side", objects=identity_server(server, image, s3))
        wait_for_pod(kubectl, "identity", server, "condition=Ready")
        policy = identity_policy(place, place, server)
        kubectl.do("apply", "--server-side", objects=policy)
        try:
            wait_for("the policy's effect", lambda: _has_token(kubectl, place))
            with clocked(Labeling(real_cluster, place, s3, secret=None), values) as found:
                yield found, server
        finally:
            for each in policy:
                kubectl.do("delete", each["kind"], place)


def _has_token(kubectl: Kubectl, place: str) -> bool:
    """Whether a new pod would get a token."""
    tmp = {"name": "tmp", "emptyDir": {}}
    probe = pod("probe", place, "surelabel/none:1", volumes=[tmp])
    probe["spec"]["containers"][0] |= {
        "env": [{"name": "ANY", "value": "1"}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    answer = kubectl.ask("create", "--dry-run=server", "-o=json", objects=[probe])
    return '"name": "identity"' in answer.out


def test_pods_without_keys_use_their_identity(
    identified: tuple[Labeling, str], undisturbed: Undisturbed, kubectl: Kubectl
) -> None:
    labeling, server = identified
    labeling.apply(labeling.body())
    undisturbed.equals(labeling)
    given = credentials_given(kubectl.do("logs", "identity", f"-n={server}"))
    place = labeling.namespace
    assert given == {f"{place}:surelabel-operator", f"{place}:surelabel-stage"}

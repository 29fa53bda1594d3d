"""The real cluster, which is made once for the suite, and what tests put on it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest

from chart.cluster import Kubectl
from chart.rendering import Helm
from e2e import object_store
from e2e.clocked import clocked
from e2e.cluster import NodeCluster
from e2e.installed import installed
from e2e.labeling import Labeling, operator_values
from e2e.node_images import build_node_images
from e2e.object_store import ObjectStore
from e2e.pods import restricted_namespace
from e2e.prerequisites import why_no_node
from e2e.real_cluster import RealCluster, given_kubeconfig
from e2e.tools import cached_node_tools
from e2e.undisturbed import Undisturbed, forget


@pytest.fixture(scope="session")
def real_cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealCluster]:
    """A cluster whose pods run: the one that the caller named, else one of our own."""
    given = given_kubeconfig()
    home = tmp_path_factory.mktemp("helm")
    if given is not None:
        toolchain = request.getfixturevalue("toolchain")
        kubectl = Kubectl(toolchain.require("kubectl"), given)
        yield RealCluster(kubectl, Helm(toolchain.require("helm"), home), None)
        return
    if reason := why_no_node():
        pytest.skip(reason)
    tools = cached_node_tools()
    if tools is None:
        pytest.skip("The node's programs are not built yet; `make e2e` builds them.")
    find = tools.toolchain.require
    with NodeCluster(tools, [*build_node_images(tools).values()]) as node:
        kubectl = Kubectl(find("kubectl"), node.kubeconfig)
        yield RealCluster(kubectl, Helm(find("helm"), home), node)


@pytest.fixture(scope="session")
def kubectl(real_cluster: RealCluster) -> Kubectl:
    """kubectl as administrator."""
    return real_cluster.kubectl


@pytest.fixture
def node(real_cluster: RealCluster) -> NodeCluster:
    """The node's own programs, to stop and start."""
    if real_cluster.node is None:
        pytest.skip("The programs of a cluster that is not ours are not stopped.")
    return real_cluster.node


@pytest.fixture
def place(kubectl: Kubectl) -> Iterator[str]:
    """A new namespace that enforces Pod Security's standard `restricted`."""
    with restricted_namespace(kubectl, "test") as name:
        yield name


@pytest.fixture(scope="session")
def s3(real_cluster: RealCluster) -> Iterator[ObjectStore]:
    """An S3 server in the cluster, with one bucket."""
    with restricted_namespace(real_cluster.kubectl, "s3") as name:
        store = ObjectStore(real_cluster.kubectl, name)
        folder = real_cluster.node.data / "s3" if real_cluster.node is not None else None
        store.deploy(real_cluster.image(object_store.IMAGE), folder)
        yield store


@pytest.fixture
def own_labeling(real_cluster: RealCluster, place: str, s3: ObjectStore) -> Iterator[Labeling]:
    """A new namespace with the operator and the job's data, for one test."""
    with installed(real_cluster, place, operator_values(real_cluster, place)):
        found = Labeling(real_cluster, place, s3)
        found.prepare()
        yield found


@pytest.fixture(scope="module")
def operated(real_cluster: RealCluster, s3: ObjectStore) -> Iterator[Labeling]:
    """A namespace with the operator, whose clock for data stands still, and the job's data."""
    with restricted_namespace(real_cluster.kubectl, "faults") as place:
        values = operator_values(real_cluster, place)
        with clocked(Labeling(real_cluster, place, s3), values) as found:
            yield found


@pytest.fixture(scope="module")
def undisturbed(operated: Labeling) -> Undisturbed:
    """What the small job leaves if nothing happens to it."""
    operated.apply(operated.body())
    operated.wait("Succeeded", "True")
    found = Undisturbed(operated.manifest(), operated.commits())
    forget(operated)
    return found


@pytest.fixture
def labeling(
    operated: Labeling, undisturbed: Undisturbed, request: pytest.FixtureRequest
) -> Iterator[Labeling]:
    """As before, with an output of its own: jobs of one name write the same bytes."""
    del undisturbed
    # The start tells people which test it was, the number keeps cases apart.
    number = zlib.crc32(request.node.name.encode())
    yield operated.with_output(f"{request.node.name.removeprefix('test_')[:40]}-{number}")
    forget(operated)

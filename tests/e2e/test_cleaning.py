"""A cluster leaves nothing on the machine: not at its end, and not when its owner is killed.

First in the suite by its name, since there is one cluster at a time.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chart.cluster import Kubectl
from e2e import cgroups, leftovers, network
from e2e.cluster import FOLDER, PROBE_IMAGE, NodeCluster
from e2e.pods import pod, wait_for_account, wait_for_pod
from e2e.prerequisites import why_no_node
from e2e.real_cluster import given_kubeconfig
from e2e.tools import NodeTools, cached_node_tools
from surelabel_cli.reaper import marked_processes

pytestmark = pytest.mark.e2e

# Ends by kill -9 while the cluster runs a pod.
_OWNER = """
import sys, time
sys.path[:0] = sys.argv[1:]
from e2e.cluster import NodeCluster
from e2e.test_cleaning import run_pod
from e2e.tools import cached_node_tools
tools = cached_node_tools()
with NodeCluster(tools, []) as cluster:
    run_pod(tools, cluster)
    print("ready", flush=True)
    time.sleep(1000)
"""


@pytest.fixture(scope="module")
def tools() -> NodeTools:
    if given_kubeconfig() is not None:
        pytest.skip("A cluster that is not ours is not stopped.")
    if reason := why_no_node():
        pytest.skip(reason)
    found = cached_node_tools()
    if found is None:
        pytest.skip("The node's programs are not built yet; `make e2e` builds them.")
    return found


def run_pod(tools: NodeTools, cluster: NodeCluster) -> None:
    """Start a pod that does not end by itself."""
    kubectl = Kubectl(tools.toolchain.require("kubectl"), cluster.kubeconfig)
    wait_for_account(kubectl, "default")
    kubectl.do("apply", "--server-side", objects=[pod("stays", "default", PROBE_IMAGE, "wait")])
    wait_for_pod(kubectl, "stays", "default", "condition=Ready")


def traces() -> dict[str, object]:
    """What a running cluster has on the machine, besides its folder of images and logs."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "processes": marked_processes(str(FOLDER)),
        "mounts": [line for line in mounts if str(FOLDER) in line],
        "cgroups": [*Path("/sys/fs/cgroup").glob(f"**/{cgroups.NAME}")],
        "namespaces": [*network.NAMESPACE_FILE.parent.glob(network.NAME)],
        "links": [*Path("/sys/class/net").glob(network.NAME)],
        "results": [*Path("/var/lib/cni/results").glob(f"{network.NAME}-*")],
        "data": [*FOLDER.glob("run/*")],
    }


def kernel_settings() -> list[str]:
    return [Path("/proc/sys", name).read_text() for name in leftovers.KERNEL_SETTINGS]


def test_a_killed_cluster_is_cleaned_up_by_the_next_one_which_leaves_nothing(
    tools: NodeTools,
) -> None:
    settings = kernel_settings()
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(Path(__file__).parents[1])],
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        # The list below would be empty also if it looked at the wrong places.
        assert all(traces().values()), traces()
        owner.send_signal(signal.SIGKILL)
    with NodeCluster(tools, []) as cluster:
        run_pod(tools, cluster)
        kubectl = Kubectl(tools.toolchain.require("kubectl"), cluster.kubeconfig)
        assert kubectl.do("get", "pods", "-o=name") == "pod/stays\n"
    assert not any(traces().values()), traces()
    assert kernel_settings() == settings

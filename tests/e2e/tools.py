"""The Go programs of a real cluster; those that only a node needs are built on demand and kept
like the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from surelabel_cli import go_build
from surelabel_cli.toolchain import MODULE, Toolchain

NODE = go_build.Programs(
    title="kubelet, kube-proxy, kube-scheduler, CoreDNS",
    first_build="about 3 minutes on 2 cores",
    packages=("./node", "./coredns", "./probe"),
    sources=("go.mod", "go.sum", "node/main.go", "coredns/main.go", "probe/main.go"),
    names=dict.fromkeys(("kubelet", "kube-proxy", "kube-scheduler"), "node"),
)
_RAY_OPERATOR = "github.com/ray-project/kuberay/ray-operator"
# A module of its own: it asks for older packages of Kubernetes than the others.
KUBERAY_MODULE = MODULE / "kuberay"
KUBERAY = go_build.Programs(
    title="the KubeRay operator",
    first_build="about 2 minutes on 2 cores",
    packages=(_RAY_OPERATOR,),
    sources=("go.mod", "go.sum"),
    folders={"crds": (_RAY_OPERATOR, "config/crd/bases")},
)


@dataclass(frozen=True)
class NodeTools:
    """All programs of a real cluster but containerd's, which come from Debian."""

    # Control plane, kubectl, helm, versitygw. Never KUBEBUILDER_ASSETS, which have no controllers.
    toolchain: Toolchain
    # kubelet, kube-proxy, kube-scheduler, coredns, probe.
    node: Path
    ray_operator: Path
    ray_crds: Path


def build_node_tools(say: go_build.Say = go_build.say_to_stderr) -> NodeTools:
    """The programs, built first if need be (minutes); GoBuildError."""
    return _node_tools(
        go_build.build(MODULE, say),
        go_build.build(MODULE, say, NODE),
        go_build.build(KUBERAY_MODULE, say, KUBERAY),
    )


def cached_node_tools() -> NodeTools | None:
    """The programs, if all are built."""
    control_plane = go_build.cached_tools(MODULE)
    node = go_build.cached_tools(MODULE, NODE)
    kuberay = go_build.cached_tools(KUBERAY_MODULE, KUBERAY)
    if control_plane is None or node is None or kuberay is None:
        return None
    return _node_tools(control_plane, node, kuberay)


def _node_tools(control_plane: Path, node: Path, kuberay: Path) -> NodeTools:
    toolchain = Toolchain((control_plane,))
    return NodeTools(toolchain, node, kuberay / "ray-operator", kuberay.parent / "crds")

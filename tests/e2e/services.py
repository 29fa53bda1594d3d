"""The node's other programs: scheduler, proxy, names, and the KubeRay operator.

All are processes in the node's network; each is told its kubeconfig.
"""

from __future__ import annotations

import json
from pathlib import Path

from e2e import network
from e2e.containerd import node_environment
from e2e.kubelet import NODE
from surelabel_cli.processes import Child, ProcessFamily

DNS_READY = f"http://{network.NODE_ADDRESS}:8181/ready"
RAY_OPERATOR_READY = f"http://{network.NODE_ADDRESS}:8082/readyz"


def start_scheduler(family: ProcessFamily, binary: Path, kubeconfig: Path) -> Child:
    """Start kube-scheduler."""
    command = [
        *(*network.LAUNCHER, binary, f"--kubeconfig={kubeconfig}"),
        *("--leader-elect=false", "--bind-address=127.0.0.1"),
    ]
    return family.start("kube-scheduler", command, env=node_environment())


def start_proxy(family: ProcessFamily, folder: Path, binary: Path, kubeconfig: Path) -> Child:
    """Start kube-proxy, which makes the addresses of Services work."""
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "hostnameOverride": NODE,
        "clusterCIDR": network.PODS,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        # The limits of connections are the whole machine's, not the namespace's.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
    file = folder / "kube-proxy.json"
    # It ends when this file is written again, so a new start must not.
    if not file.exists():
        file.write_text(json.dumps(config, indent=1))
    command = [*network.LAUNCHER, binary, f"--config={file}"]
    return family.start("kube-proxy", command, env=node_environment())


def start_dns(family: ProcessFamily, folder: Path, binary: Path, kubeconfig: Path) -> Child:
    """Start CoreDNS for the cluster's own names, on the node's address."""
    file = folder / "Corefile"
    file.write_text(
        f""".:53 {{
    bind {network.NODE_ADDRESS}
    ready {network.NODE_ADDRESS}:8181
    errors
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
    }}
}}
"""
    )
    command = [*network.LAUNCHER, binary, f"-conf={file}"]
    return family.start("coredns", command, env=node_environment())


def start_ray_operator(
    family: ProcessFamily, folder: Path, binary: Path, kubeconfig: Path
) -> Child:
    """Start the KubeRay operator as a process; its CRDs must be there."""
    resolv_conf = folder / "resolv.conf"
    resolv_conf.write_text(f"nameserver {network.NODE_ADDRESS}\n")
    # It asks Ray by the names of Services, so it sees a resolv.conf of its own.
    with_names = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    command = [
        *network.LAUNCHER,
        *("unshare", "--mount", "sh", "-c", with_names, resolv_conf),
        *(binary, f"-kubeconfig={kubeconfig}", "-enable-leader-election=false"),
        f"-health-probe-bind-address={network.NODE_ADDRESS}:8082",
        f"-metrics-addr={network.NODE_ADDRESS}:8080",
    ]
    return family.start("kuberay-operator", command, env=node_environment())

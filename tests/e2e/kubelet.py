"""The kubelet."""

from __future__ import annotations

import json
from pathlib import Path

from e2e import cgroups, network
from e2e.containerd import node_environment
from surelabel_cli.processes import Child, ProcessFamily, write_private

NODE = "node"


def start_kubelet(
    family: ProcessFamily,
    folder: Path,
    binary: Path,
    kubeconfig: Path,
    client_ca: Path,
    socket: Path,
) -> Child:
    """Start the kubelet on this machine's node; does not wait until it is ready."""
    folder.mkdir(parents=True, exist_ok=True)
    cgroups.make()
    resolv_conf = folder / "resolv.conf"
    resolv_conf.write_text(f"nameserver {network.NODE_ADDRESS}\n")
    config = folder / "config.json"
    write_private(
        config,
        json.dumps(
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "address": network.NODE_ADDRESS,
                "authentication": {
                    "anonymous": {"enabled": False},
                    "webhook": {"enabled": True},
                    "x509": {"clientCAFile": str(client_ca)},
                },
                "authorization": {"mode": "Webhook"},
                "cgroupDriver": "cgroupfs",
                "cgroupRoot": f"/{cgroups.NAME}",
                "clusterDNS": [network.NODE_ADDRESS],
                "clusterDomain": "cluster.local",
                "containerRuntimeEndpoint": f"unix://{socket}",
                # Neither the older cgroups nor swap keep a test from running.
                "failCgroupV1": False,
                "failSwapOn": False,
                "oomScoreAdj": 0,
                "resolvConf": str(resolv_conf),
                "podLogsDir": str(family.folder / "logs" / "pods"),
                "volumePluginDir": str(folder / "plugins"),
                # Nobody could pull an image again.
                "imageGCHighThresholdPercent": 100,
                # The disk may be full of other things.
                "evictionHard": {
                    "memory.available": "100Mi",
                    "nodefs.available": "1%",
                    "imagefs.available": "1%",
                },
            },
            indent=1,
        ),
    )
    return family.start(
        "kubelet",
        [
            *(*network.LAUNCHER, binary, f"--config={config}", f"--kubeconfig={kubeconfig}"),
            f"--root-dir={folder / 'root'}",
            f"--cert-dir={folder / 'certs'}",
            f"--hostname-override={NODE}",
            f"--node-ip={network.NODE_ADDRESS}",
        ],
        env=node_environment(),
    )

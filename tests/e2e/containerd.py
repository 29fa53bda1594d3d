"""containerd with a configuration, state and socket of our own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from e2e import network
from e2e.prerequisites import CNI_FOLDER, find
from surelabel_cli.processes import Child, ProcessFamily, wait_until

# Where kubelet looks for images.
_IMAGES = "k8s.io"


class Containerd:
    """The container runtime in ``folder``; images lie there as well."""

    def __init__(self, family: ProcessFamily, folder: Path, sandbox_image: str) -> None:
        self.family = family
        self.folder = folder
        self.socket = folder / "containerd.sock"
        self._sandbox_image = sandbox_image

    def start(self) -> Child:
        """Start it with what it has; answers on return."""
        networks = self.folder / "cni"
        networks.mkdir(parents=True, exist_ok=True)
        (networks / "10-pods.conflist").write_text(json.dumps(_pod_network(self.folder)))
        config = self.folder / "config.toml"
        config.write_text(self._config(networks))
        child = self.family.start(
            "containerd",
            [*network.LAUNCHER, find("containerd") or "containerd", f"--config={config}"],
            env=node_environment(),
        )
        wait_until("containerd", self._answers, child, 30)
        return child

    def load(self, archive: Path) -> None:
        """Import the images of a docker-archive."""
        done = self._ctr("images", "import", str(archive))
        if done.returncode != 0:
            raise RuntimeError(f"{archive.name} could not be imported: {done.stderr.strip()}")

    def _answers(self) -> bool:
        return self._ctr("version").returncode == 0

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(find("ctr") or "ctr", f"--address={self.socket}", f"--namespace={_IMAGES}"),
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def _config(self, networks: Path) -> str:
        folder, cri = self.folder, 'plugins."io.containerd.grpc.v1.cri"'
        return f"""
version = 2
root = "{folder / "root"}"
state = "{folder / "state"}"
[grpc]
address = "{self.socket}"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder / "opt"}"
[{cri}]
sandbox_image = "{self._sandbox_image}"
# All its mounts below our folder, so that they are found again.
netns_mounts_under_state_dir = true
# Not every machine lets root lower a score, or has these two.
restrict_oom_score_adj = true
disable_apparmor = true
tolerate_missing_hugetlb_controller = true
[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
SystemdCgroup = false
Root = "{folder / "runc"}"
[{cri}.cni]
bin_dir = "{CNI_FOLDER}"
conf_dir = "{networks}"
"""


def node_environment() -> dict[str, str]:
    """The environment of everything on the node: nothing of the user's, no proxy."""
    sbin = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": sbin, "HOME": "/root", "LANG": os.environ.get("LANG", "C.UTF-8")}


def _pod_network(folder: Path) -> dict[str, object]:
    """Every pod has a link of its own to the node, which routes; a bridge would let the answers
    of a Service's pod pass by the node, and with them kube-proxy's translation."""
    return {
        "cniVersion": "1.0.0",
        "name": network.NAME,
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(folder / "addresses"),
                    "ranges": [[{"subnet": network.PODS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
        ],
    }

"""containerd with a configuration, state and socket of our own.

Images are kept from one run to the next: to unpack them takes longer than all the rest.
"""

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
_CRI = "io.containerd.grpc.v1.cri"


class Containerd:
    """The container runtime in ``folder``; ``images`` is a folder that stays."""

    def __init__(
        self, family: ProcessFamily, folder: Path, images: Path, sandbox_image: str
    ) -> None:
        self.family = family
        self.folder = folder
        self.images = images
        self.socket = folder / "containerd.sock"
        self._sandbox_image = sandbox_image

    def prepare(self) -> None:
        """Write the configuration, and forget the containers of the last run, which have ended."""
        networks = self.folder / "cni"
        networks.mkdir(parents=True)
        (networks / "10-pods.conflist").write_text(json.dumps(_pod_network(self.folder)))
        if not self.images.exists():
            return
        # Once a node's part has read them it would go on with them.
        child = self._started(self._config(disabled=[_CRI]))
        containers = self._ctr("containers", "list", "--quiet").split()
        if containers:
            self._ctr("containers", "remove", *containers)
        child.stop()

    def start(self) -> Child:
        """Start it with what it has; answers on return."""
        return self._started(self._config(disabled=[]))

    def load(self, archive: Path) -> None:
        """Import the image of ``<image>-<digest>.tar``, a docker-archive, unless it is there."""
        image = archive.stem.rpartition("-")[0]
        # The last one: the image's name leads to it.
        loaded = self.images / f"{image}.loaded"
        if not loaded.exists() or loaded.read_text() != archive.name:
            self._ctr("images", "import", str(archive))
            loaded.write_text(archive.name)

    def kill(self, container: str) -> None:
        """End a container's first process by SIGKILL; an error if it does not run."""
        self._ctr("tasks", "kill", "--signal=SIGKILL", container)

    def _started(self, configuration: str) -> Child:
        config = self.folder / "config.toml"
        config.write_text(configuration)
        child = self.family.start(
            "containerd",
            [*network.LAUNCHER, find("containerd") or "containerd", f"--config={config}"],
            env=node_environment(),
        )
        wait_until("containerd", self._answers, child, 30)
        return child

    def _answers(self) -> bool:
        try:
            self._ctr("version")
        except RuntimeError:
            return False
        return True

    def _ctr(self, *arguments: str) -> str:
        command = [find("ctr") or "ctr", f"--address={self.socket}", f"--namespace={_IMAGES}"]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"ctr {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def _config(self, *, disabled: list[str]) -> str:
        folder, cri = self.folder, f'plugins."{_CRI}"'
        return f"""
version = 2
disabled_plugins = {json.dumps(disabled)}
root = "{self.images}"
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
conf_dir = "{folder / "cni"}"
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

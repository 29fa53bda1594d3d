"""What the machine must have for a real node; what is missing is said in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from e2e import cgroups

# Where Debian puts the plugins that connect pods to the network.
CNI_FOLDER = Path("/usr/lib/cni")
# The Debian package of each program.
_PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "mmdebstrap": "mmdebstrap",
}
# Where the node's data will be; root in a container may often not mount there.
STATE = Path("/var/lib")
_PROBE = """
mkdir "$1/lower" "$1/upper" "$1/work" "$1/root" &&
mount -t overlay overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/root"
"""
_CNI_PACKAGE = "containernetworking-plugins"


def why_no_node() -> str | None:
    """Why no node can run here, in one line that says what to do; None if one can."""
    if sys.platform != "linux":
        return f"A real node needs Linux; this is {sys.platform}. {_ELSEWHERE}"
    if os.geteuid() != 0:
        return f"A real node needs root (containers, network namespaces). {_ELSEWHERE}"
    missing = {package for name, package in _PACKAGES.items() if not find(name)}
    if not (CNI_FOLDER / "ptp").exists():
        missing.add(_CNI_PACKAGE)
    if missing:
        return (
            f"A real node needs Debian's packages {', '.join(sorted(missing))}: "
            f"apt-get install -y --no-install-recommends {' '.join(sorted(missing))}"
        )
    if refusal := _why_no_containers():
        return f"A real node needs a machine that lets root make containers: {refusal} {_ELSEWHERE}"
    return None


def _why_no_containers() -> str | None:
    with tempfile.TemporaryDirectory(prefix="surelabel-e2e-", dir=STATE) as folder:
        spaces = ("unshare", "--mount", "--net", "--pid", "--fork")
        probe = (*spaces, "sh", "-c", _PROBE, "sh", folder)
        done = subprocess.run(probe, capture_output=True, text=True, check=False)
    if done.returncode:
        return " ".join(done.stderr.split())
    try:
        cgroups.make()
    except OSError as error:
        return f"{error}."
    return None


def find(name: str) -> str | None:
    """The path of a program; those for root are not on everybody's PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")


_ELSEWHERE = "Give another cluster: make e2e KUBECONFIG=… IMAGE_REGISTRY=…"

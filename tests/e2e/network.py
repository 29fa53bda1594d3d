"""The network namespace that the whole cluster lives in.

One link leads in, by which this machine reaches the node and nothing else: pods and Services are
no addresses of the machine, and nothing inside can reach out.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from e2e.prerequisites import find

NAME = "surelabel-e2e"
NAMESPACE_FILE = Path("/run/netns") / NAME
HOST_ADDRESS = "10.250.0.1"
NODE_ADDRESS = "10.250.0.2"
PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
# Only the network: `ip netns exec` also makes a mount namespace, in which the mounts of
# containerd and kubelet would not see each other.
LAUNCHER = (find("nsenter") or "nsenter", f"--net={NAMESPACE_FILE}", "--")


def make() -> None:
    """Make the namespace, with its link; there must be none of the name."""
    _ip("netns", "add", NAME)
    _ip("link", "add", NAME, "type", "veth", "peer", "name", "eth0", "netns", NAME)
    _ip("address", "add", f"{HOST_ADDRESS}/30", "dev", NAME)
    _ip("link", "set", NAME, "up")
    inside = ("-n", NAME)
    _ip(*inside, "address", "add", f"{NODE_ADDRESS}/30", "dev", "eth0")
    _ip(*inside, "link", "set", "lo", "up")
    _ip(*inside, "link", "set", "eth0", "up")
    # What is not in the cluster is refused at once, instead of by a time-out.
    _ip(*inside, "route", "add", "unreachable", "default")
    # The node's own requests to Services need a route before kube-proxy's rules see them.
    _ip(*inside, "route", "add", SERVICES, "dev", "eth0")
    _run(*LAUNCHER, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


def remove() -> None:
    """Remove the namespace and its link; nothing if there is none."""
    # First: the kernel removes it with the namespace, but at a time of its own.
    if (Path("/sys/class/net") / NAME).exists():
        _ip("link", "delete", NAME)
    if NAMESPACE_FILE.exists():
        _ip("netns", "delete", NAME)


def _ip(*arguments: str) -> None:
    _run(find("ip") or "ip", *arguments)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")

"""TCP and UDP connections inside the node's network, as the kernel tracks them."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from dataclasses import dataclass
from typing import Any, Self

from chart.cluster import Kubectl
from e2e import network

_PAIR = re.compile(r"src=(\S+) dst=(\S+) sport=\d+ dport=(\d+)")
_REPLY = re.compile(r"src=(\S+) dst=\S+ sport=(\d+) dport=\d+")
# Ended connections stay in the kernel's table for 30 s and more.
_LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Connection:
    """Who asked, and who answered on which port (behind a Service: the pod)."""

    protocol: str
    source: str
    target: str
    port: int


class Connections:
    """All connections between entering and leaving, and the pods that had the addresses."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.found: set[Connection] = set()
        # By address.
        self.pods: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._look()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        listed = json.loads(self._kubectl.do("get", "pods", "-A", "-o=json"))["items"]
        for pod in listed:
            # Addresses are given out in turn, so none comes back within a test.
            if address := pod["status"].get("podIP"):
                self.pods[address] = pod
        command = [*network.LAUNCHER, "cat", "/proc/net/nf_conntrack"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        self.found |= {found for line in done.stdout.splitlines() if (found := _read(line))}


def _read(line: str) -> Connection | None:
    fields = line.split()
    pair = _PAIR.search(line)
    if pair is None or fields[0] != "ipv4" or fields[2] not in ("tcp", "udp"):
        return None
    # Of a Service the reply has the pod's own address and port.
    reply = _REPLY.search(line, pair.end())
    target, port = (reply[1], reply[2]) if reply else (pair[2], pair[3])
    return Connection(fields[2].upper(), pair[1], target, int(port))

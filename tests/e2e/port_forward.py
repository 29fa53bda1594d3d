"""A port of a pod on loopback, through the API server: works with every cluster."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chart.cluster import Kubectl

_PAUSE = 0.5


@contextmanager
def forwarded(kubectl: Kubectl, namespace: str, target: str, port: int) -> Iterator[int]:
    """The local port that leads to ``port`` of ``target`` (pod/x, service/x).

    kubectl ends when it loses a single connection to the pod; it is started again then, with what
    it said on standard error. Until it is, connections are refused.
    """
    command = [kubectl.binary, f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={namespace}"]
    forward = _Forward([*map(str, command), "port-forward", "--address=127.0.0.1", target], port)
    try:
        yield forward.local
    finally:
        forward.end()


class _Forward:
    """kubectl, started as often as it ends."""

    def __init__(self, command: list[str], port: int) -> None:
        self._command = command
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._process = self._started(f":{port}")
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+)", said)
        if found is None:
            self._process.kill()
            self._process.wait()
        assert found is not None, f"{' '.join(command[-3:])}: {said}"
        self.local = int(found.group(1))
        self._again = f"{self.local}:{port}"
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def end(self) -> None:
        """Forward no more."""
        with self._lock:
            self._ended.set()
            self._process.kill()
        self._keeper.join()

    def _keep(self) -> None:
        while True:
            said, _ = self._process.communicate()
            with self._lock:
                if self._ended.is_set():
                    return
                print(f"{' '.join(self._command[-3:])} ended: {said}", file=sys.stderr)
                self._process = self._started(self._again)
            self._ended.wait(_PAUSE)

    def _started(self, ports: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._command, ports],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Its own session: Ctrl-C is for the test, which ends it.
            start_new_session=True,
        )

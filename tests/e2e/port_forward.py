"""A port of a pod on loopback, through the API server: works with every cluster."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from chart.cluster import Kubectl


@contextmanager
def forwarded(kubectl: Kubectl, namespace: str, target: str, port: int) -> Iterator[int]:
    """The local port that leads to ``port`` of ``target`` (pod/x, service/x). It stays with the
    pod that it found first."""
    command = [kubectl.binary, f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={namespace}"]
    with subprocess.Popen(
        [*command, "port-forward", "--address=127.0.0.1", target, f":{port}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Its own session: Ctrl-C is for the test, which ends it.
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+)", said)
            assert found is not None, f"kubectl port-forward {target}: {said}"
            yield int(found.group(1))
        finally:
            process.kill()

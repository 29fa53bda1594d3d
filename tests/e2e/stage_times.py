"""When the RayJobs of a namespace appear, and so how long each stage's turn is."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import defaultdict
from typing import Self

from chart.cluster import Kubectl
from surelabel_contract.steps import parse_step_name


class StageTimes:
    """Watches RayJobs between entering and leaving."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self._command = [
            *(kubectl.binary, f"--kubeconfig={kubectl.kubeconfig}", "get", "rayjobs"),
            *(f"-n={namespace}", "--watch", "-o=jsonpath={.metadata.name}{'\\n'}"),
        ]
        # Monotonic seconds of the first sight, by name.
        self._seen: dict[str, float] = {}
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._thread.join(10)

    def turns(self, ended: float) -> dict[str, list[float]]:
        """Seconds from each RayJob to the next one (the last: to ``ended``), by stage."""
        found: dict[str, list[float]] = defaultdict(list)
        starts = [*self._seen.values(), ended]
        for name, start, end in zip(self._seen, starts, starts[1:], strict=False):
            parsed = parse_step_name(name)
            if parsed is not None:
                found[parsed[0].stage.value].append(end - start)
        return dict(found)

    def _watch(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._seen.setdefault(line.strip(), time.monotonic())

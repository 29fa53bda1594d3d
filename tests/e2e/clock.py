"""A clock that jumps, for the operator alone: Debian's libfaketime in its container."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.installed import DEPLOYMENT
from e2e.labeling import Labeling
from e2e.volumes import claim, folder_volume

_MOUNT = "/mnt/clock"
_OFFSET = "offset"
_ENV = {
    "LD_PRELOAD": f"{_MOUNT}/libfaketime.so.1",
    "FAKETIME_TIMESTAMP_FILE": f"{_MOUNT}/{_OFFSET}",
    "FAKETIME_CACHE_DURATION": "1",
    # As with a real jump: what measures durations goes on.
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    "NO_FAKE_STAT": "1",
}


class OperatorClock:
    """The clock of an operator, which is right until it is told otherwise."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _OFFSET
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """Let it be so many seconds off, within a second."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)


@contextmanager
def operator_clock(labeling: Labeling, folder: Path) -> Iterator[OperatorClock]:
    """Let the operator of the namespace have a clock of its own; ``folder``: of the node."""
    found = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if found is None:
        pytest.skip("libfaketime is missing; Debian and Ubuntu have it in the package libfaketime")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    shutil.copyfile(found, folder / found.name)
    clock = OperatorClock(folder)
    # Neither a volume nor a claim can be changed, so each clock has its own.
    name = folder.name
    volume = f"{labeling.namespace}-{name}"
    kubectl = labeling.cluster.kubectl
    objects = [folder_volume(folder, volume), claim(name, labeling.namespace, volume)]
    kubectl.do("apply", "--server-side", objects=objects)
    container = {
        "name": "operator",
        "env": [{"name": name, "value": value} for name, value in _ENV.items()],
        "volumeMounts": [{"name": "clock", "mountPath": _MOUNT, "readOnly": True}],
    }
    mounted = {"name": "clock", "persistentVolumeClaim": {"claimName": name}}
    spec = {"template": {"spec": {"containers": [container], "volumes": [mounted]}}}
    labeling.do("patch", DEPLOYMENT, "--type=strategic", f"-p={json.dumps({'spec': spec})}")
    try:
        labeling.do("rollout", "status", DEPLOYMENT, "--timeout=50s")
        yield clock
    finally:
        labeling.do("rollout", "undo", DEPLOYMENT)
        labeling.do("rollout", "status", DEPLOYMENT, "--timeout=50s")

"""Functions of a benchmark that run in a process of their own: fresh memory, a fresh import."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from page import say

Function = Callable[..., dict[str, Any]]


def child(function: Function, *arguments: Any, threads: int = 1) -> Any:
    """What the function, one of those that its file gives to ``serve``, returns there.

    ``arguments`` and the result go through JSON. CalledProcessError where the process fails.
    """
    file = Path(inspect.getfile(function))
    command = [sys.executable, str(file), "child", function.__name__, json.dumps(arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    say(f"{file.stem}: {function.__name__} {arguments} on {threads}: {done.stdout.decode()}")
    return json.loads(done.stdout)


def serve(*functions: Function) -> None:
    """Run what ``child`` asks for, and end; nothing where this process is no child."""
    if sys.argv[1:2] != ["child"]:
        return
    chosen = {function.__name__: function for function in functions}[sys.argv[2]]
    print(json.dumps(chosen(*json.loads(sys.argv[3]))))
    sys.exit(0)


def memory_mb(field: str) -> float:
    """VmRSS, VmHWM or another line of this process's status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(field)

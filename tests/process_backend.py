"""A Backend whose attempts are plain processes on this machine.

They outlive the operator, as Ray's jobs do: what an attempt is stands in its folder, so that an
operator that was killed and started again finds it. For tests that need many runs in little time.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from surelabel_contract.stages import JobRef
from surelabel_contract.steps import Stage, Step
from surelabel_operator.backends import STORAGE_VARIABLE, Submission, Submitted
from surelabel_operator.backends.ray_cluster import failure_class
from surelabel_operator.calls import external_call
from surelabel_operator.child_trust import Target
from surelabel_operator.observed import Attempt, AttemptState, FailureClass

POLL_SECONDS = 0.03

# The one process that the operator starts: either it makes the folder and runs the stage, or
# nothing has happened. A kill of the operator between the two is impossible.
_WRAPPER = """
mkdir "$DIR" 2>/dev/null || exit 0
printf %s "$$" > "$DIR/pid"
printf %s "$META" > "$DIR/meta.tmp" && mv "$DIR/meta.tmp" "$DIR/meta.json"
unset META
"$@" > "$DIR/log" 2>&1
printf %s "$?" > "$DIR/rc.tmp" && mv "$DIR/rc.tmp" "$DIR/rc"
"""


class ProcessBackend:
    """Attempts as processes, with a folder each below ``root``."""

    def __init__(
        self,
        root: Path,
        changed: Callable[[str, str], None] = lambda _namespace, _name: None,
        command: str | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        self._changed = changed
        self._command = shlex.split(command or f"{sys.executable} -m surelabel.stages")
        self._env = env or {}
        self._watched: dict[str, tuple[str, str]] = {}
        self._task: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def of(self, target: Target) -> ProcessBackend:
        """``Backends``: every Ray cluster is this machine."""
        del target
        return self

    async def submit(self, submission: Submission) -> Submitted:
        job, folder = submission.job, self._root / submission.name
        meta = {
            "installation": job.installation,
            "namespace": job.namespace,
            "name": job.name,
            "uid": job.uid,
            "round": submission.step.round,
            "stage": submission.step.stage.value,
            "pass": submission.step.pass_,
            "attempt": submission.attempt,
        }
        async with external_call("ray", "submit", submission.name):
            existed = (folder / "meta.json").exists()
            if not existed:
                env = {
                    **os.environ,
                    **self._env,
                    STORAGE_VARIABLE: submission.storage.to_json().decode(),
                }
                self._start(folder, submission.config_uri, json.dumps(meta), env)
                while not (folder / "meta.json").exists():
                    await asyncio.sleep(0.002)
                    if self._process is not None:
                        # Reaped here, so that no zombie looks like a process that runs.
                        self._process.poll()
        self._watch(submission.name, job)
        if not existed:
            return Submitted.CREATED
        found = self._read(submission.name)
        ours = found is not None and _is_of(found, job)
        return Submitted.ADOPTED if ours else Submitted.CONFLICT

    async def observe(self, job: JobRef, expected: tuple[str, ...]) -> tuple[Attempt, ...]:
        async with external_call("ray", "get" if expected else "list", job.name):
            names = expected or tuple(p.name for p in sorted(self._root.glob("[!.]*")))
            found = []
            for name in names:
                meta = self._read(name)
                if meta is None or (not expected and not _is_of(meta, job)):
                    continue
                attempt = self._attempt(name, meta, job)
                found.append(attempt)
                if attempt.runs:
                    self._watch(name, job)
            return tuple(found)

    async def stop(self, name: str) -> None:
        async with external_call("ray", "stop", name):
            folder = self._root / name
            if (folder / "meta.json").exists() and not (folder / "rc").exists():
                (folder / "stopped").touch()
                signal_stage(folder, signal.SIGKILL)

    async def delete(self, name: str) -> None:
        async with external_call("ray", "delete", name):
            folder = self._root / name
            if (folder / "meta.json").exists():
                # Kept under another name: tests count what ever ran.
                folder.rename(self._root / f".{name}.deleted")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    # -- for tests

    def started(self) -> list[str]:
        """Names of all attempts that ever ran, deleted ones included."""
        return sorted(path.name.removeprefix(".").removesuffix(".deleted") for path in self._all())

    def running(self) -> list[str]:
        """Names of the attempts whose processes live."""
        return sorted(
            path.name for path in self._all() if not (path / "rc").exists() and _lives(path)
        )

    def kill_all(self) -> None:
        """End what still runs, at the end of a test."""
        for path in self._all():
            if not (path / "rc").exists():
                signal_stage(path, signal.SIGKILL)

    def _all(self) -> list[Path]:
        return [path for path in self._root.iterdir() if (path / "meta.json").exists()]

    # -- inside

    def _start(self, folder: Path, config_uri: str, meta: str, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _WRAPPER, "sh", *self._command, config_uri],
            env={**env, "DIR": str(folder), "META": meta},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self._root / name / "meta.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found

    def _attempt(self, name: str, meta: dict[str, Any], job: JobRef) -> Attempt:
        folder = self._root / name
        state, failure, message = AttemptState.RUNNING, None, ""
        lives = _lives(folder)
        if (folder / "rc").exists():
            code = int((folder / "rc").read_text())
            state = AttemptState.SUCCEEDED if code == 0 else AttemptState.FAILED
            if code != 0:
                failure = failure_class("JOB_ENTRYPOINT_COMMAND_ERROR", code)
                tail = (folder / "log").read_text(errors="replace")[-800:]
                message = f"exited {code}: {tail}"
        elif not lives:
            stopped = (folder / "stopped").exists()
            state = AttemptState.STOPPED if stopped else AttemptState.FAILED
            if not stopped:
                failure, message = FailureClass.INFRASTRUCTURE, "the process is gone"
        return Attempt(
            name=name,
            step=Step(round=meta["round"], stage=Stage(meta["stage"]), pass_=meta["pass"]),
            attempt=meta["attempt"],
            state=state,
            ours=_is_of(meta, job),
            failure=failure,
            message=message,
        )

    def _watch(self, name: str, job: JobRef) -> None:
        self._watched[name] = (job.namespace, job.name)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        while self._watched:
            await asyncio.sleep(POLL_SECONDS)
            for name, key in list(self._watched.items()):
                folder = self._root / name
                if (folder / "rc").exists() or not _lives(folder):
                    del self._watched[name]
                    self._changed(*key)


def _is_of(meta: dict[str, Any], job: JobRef) -> bool:
    return meta["installation"] == job.installation and meta["uid"] == job.uid


def _lives(folder: Path) -> bool:
    try:
        pid = int((folder / "pid").read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return False
    return state != "Z"


def signal_stage(folder: Path, number: int) -> None:
    """Send the signal to the attempt's processes, if they live."""
    with suppress(OSError, ValueError):
        os.killpg(int((folder / "pid").read_text()), number)

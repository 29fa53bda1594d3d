"""An operator of its own in a namespace of its own, with jobs of 12 texts that tests may slow.

Operator and stages are real processes of the fork server; a stage waits at its start as long as
``hold`` says so, which is a hook of the tests' stage program, not of the real one.
"""

from __future__ import annotations

import copy
import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import yaml

from faults import small_job
from faults.admin import Admin, job_path, team_path
from faults.crash_result import wait_for_end
from faults.fork_server import fork
from faults.forked_backend import ForkedBackend
from surelabel_contract.keys import OUTPUT_MANIFEST

# A loaded machine is slow; no test measures.
PATIENCE_SECONDS = 240.0
_EVENTS = "/api/v1/namespaces/{}/events"


def until(what: str, found: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """The first true thing that ``found`` answers."""
    end = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < end, f"{what}: not after {seconds:.0f} s"
        time.sleep(0.05)
    return answer


def condition(job: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A condition of the job; without it an empty one."""
    found: list[dict[str, Any]] = (job.get("status") or {}).get("conditions", [])
    return next((one for one in found if one["type"] == kind), {})


def changed(body: dict[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with these fields of its spec replaced; None removes one."""
    copied = copy.deepcopy(body)
    for key, value in spec.items():
        copied["spec"][key] = value
        if value is None:
            del copied["spec"][key]
    return copied


class Workbench:
    """As a context manager; the operator runs from ``start`` on."""

    def __init__(
        self,
        folder: Path,
        kubeconfig: Path,
        address: str,
        *,
        env: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        operator_kubeconfig: Path | None = None,
        token_file: Path | None = None,
        kube_ray: bool = False,
    ) -> None:
        """``token_file``: stages run on the Ray clusters of the settings, with this token;
        ``kube_ray``: as RayJobs, of a KubeRay that the test starts."""
        self.folder, self.data, self.out = folder, folder / "data", folder / "out"
        self.jobs, self._holds = folder / "jobs", folder / "holds"
        self.log = folder / "operator.log"
        self.namespace = f"faults-{secrets.token_hex(4)}"
        self.admin = Admin(kubeconfig)
        self.stages = ForkedBackend(self.jobs, address)
        self._address, self._env = address, dict(env or {})
        self._kubeconfig = operator_kubeconfig or kubeconfig
        self._stages = {"jobs": str(self.jobs), "address": address}
        if token_file is not None:
            self._stages = {"token_file": str(token_file)}
        self._settings = dict(settings or {})
        if kube_ray:
            self._stages = {}
            self._settings.setdefault("kubeRay", {"image": "surelabel/workloads:test"})
        self._pid = 0

    def __enter__(self) -> Self:
        self._holds.mkdir(parents=True)
        small_job.write_data(self.data)
        self.admin.install_crds()
        self.admin.create_namespace(self.namespace)
        self.admin.apply(team_path(self.namespace), small_job.team(self.data))
        settings = yaml.safe_load(small_job.settings(self.namespace, self.folder))
        settings.update(self._settings)
        (self.folder / "settings.yaml").write_text(yaml.safe_dump(settings))
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.stages.kill_all()
        with suppress(OSError):
            self.admin.delete(f"/api/v1/namespaces/{self.namespace}")
        self.admin.close()

    # -- the operator

    def start(self) -> Self:
        """Start the operator."""
        self._pid = fork(
            self._address,
            "operator",
            [
                f"--settings={self.folder / 'settings.yaml'}",
                f"--kubeconfig={self._kubeconfig}",
                f"--namespace={self.namespace}",
            ],
            self._stages,
            str(self.folder / "calls"),
            [],
            "",
            env={
                **os.environ,
                **self._env,
                "POD_NAME": "operator-0",
                "SURELABEL_TEST_HOLD": str(self._holds),
            },
            output=str(self.log),
        )
        return self

    def stop(self) -> None:
        """Kill the operator."""
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            wait_for_end(self._pid)
            self._pid = 0

    # -- stages

    def hold(self, code: str) -> None:
        """Let stages of this code (pre, ann, ...) wait at their start."""
        (self._holds / code).touch()

    def release(self, code: str) -> None:
        """Let them go on."""
        (self._holds / code).unlink(missing_ok=True)

    def wait_running(self, code: str) -> str:
        """Name of the attempt of this code, once it runs."""

        def running() -> str:
            return next((name for name in self.stages.running() if f"-{code}-p" in name), "")

        name: str = until(f"a running {code}", lambda: running() or self._check())
        return name

    # -- jobs

    def body(self, name: str = small_job.NAME, **spec: Any) -> dict[str, Any]:
        """The small job under another name and with other fields of its spec."""
        body = changed(small_job.job(self.data, self.out), spec)
        body["metadata"]["name"] = name
        return body

    def apply(self, body: dict[str, Any]) -> str:
        """Create the job; its uid."""
        uid: str = self.admin.request("POST", job_path(self.namespace), body)["metadata"]["uid"]
        return uid

    def patch(self, spec: Mapping[str, Any], name: str = small_job.NAME) -> None:
        """Change the job's spec."""
        self.admin.request("PATCH", job_path(self.namespace, name), {"spec": spec})

    def delete(self, name: str = small_job.NAME) -> None:
        """Delete the job and wait until it is gone."""
        self.admin.delete(job_path(self.namespace, name))
        until("the deletion", lambda: name not in self.names())

    def names(self) -> list[str]:
        """Names of the LabelingJobs that exist."""
        items = self.admin.request("GET", job_path(self.namespace))["items"]
        return [item["metadata"]["name"] for item in items]

    def job(self, name: str = small_job.NAME) -> dict[str, Any]:
        """The job as the API server has it."""
        return self.admin.job(self.namespace, name)

    def wait(
        self,
        kind: str,
        status: str,
        name: str = small_job.NAME,
        *,
        reason: str | None = None,
        seconds: float = PATIENCE_SECONDS,
    ) -> dict[str, Any]:
        """The job once it has this condition; fails early where it is stalled instead."""
        end = time.monotonic() + seconds
        while True:
            job = self.job(name)
            found = condition(job, kind)
            if found.get("status") == status and reason in (None, found["reason"]):
                return job
            ended = kind != "Stalled" and condition(job, "Succeeded").get("status") == "False"
            if ended or time.monotonic() > end:
                raise AssertionError(
                    f"{kind} is not {status} ({reason}) in {self.folder}:\n"
                    f"{json.dumps(job.get('status'), indent=1)}\n{self.text()[-3000:]}"
                )
            time.sleep(0.05)

    def stalled(self, body: dict[str, Any], reason: str) -> str:
        """Message with which the new job is Stalled."""
        self.apply(body)
        job = self.wait("Stalled", "True", body["metadata"]["name"], reason=reason)
        message: str = condition(job, "Stalled")["message"]
        return message

    def manifest(self, name: str = small_job.NAME, out: Path | None = None) -> bytes:
        """Bytes of the finished manifest."""
        return ((out or self.out) / name / OUTPUT_MANIFEST).read_bytes()

    def lines(self, name: str = small_job.NAME) -> list[dict[str, Any]]:
        """The finished manifest."""
        return [json.loads(line) for line in self.manifest(name).splitlines()]

    def events(self) -> list[dict[str, Any]]:
        """Events of the namespace."""
        found: list[dict[str, Any]] = self.admin.request("GET", _EVENTS.format(self.namespace))[
            "items"
        ]
        return found

    def text(self) -> str:
        """What the operator logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _check(self) -> str:
        assert Path(f"/proc/{self._pid}").exists(), (
            f"the operator has ended:\n{self.text()[-3000:]}"
        )
        return ""

"""Starts operators for tests: a namespace with its own Lease, files of a small job, kubectl."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from process_backend import ProcessBackend

ENTRY = Path(__file__).with_name("process_operator.py")
# Without site: nothing but the standard library is wanted.
FAKE_STAGES = f"{sys.executable} -I -S {Path(__file__).with_name('fake_stage.py')}"
API = "surelabel.dev/v1alpha1"


@dataclass
class OperatorProcess:
    """One operator at a time, which may be killed and started again."""

    folder: Path
    kubeconfig: Path
    namespace: str
    settings: dict[str, Any] = field(default_factory=dict)
    # Ray instead of plain processes.
    module: bool = False
    # Canned reports instead of the real stage programs.
    fake: bool = True
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self, **env: str) -> None:
        """Start the operator; returns at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "watchNamespaces": [self.namespace],
            "rayClusters": [{"name": "x", "url": "http://127.0.0.1:9", "namespaces": ["*"]}],
            "storage": {
                "localFiles": True,
                "allowedPrefixes": [
                    {"namespaces": [self.namespace], "prefixes": [f"file://{self.folder}"]}
                ],
            },
            "metricsPort": 0,
            "logFormat": "text",
            **self.settings,
        }
        path = self.folder / "settings.yaml"
        path.write_text(yaml.safe_dump(settings))
        program = ["-m", "surelabel_operator"] if self.module else [str(ENTRY), str(self.jobs)]
        fakes = {"SURELABEL_TEST_STAGES": FAKE_STAGES} if self.fake else {}
        self.starts += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    *program,
                    f"--settings={path}",
                    f"--kubeconfig={self.kubeconfig}",
                    f"--namespace={self.namespace}",
                ],
                env={
                    **os.environ,
                    "POD_NAME": "operator-0",
                    "SURELABEL_LOG_LEVEL": "DEBUG",
                    **fakes,
                    **env,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self, number: int = signal.SIGTERM, timeout: float = 30) -> int:
        """Signal the operator and wait for its end; its exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the operator did not stop:\n{self.text()[-3000:]}") from None

    @property
    def jobs(self) -> Path:
        """The folder of the attempts."""
        return self.folder / "jobs"

    def behave(self, **stages: dict[str, Any]) -> None:
        """What fake stages do, by their code; see fake_stage.py."""
        draft = self.folder / "behave.draft"
        draft.write_text(json.dumps(stages))
        # At once: a stage that waits reads the file all the time.
        draft.rename(self.folder / "behave.json")

    @property
    def log(self) -> Path:
        """All starts' output."""
        return self.folder / "operator.log"

    def text(self) -> str:
        """The log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def port(self) -> int:
        """The port of the probes, of the latest start."""
        found = wait_for(
            lambda: re.findall(r"listening port=(\d+)", self.text()),
            "the operator to listen",
            also=self.text,
        )
        return int(found[-1])

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of the probes or the metrics."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait_ready(self, seconds: float = 30) -> None:
        """Until /readyz says so."""
        wait_for(
            lambda: self.get("/readyz")[0] == 200, "readiness", seconds=seconds, also=self.text
        )


class Bench:
    """One operator in one namespace, and kubectl."""

    def __init__(self, operator: OperatorProcess, plane: Any) -> None:
        self.operator = operator
        self.plane = plane
        self.namespace = operator.namespace
        self.folder = operator.folder
        self.backend = ProcessBackend(operator.jobs)

    def apply(self, *objects: dict[str, Any]) -> None:
        text = "\n---\n".join(json.dumps(found) for found in objects)
        self.plane.kubectl("apply", "-n", self.namespace, "-f", "-", text=text)

    def job(self, name: str = "animals") -> dict[str, Any]:
        found = self.plane.kubectl(
            "get", "-n", self.namespace, f"labelingjobs.surelabel.dev/{name}", "-o", "json"
        )
        return json.loads(found)

    def wait_condition(
        self, type_: str, status: str, name: str = "animals", seconds: float = 90
    ) -> dict[str, Any]:
        def holds() -> dict[str, Any] | None:
            job = self.job(name)
            return job if condition_of(job, type_).get("status") == status else None

        return wait_for(holds, f"{type_}={status}", seconds=seconds, also=self.operator.text)

    def wait_running(self, code: str) -> None:
        wait_for(
            lambda: any(f"-{code}-" in name for name in self.backend.running()),
            f"a running {code}",
            also=self.operator.text,
        )

    def patch(self, spec: dict[str, Any], name: str = "animals") -> None:
        body = json.dumps({"spec": spec})
        self.plane.kubectl("patch", "-n", self.namespace, f"slj/{name}", "--type=merge", "-p", body)


def wait_for(
    condition: Callable[[], Any],
    what: str,
    *,
    seconds: float = 60,
    also: Callable[[], str] = lambda: "",
) -> Any:
    """The first true value of the condition; AssertionError with ``also`` after the time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}\n{also()[-4000:]}")
        time.sleep(0.05)


def write_texts(folder: Path, items: int = 12) -> None:
    """A manifest of texts about two animals, and the truth about it."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ["cat" if i % 2 else "dog" for i in range(items)]
    (folder / "in.manifest").write_text(
        "".join(
            json.dumps({"source": f"a {name}, number {i}"}) + "\n" for i, name in enumerate(names)
        )
    )
    (folder / "truth.jsonl").write_text(
        "".join(
            json.dumps({"source": f"{i}", "label": name}) + "\n" for i, name in enumerate(names)
        )
    )


def job_of(folder: Path, name: str = "animals", **spec: Any) -> dict[str, Any]:
    """A LabelingJob of all-human text classification over ``write_texts``' files."""
    body: dict[str, Any] = {
        "taskType": "TextClassification",
        "labels": [{"name": "cat"}, {"name": "dog"}],
        "seed": 7,
        "input": {"manifest": f"file://{folder}/in.manifest"},
        "output": {"uri": f"file://{folder}/out"},
        "workforce": {"workTeam": "team", "maxOpenItems": 6},
        "compute": {"ray": {"address": {"name": "x"}}},
    }
    body.update(spec)
    return {
        "apiVersion": API,
        "kind": "LabelingJob",
        "metadata": {"name": name},
        "spec": {key: value for key, value in body.items() if value is not None},
    }


def team_of(folder: Path, name: str = "team", people: int = 3) -> dict[str, Any]:
    """A WorkTeam of simulated people."""
    return {
        "apiVersion": API,
        "kind": "WorkTeam",
        "metadata": {"name": name},
        "spec": {
            "simulated": {
                "truthURI": f"file://{folder}/truth.jsonl",
                "annotators": [{"name": f"p{i}", "accuracyPermille": 950} for i in range(people)],
            }
        },
    }


def condition_of(job: Mapping[str, Any], type_: str) -> dict[str, Any]:
    """The condition, or an empty one."""
    conditions = (job.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == type_), {})

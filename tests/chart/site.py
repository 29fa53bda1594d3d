"""The chart on a control plane of its own, with its operators as processes beside it.

There is no node, so nobody starts the Deployment's pods. The tests start an operator with what the
chart gives one, the ServiceAccount's token and the ConfigMap's settings, and stop it where
Kubernetes would. Stages are processes with canned reports, which outlive the operator as Ray's
jobs do.
"""

from __future__ import annotations

import json
import secrets
import signal
from pathlib import Path
from typing import Any

import yaml

from chart.cluster import Kubectl, namespace
from chart.rendering import RELEASE, Helm
from operator_bench import OperatorProcess, condition_of, job_of, team_of, wait_for, write_texts
from process_backend import ProcessBackend
from surelabel_cli.control_plane import service_account_kubeconfig
from surelabel_cli.processes import free_ports

# Kubernetes kills a pod that takes longer (terminationGracePeriodSeconds).
GRACE_SECONDS = 45
JOB = "animals"
CRDS = ("labelingjobs.surelabel.dev", "workteams.surelabel.dev")


class Site:
    """One release in a namespace of its own, with one LabelingJob in another."""

    def __init__(self, helm: Helm, kubectl: Kubectl, folder: Path) -> None:
        self._helm, self.kubectl, self.folder = helm, kubectl, folder
        part = secrets.token_hex(3)
        self.namespace, self.jobs_namespace = f"site-{part}", f"site-{part}-jobs"
        self.port = free_ports(1)[0]
        self._operators: list[OperatorProcess] = []
        write_texts(folder)
        self.stages = ProcessBackend(folder / "jobs")
        kubectl.do(
            "create", objects=[namespace(name) for name in (self.namespace, self.jobs_namespace)]
        )

    def close(self) -> None:
        """End all processes, and uninstall the chart with its CRDs."""
        for operator in self._operators:
            operator.stop(signal.SIGKILL)
        self.stages.kill_all()
        self.helm("uninstall", RELEASE, "--ignore-not-found")
        self.kubectl.do("delete", "crd", "--ignore-not-found", *CRDS)

    # -- the chart

    def values(self, **more: Any) -> dict[str, Any]:
        """Values for jobs whose data lies in the folder."""
        return {
            "settings": {
                "rayClusters": [{"name": "x", "url": "http://127.0.0.1:9", "namespaces": ["*"]}],
                "storage": {
                    "localFiles": True,
                    "allowedPrefixes": [
                        {"namespaces": ["*"], "prefixes": [f"file://{self.folder}"]}
                    ],
                },
                "logFormat": "text",
            },
            "metrics": {"port": self.port},
            **more,
        }

    def try_helm(self, *arguments: str | Path, values: dict[str, Any] | None = None) -> str:
        """Why Helm refuses; empty if it does not."""
        done = self._helm.run(
            *arguments,
            f"--kubeconfig={self.kubectl.kubeconfig}",
            f"--namespace={self.namespace}",
            *(["-f", "-"] if values is not None else []),
            stdin=json.dumps(values),
        )
        return done.stderr if done.returncode else ""

    def helm(self, *arguments: str | Path, values: dict[str, Any] | None = None) -> None:
        """Run Helm, which must succeed."""
        refusal = self.try_helm(*arguments, values=values)
        assert not refusal, refusal

    # -- operators

    def start(
        self,
        pod: str = "operator-0",
        named: str = "surelabel-operator",
        *,
        fake: bool = True,
        **settings: Any,
    ) -> OperatorProcess:
        """Start a pod's operator as the chart is installed now; it listens on return.

        ``named``: its ServiceAccount and ConfigMap, whose entries ``settings`` replace; ``fake``:
        with canned reports instead of the stages.
        """
        folder = self.folder / pod
        folder.mkdir(exist_ok=True)
        if not (folder / "jobs").exists():
            # The stages of all operators are those of one Ray.
            (folder / "jobs").symlink_to(self.folder / "jobs")
        kubeconfig = service_account_kubeconfig(
            self.kubectl.binary,
            self.kubectl.kubeconfig,
            self.namespace,
            named,
            folder / "kubeconfig",
        )
        text = self.kubectl.do(
            *("get", "configmap", named, f"-n={self.namespace}"),
            "-o=jsonpath={.data.settings\\.yaml}",
        )
        operator = OperatorProcess(
            folder, kubeconfig, self.namespace, {**yaml.safe_load(text), **settings}, fake=fake
        )
        self._operators.append(operator)
        operator.start(POD_NAME=pod)
        assert operator.port
        return operator

    # -- the job

    def hold(self, code: str) -> None:
        """Let every stage but those of this code (con, exp, ...) go on."""
        (self.folder / "behave.draft").write_text(json.dumps({code: {"hold": True}}))
        (self.folder / "behave.draft").rename(self.folder / "behave.json")

    def release(self) -> None:
        """Let all stages go on."""
        (self.folder / "behave.json").unlink()

    def apply_job(self) -> None:
        """Apply a LabelingJob and its WorkTeam."""
        objects = [team_of(self.folder), job_of(self.folder)]
        self.kubectl.do("apply", "--server-side", f"-n={self.jobs_namespace}", objects=objects)

    def job(self) -> dict[str, Any]:
        """The job as the API server has it."""
        found: dict[str, Any] = json.loads(
            self.kubectl.do("get", "slj", JOB, f"-n={self.jobs_namespace}", "-o=json")
        )
        return found

    def wait_running(self, code: str) -> list[str]:
        """The attempts that run, once one of this code does."""

        def running() -> list[str]:
            names = self.stages.running()
            return names if any(f"-{code}-p" in name for name in names) else []

        found: list[str] = wait_for(running, f"a running {code}", also=self._text)
        return found

    def wait_succeeded(self) -> dict[str, Any]:
        """The job once it has ended well."""

        def succeeded() -> dict[str, Any] | None:
            job = self.job()
            return job if condition_of(job, "Succeeded").get("status") == "True" else None

        found: dict[str, Any] = wait_for(succeeded, "Succeeded", seconds=120, also=self._text)
        return found

    def lease(self) -> dict[str, Any]:
        """The Lease of the operator's namespace."""
        found: dict[str, Any] = json.loads(
            self.kubectl.do("get", "lease", "surelabel", f"-n={self.namespace}", "-o=json")
        )
        return found

    def operator_text(self) -> str:
        """What all operators logged."""
        return "\n".join(operator.text() for operator in self._operators)

    def _text(self) -> str:
        return "\n".join(operator.text()[-2000:] for operator in self._operators)

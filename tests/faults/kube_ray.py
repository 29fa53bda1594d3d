"""KubeRay as far as an operator of ours sees it, in one namespace; its jobs are plain processes.

For tests that need many runs, or faults that the real one would not make to order; the end-to-end
tests run the real one. The CRDs are empty shells for the same reason.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import yaml

from faults.admin import Admin, AdminError
from faults.forked_backend import ForkedBackend

_GROUP = "/apis/ray.io/v1"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_LOOK_SECONDS = 0.05


def build_crds() -> list[dict[str, Any]]:
    """The CRDs of RayJob and RayCluster, without their schemas."""
    return [_crd(kind, f"{kind.lower()}s") for kind in ("RayJob", "RayCluster")]


def install_crds(admin: Admin) -> None:
    """RayJob and RayCluster, without their schemas, served on return."""
    for crd in build_crds():
        with suppress(AdminError):
            admin.request("GET", f"{_CRDS}/{crd['metadata']['name']}")
            continue
        admin.apply(_CRDS, crd)
        admin.wait_served(f"{_GROUP}/{crd['spec']['names']['plural']}")


class SimulatedKubeRay:
    """Runs the RayJobs of a namespace, as a context manager.

    ``paused``: it looks at nothing, as KubeRay's operator does that is down.
    """

    def __init__(
        self, kubeconfig: Path, namespace: str, jobs: Path, address: str, env: Mapping[str, str]
    ) -> None:
        """``env``: of its pods."""
        self._admin = Admin(kubeconfig)
        self._path = f"{_GROUP}/namespaces/{namespace}"
        self._jobs = jobs
        self._backend = ForkedBackend(jobs, address)
        self._env = dict(env)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._running: set[str] = set()
        self.paused = False
        # Every RayCluster that ever was.
        self.clusters: list[str] = []

    def __enter__(self) -> Self:
        install_crds(self._admin)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._admin.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self.paused:
                # The API server is away, or the namespace has gone.
                with suppress(AdminError, OSError):
                    self._look()
            time.sleep(_LOOK_SECONDS)

    def _look(self) -> None:
        clusters = {c["metadata"]["name"] for c in self._list("rayclusters")}
        self.clusters += sorted(clusters - set(self.clusters))
        jobs = {job["metadata"]["name"]: job for job in self._list("rayjobs")}
        for name in self._running - set(jobs):
            self._backend.kill(name)
            self._running.discard(name)
        for name, job in jobs.items():
            with suppress(AdminError):
                self._step(name, job, clusters)

    def _step(self, name: str, job: dict[str, Any], clusters: set[str]) -> None:
        status = job.get("status") or {}
        if status.get("jobDeploymentStatus") in ("Complete", "Failed"):
            return
        folder = self._jobs / name
        if not (folder / "meta.json").exists():
            selector = job["spec"].get("clusterSelector", {}).get("ray.io/cluster")
            # As the real one: it waits for a cluster that is missing, for ever.
            if selector is None or selector in clusters:
                self._running.add(name)
                self._start(name, job)
                cluster = selector or f"{name}-own"
                self._patch(name, jobDeploymentStatus="Initializing", rayClusterName=cluster)
            return
        self._running.add(name)
        if not (folder / "rc").exists():
            if status.get("jobStatus") != "RUNNING":
                started = datetime.now(UTC).isoformat(timespec="seconds")
                info = {"startTime": started.replace("+00:00", "Z")}
                self._patch(
                    name, jobDeploymentStatus="Running", jobStatus="RUNNING", rayJobInfo=info
                )
            return
        self._running.discard(name)
        code = int((folder / "rc").read_text())
        if code == 0:
            self._patch(name, jobDeploymentStatus="Complete", jobStatus="SUCCEEDED")
        else:
            self._patch(
                name,
                jobDeploymentStatus="Failed",
                jobStatus="FAILED",
                reason="AppFailed",
                message=f"Job entrypoint command failed with exit code {code}, last available "
                f"logs:\n{(folder / 'log').read_text()[-500:]}",
            )

    def _start(self, name: str, job: dict[str, Any]) -> None:
        spec = job["spec"]
        env = {**self._env, **yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"]}
        uri = spec["entrypoint"].rpartition(" ")[2]
        labels = {k.rpartition("/")[2]: v for k, v in job["metadata"]["labels"].items()}
        meta = {
            "installation": labels["installation"],
            "namespace": job["metadata"]["namespace"],
            "name": labels["job"],
            "uid": labels["job-uid"],
            "round": int(labels["round"]),
            "stage": labels["stage"],
            "pass": int(labels["pass"]),
            "attempt": int(labels["attempt"]),
        }
        self._backend.start(name, uri, json.dumps(meta), env)

    def _list(self, plural: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._admin.request("GET", f"{self._path}/{plural}")["items"]
        return items

    def _patch(self, name: str, **status: Any) -> None:
        self._admin.request("PATCH", f"{self._path}/rayjobs/{name}/status", {"status": status})


def _crd(kind: str, plural: str) -> dict[str, Any]:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.ray.io"},
        "spec": {
            "group": "ray.io",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": free, "status": free},
                        }
                    },
                    "subresources": {"status": {}},
                }
            ],
        },
    }

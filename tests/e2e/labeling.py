"""The small LabelingJob on a real cluster: its data in S3, its stages in pods."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from e2e.object_store import REGION, ObjectStore
from e2e.ray_objects import WORKLOADS_IMAGE
from e2e.real_cluster import RealCluster
from faults import small_job
from faults.workbench import changed, condition
from surelabel_contract.keys import COMMIT_FILE, CONFIG_FILE, OUTPUT_MANIFEST

AUTHORITY_SECRET = "s3-authority"
# Room for a head in which driver and tasks share one CPU.
HEAD = {"cpuMillis": 500, "memoryMiB": 2048}
PATIENCE_SECONDS = 420.0


def operator_values(cluster: RealCluster, *namespaces: str) -> dict[str, Any]:
    """The chart's values by which these namespaces may have stages in pods."""
    repository, _, tag = cluster.image(WORKLOADS_IMAGE).rpartition(":")
    image = {"repository": repository, "tag": tag}
    images = [{"namespaces": list(namespaces), "prefixes": ["surelabel/"]}]
    kube_ray = {"image": image, "images": images}
    return {"watchNamespaces": list(namespaces), "settings": {"kubeRay": kube_ray}}


def own_rights(values: dict[str, Any], namespace: str, store: ObjectStore) -> dict[str, Any]:
    """The values by which the pods' own rights, with no Secret, count for the namespace's data."""
    storage = {
        "allowedPrefixes": [{"namespaces": [namespace], "prefixes": [f"{store.uri}/{namespace}"]}],
        "endpoints": [{"namespaces": [namespace], "url": store.endpoint}],
    }
    return {**values, "settings": {**values["settings"], "storage": storage}}


@dataclass(frozen=True)
class Labeling:
    """LabelingJobs of one namespace, with data and output in the store."""

    cluster: RealCluster
    namespace: str
    store: ObjectStore
    output: str = "out"
    # The Secret with the store's keys; None: the pods have credentials of their own.
    secret: str | None = "s3"

    def with_output(self, name: str) -> Labeling:
        """The same with another output."""
        return replace(self, output=name)

    def prepare(self) -> None:
        """Data, Secret and WorkTeam."""
        with tempfile.TemporaryDirectory() as name, self.store.reached() as bucket:
            folder = Path(name)
            small_job.write_data(folder)
            for path in folder.iterdir():
                bucket.put(f"{self.namespace}/{path.name}", path.read_bytes())
        team = small_job.team(Path("/"))
        team["spec"]["simulated"]["truthURI"] = f"{self.folder}/truth.jsonl"
        found = []
        if self.secret is not None:
            found.append(self.store.secret(self.secret, self.namespace))
        if self.store.authority is not None:
            found.append(self.store.authority_secret(AUTHORITY_SECRET, self.namespace))
        if found:
            self.cluster.kubectl.do("apply", "--server-side", objects=found)
        self._apply(team)

    @property
    def folder(self) -> str:
        """Where data and output lie."""
        return f"{self.store.uri}/{self.namespace}"

    def body(self, name: str = small_job.NAME, **spec: Any) -> dict[str, Any]:
        """The small job, with a Ray cluster of its own."""
        body = changed(small_job.job(Path("/"), Path("/")), spec)
        body["metadata"]["name"] = name
        body["spec"]["input"] = {"manifest": f"{self.folder}/in.manifest"}
        body["spec"]["output"] = {"uri": f"{self.folder}/{self.output}"}
        storage = {"endpoint": self.store.endpoint, "region": REGION}
        if self.secret is not None:
            storage["secretName"] = self.secret
        if self.store.authority is not None:
            storage["caSecretName"] = AUTHORITY_SECRET
        body["spec"]["storage"] = storage
        if "compute" not in spec:
            ray = {"cluster": {"scope": "Job", "template": {"head": HEAD}}}
            body["spec"]["compute"] = {"ray": ray}
        return body

    def apply(self, body: dict[str, Any]) -> None:
        """Create the job."""
        self._apply(body)

    def patch(self, spec: dict[str, Any], name: str = small_job.NAME) -> None:
        """Change the job's spec."""
        self.do("patch", f"slj/{name}", "--type=merge", f"-p={json.dumps({'spec': spec})}")

    def job(self, name: str = small_job.NAME) -> dict[str, Any]:
        """The job now."""
        found: dict[str, Any] = json.loads(self.do("get", f"slj/{name}", "-o=json"))
        return found

    def wait(
        self, kind: str, status: str, name: str = small_job.NAME, reason: str | None = None
    ) -> dict[str, Any]:
        """The job once it has this condition."""

        def found() -> dict[str, Any] | None:
            job = self.job(name)
            one = condition(job, kind)
            is_it = one.get("status") == status and reason in (None, one.get("reason"))
            return job if is_it else None

        job: dict[str, Any] = self.until(f"{kind} is {status} ({reason})", found)
        return job

    def until(self, what: str, found: Callable[[], Any]) -> Any:
        """The first true thing that ``found`` answers; what there is if it never does."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (answer := found()):
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not after {PATIENCE_SECONDS:.0f} s\n{self.state()}")
            time.sleep(0.3)
        return answer

    def started(self, code: str) -> str:
        """Name of the RayJob of a stage, once there is one: a short stage has run before KubeRay
        says that it runs."""

        def found() -> str:
            names = self.do("get", "rayjobs", "-o=jsonpath={.items[*].metadata.name}").split()
            return next((name for name in names if f"-{code}-p" in name), "")

        name: str = self.until(f"a RayJob of {code}", found)
        return name

    def children(self) -> list[str]:
        """RayJobs, RayClusters and the pods that KubeRay made."""
        names = self.do("get", "rayjobs,rayclusters", "-o=name").split()
        return names + self.do("get", "pods", "-l=ray.io/cluster", "-o=name").split()

    def do(self, *arguments: str) -> str:
        """kubectl in the namespace."""
        return self.cluster.kubectl.do(*arguments, f"-n={self.namespace}")

    def state(self) -> str:
        """Everything that explains why a job does not go on."""
        ask = self.cluster.kubectl.ask
        place = f"-n={self.namespace}"
        return "\n".join(
            ask(*arguments, place).out
            for arguments in (
                ("get", "slj,rayjobs,rayclusters,pods", "-o=wide"),
                ("get", "slj", "-o=jsonpath={.items[*].status}"),
                ("get", "events", "--sort-by=.lastTimestamp"),
                ("logs", "-l=app.kubernetes.io/component=operator", "--tail=40"),
            )
        )[-8_000:]

    def manifest(self, name: str = small_job.NAME) -> bytes:
        """Bytes of the finished manifest."""
        with self.store.reached() as bucket:
            key = f"{self.namespace}/{self.output}/{name}/{OUTPUT_MANIFEST}"
            return bytes(bucket.get(key).bytes())

    def commits(self, name: str = small_job.NAME) -> list[str]:
        """Steps with a commit, in order; a step that has two would stand here twice."""
        found = [path.split("/")[-3:-1] for path in self._keys(name) if path.endswith(COMMIT_FILE)]
        return sorted("/".join(step) for step in found)

    def attempts(self, name: str = small_job.NAME) -> set[int]:
        """Numbers of the attempts that were recorded, of whatever step."""
        found = (path.split("/")[-2] for path in self._keys(name) if path.endswith(CONFIG_FILE))
        return {int(attempt.removeprefix("a")) for attempt in found}

    def _keys(self, name: str) -> list[str]:
        with self.store.reached() as bucket:
            pages = bucket.list(f"{self.namespace}/{self.output}/{name}")
            return [entry["path"] for page in pages for entry in page]

    def _apply(self, body: dict[str, Any]) -> None:
        body = {**body, "metadata": {**body["metadata"], "namespace": self.namespace}}
        self.cluster.kubectl.do("apply", "--server-side", objects=[body])

"""The digits sample for a real cluster: its data in S3, its stages as RayJobs."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import obstore
import yaml

from chart.cluster import Kubectl
from e2e.installed import DEPLOYMENT
from e2e.object_store import REGION, ObjectStore
from surelabel_cli.sample_data import MANIFEST, TRUTH, make_sample_data
from surelabel_cli.samples import SAMPLES

ITEMS = 1797
SECRET = "s3"
FOLDER = "digits"
# Through one connection of the API server: more would only wait there.
_WRITERS = 4


def upload_digits(store: ObjectStore, folder: Path) -> None:
    """Write the images, the manifest and the truth to the bucket; ``folder`` keeps them here."""
    source = make_sample_data(FOLDER, folder)
    here, there = f"{source.as_uri()}/", f"{store.uri}/{FOLDER}/"
    with store.reached() as bucket:

        def write(path: Path) -> None:
            obstore.put(bucket, f"{FOLDER}/images/{path.name}", path.read_bytes())

        with ThreadPoolExecutor(_WRITERS) as writers:
            list(writers.map(write, (source / "images").iterdir()))
        for name in (MANIFEST, TRUTH):
            text = (source / name).read_text(encoding="utf-8").replace(here, there)
            obstore.put(bucket, f"{FOLDER}/{name}", text.encode())


def digits_objects(store: ObjectStore, namespace: str, ray: dict[str, Any]) -> list[dict[str, Any]]:
    """Secret, WorkTeam and LabelingJob; ``ray`` is the job's ``spec.compute.ray``."""
    text = (SAMPLES / "digits.yaml").read_text(encoding="utf-8")
    job, team = yaml.safe_load_all(text)
    job["metadata"] = {"name": "digits", "namespace": namespace}
    job["spec"] |= {
        "input": {"manifest": f"{store.uri}/{FOLDER}/{MANIFEST}"},
        "output": {"uri": f"{store.uri}/{namespace}"},
        "storage": {"secretName": SECRET, "endpoint": store.endpoint, "region": REGION},
        "compute": {"ray": ray},
    }
    team["metadata"]["namespace"] = namespace
    team["spec"]["simulated"]["truthURI"] = f"{store.uri}/{FOLDER}/{TRUTH}"
    return [store.secret(SECRET, namespace), team, job]


def read_manifest(store: ObjectStore, namespace: str) -> bytes:
    """The job's output manifest."""
    with store.reached() as bucket:
        path = f"{namespace}/digits/manifests/output/output.manifest"
        return bytes(obstore.get(bucket, path).bytes())


def wait_for_end(kubectl: Kubectl, place: str, operator: str, seconds: float) -> dict[str, Any]:
    """The job's status when it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        job = json.loads(kubectl.do("get", "slj", "digits", f"-n={place}", "-o=json"))
        status: dict[str, Any] = job.get("status", {})
        if "completionTime" in status:
            return status
        if time.monotonic() > deadline:
            seen = [
                json.dumps(status, indent=1),
                kubectl.do("get", "rayjobs,rayclusters,pods", f"-n={place}", "-o=wide"),
                kubectl.do("get", "events", f"-n={place}"),
                kubectl.ask("logs", DEPLOYMENT, f"-n={operator}", "--tail=40").out,
            ]
            raise AssertionError("\n".join([f"not after {seconds} s", *seen]))
        time.sleep(1)

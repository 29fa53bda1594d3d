"""A secret that is given to the operator stands nowhere but in the Secret."""

from __future__ import annotations

import gzip
import json
import secrets
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from faults import small_job
from faults.admin import team_path
from faults.fork_server import ForkServer
from faults.workbench import Workbench, until
from s3 import S3Server
from surelabel_cli.processes import free_ports

pytestmark = [pytest.mark.cluster]


def test_credentials_and_tokens_stand_in_no_log_event_status_metric_or_object(
    tmp_path: Path, control_plane: Any, fork_server: ForkServer, own_s3_server: S3Server
) -> None:
    s3, port = own_s3_server, free_ports(1)[0]
    # What the Secret has besides the credentials must not come out either.
    canary = f"canary{secrets.token_hex(16)}"
    root = s3.storage().folder(f"{s3.uri}/job")
    settings = {"metricsPort": port, "storage": small_job.storage_settings(s3)}
    with Workbench(
        tmp_path / "bench",
        control_plane.kubeconfig,
        fork_server.address,
        env=s3.environment,
        settings=settings,
    ) as bench:
        secret = {
            "metadata": {"name": "store", "labels": {"surelabel.dev/allow-use": "storage"}},
            "stringData": {**s3.credentials, "endpoint": s3.endpoint, "note": canary},
        }
        wrong = {
            "metadata": {"name": "wrong", "labels": {"surelabel.dev/allow-use": "storage"}},
            "stringData": {
                "aws_access_key_id": s3.access_key,
                "aws_secret_access_key": canary,
                "endpoint": s3.endpoint,
            },
        }
        for body in (secret, wrong):
            bench.admin.apply(f"/api/v1/namespaces/{bench.namespace}/secrets", body)
        team = small_job.team(bench.data)
        team["metadata"]["name"] = "s3"
        team["spec"]["simulated"]["truthURI"] = f"{s3.uri}/job/truth.jsonl"
        bench.admin.apply(team_path(bench.namespace), team)
        for name in ("in.manifest", "truth.jsonl"):
            root.write(name, (bench.data / name).read_bytes())

        def body_with(name: str) -> dict[str, Any]:
            storage = {"endpoint": s3.endpoint, "region": s3.region, "secretName": name}
            return bench.body(
                f"with-{name}",
                input={"manifest": f"{s3.uri}/job/in.manifest"},
                output={"uri": f"{s3.uri}/job/out"},
                storage=storage,
                workforce={"workTeam": "s3", "annotatorsPerItem": 3, "maxOpenItems": 12},
            )

        bench.start().apply(body_with("store"))
        # The store refuses these, and what it answers becomes a condition.
        bench.apply(body_with("wrong"))
        bench.wait("StorageAvailable", "False", "with-wrong")
        bench.wait("Succeeded", "True", "with-store")

        url = f"http://127.0.0.1:{port}/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        places = {
            "log": bench.text(),
            "metrics": opener.open(url, timeout=30).read().decode(),
            "events": json.dumps(until("events", bench.events)),
            "jobs": json.dumps([bench.job(name) for name in bench.names()]),
            "calls": (bench.folder / "calls").read_text(),
        }
        for path in bench.jobs.rglob("*"):
            if path.is_file():
                places[str(path)] = path.read_text(errors="replace")
        for entry in root.entries(""):
            data = root.read(entry.key)
            if data.startswith(b"\x1f\x8b"):
                data = gzip.decompress(data)
            places[entry.key] = data.decode(errors="replace")
        assert len(places) > 30
        found = [
            where
            for where, text in places.items()
            for word in (canary, s3.secret_key)
            if word in text
        ]
        assert found == []

"""A LabelingJob of few texts and two rounds, in which every stage occurs; and what it left."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from s3 import S3Server
from surelabel_contract.keys import COMMIT_FILE, CONFIG_FILE, OUTPUT_MANIFEST
from surelabel_contract.stages import StageConfig

NAME = "small"
STAGE_TIME = "2026-01-02T03:04:05Z"
_API = "surelabel.dev/v1alpha1"
_WORDS = ("a purring cat", "a barking dog")


def write_data(folder: Path, items: int = 12) -> None:
    """Manifest and truth; of 20 items machines label some, of 12 it does not pay."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"source": f"{_WORDS[i % 2]}, number {i}", "page": i}) for i in range(items)
    ]
    truth = [json.dumps({"label": ("cat", "dog")[i % 2]}) for i in range(items)]
    (folder / "in.manifest").write_text("".join(f"{line}\n" for line in lines))
    (folder / "truth.jsonl").write_text("".join(f"{line}\n" for line in truth))


def job(data: Path, output: Path) -> dict[str, Any]:
    """The LabelingJob with its data and output in these folders."""
    return {
        "apiVersion": _API,
        "kind": "LabelingJob",
        "metadata": {"name": NAME},
        "spec": {
            "taskType": "TextClassification",
            "labels": [{"name": "cat"}, {"name": "dog"}],
            "seed": 7,
            "input": {"manifest": f"file://{data}/in.manifest"},
            "output": {"uri": f"file://{output}"},
            "workforce": {"workTeam": "team", "annotatorsPerItem": 3, "maxOpenItems": 20},
            "autoLabeling": {
                "targetErrorPermille": 500,
                "riskPermille": 500,
                "seedItems": 6,
                "itemsPerRound": 2,
            },
            "stopping": {"maxRounds": 2},
            "compute": {"ray": {"address": {"name": "x"}}},
        },
    }


def team(data: Path) -> dict[str, Any]:
    """The WorkTeam."""
    people = [{"name": f"p{i}", "accuracyPermille": 1000} for i in range(3)]
    truth = f"file://{data}/truth.jsonl"
    return {
        "apiVersion": _API,
        "kind": "WorkTeam",
        "metadata": {"name": "team"},
        "spec": {"simulated": {"truthURI": truth, "annotators": people}},
    }


def settings(namespace: str, folder: Path, ray: dict[str, Any] | None = None) -> str:
    """The operator's settings, as YAML."""
    cluster = {"name": "x", "url": "http://127.0.0.1:9", "namespaces": ["*"], **(ray or {})}
    return yaml.safe_dump(
        {
            "watchNamespaces": [namespace],
            "rayClusters": [cluster],
            "storage": {
                "localFiles": True,
                "allowedPrefixes": [{"namespaces": ["*"], "prefixes": [f"file://{folder}"]}],
            },
            "workers": 2,
            "metricsPort": 0,
            "stageTime": STAGE_TIME,
            "logFormat": "text",
        }
    )


def storage_settings(server: S3Server) -> dict[str, Any]:
    """The operator's settings of storage, for jobs on this server."""
    return {
        "allowedPrefixes": [{"namespaces": ["*"], "prefixes": [server.uri]}],
        # A Secret's word alone is not enough where the stages have other credentials.
        "endpoints": [{"namespaces": ["*"], "url": server.endpoint}],
    }


def manifest_of(output: Path) -> bytes:
    """The output manifest's bytes."""
    return (output / NAME / OUTPUT_MANIFEST).read_bytes()


def commits_of(output: Path) -> Counter[str]:
    """How many commits each step has."""
    found = output.rglob(COMMIT_FILE)
    return Counter(path.parent.relative_to(path.parents[2]).as_posix() for path in found)


def attempts_of(output: Path) -> list[str]:
    """Names of all attempts that were recorded."""
    found = output.rglob(CONFIG_FILE)
    return sorted(StageConfig.from_json(path.read_bytes()).name for path in found)


def lasting(status: dict[str, Any]) -> dict[str, Any]:
    """What a status keeps whatever happened on the way."""
    keys = ("labelCounters", "labeledFraction", "certificate", "cost", "annotation", "startTime")
    kept = {key: status.get(key) for key in keys}
    step = status.get("step") or {}
    kept["step"] = {key: step.get(key) for key in ("round", "stage", "pass", "attempt")}
    kept["failures"] = (step.get("failures", 0), step.get("infrastructureFailures", 0))
    rounds = status.get("recentRounds", [])
    kept["rounds"] = [{k: v for k, v in entry.items() if k != "seconds"} for entry in rounds]
    kept["conditions"] = {
        condition["type"]: (condition["status"], condition["reason"])
        for condition in status.get("conditions", [])
    }
    return kept

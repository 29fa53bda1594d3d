"""A case of a rule: a change to a full object that is accepted and one that is refused."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

REMOVED = object()
Changes = dict[str, Any]

FULL_JOB: dict[str, Any] = {
    "apiVersion": "surelabel.dev/v1alpha1",
    "kind": "LabelingJob",
    "metadata": {"name": "birds", "namespace": "default"},
    "spec": {
        "suspend": False,
        "taskType": "ImageClassification",
        "labels": [{"name": "Falcon"}, {"name": "Heron"}],
        "labelAttributeName": "birds",
        "seed": 7,
        "input": {"manifest": "s3://bucket/in.manifest"},
        "output": {"uri": "s3://bucket/out", "layout": "GroundTruth", "takeOver": "1a2b"},
        "storage": {
            "secretName": "s3-credentials",
            "caSecretName": "s3-ca",
            "endpoint": "https://s3.example",
            "region": "eu-central-1",
            "serverSideEncryption": {"type": "aws:kms", "keyID": "key"},
        },
        "workforce": {
            "workTeam": "bird-watchers",
            "annotatorsPerItem": 3,
            "maxAnnotatorsPerItem": 9,
            "maxOpenItems": 1000,
            "pricePerAnnotation": {"amount": "0.012", "currency": "USD"},
        },
        "consolidation": {"method": "Auto"},
        "autoLabeling": {
            "targetErrorPermille": 50,
            "riskPermille": 50,
            "encoder": {"name": "Builtin"},
            "model": {
                "name": "RandomForestClassifier",
                "parameters": [{"name": "n_estimators", "value": "200"}],
            },
            "initialModelURI": "s3://bucket/earlier/model/model.skops",
            "seedItems": 200,
            "itemsPerRound": 200,
            "repairPercent": 10,
        },
        "stopping": {
            "maxRounds": 20,
            "maxHumanLabeledItems": 5000,
            "maxLabeledPercent": 100,
            "maxCost": {"amount": "500.00", "currency": "USD"},
            "patienceRounds": 3,
            "remainder": "People",
            "stopNow": False,
        },
        "compute": {
            "ray": {"address": {"name": "shared"}},
            "stages": [
                {
                    "name": "train",
                    "numCPUs": 4,
                    "numGPUs": 1,
                    "memoryMiB": 8192,
                    "timeoutSeconds": 7200,
                    "maxAttempts": 3,
                }
            ],
        },
        "activeDeadlineSeconds": 2592000,
        "ttlSecondsAfterFinished": 86400,
    },
}

# The other ways to Ray, each in place of FULL_JOB's.
FULL_RAY: dict[str, dict[str, Any]] = {
    "cluster": {
        "scope": "Job",
        "idleSeconds": 600,
        "queueName": "team",
        "template": {
            "image": "surelabel/workloads:1",
            "rayVersion": "2.60.0",
            "head": {
                "cpuMillis": 1000,
                "memoryMiB": 2048,
                "numGPUs": 1,
                "nodeSelector": [{"key": "pool", "value": "gpu"}],
                "tolerations": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
            },
            "workers": [
                {
                    "name": "small",
                    "replicas": 2,
                    "cpuMillis": 1000,
                    "memoryMiB": 2048,
                    "numGPUs": 1,
                    "nodeSelector": [{"key": "pool", "value": "gpu"}],
                    "tolerations": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
                }
            ],
            "serviceAccountName": "stages",
            "priorityClassName": "batch",
            "labels": [{"key": "team", "value": "birds"}],
            "env": [{"name": "MODE", "value": "fast"}],
            "envFrom": [{"secretName": "keys"}],
            "volumeClaims": [{"claimName": "scratch", "mountPath": "/data", "readOnly": False}],
        },
    },
    "selector": {"name": "shared"},
}


# What makes FULL_JOB one whose people correct the labels of an earlier job.
CORRECTING: Changes = {
    "spec.taskType": "LabelAdjustment",
    "spec.autoLabeling": REMOVED,
    "spec.input.auditLabelAttributeName": "rough",
}


# What makes FULL_JOB one with the models of its task type alone.
OWN_MODEL: Changes = {
    "spec.autoLabeling.model": REMOVED,
    "spec.autoLabeling.initialModelURI": REMOVED,
}


def way_to_ray(path: str) -> Changes:
    """What makes FULL_JOB have the part of ``compute.ray`` in which ``path`` lies."""
    for way, value in FULL_RAY.items():
        if path.startswith(f"spec.compute.ray.{way}"):
            return {"spec.compute.ray": {way: value}}
    return {}


FULL_TEAM: dict[str, Any] = {
    "apiVersion": "surelabel.dev/v1alpha1",
    "kind": "WorkTeam",
    "metadata": {"name": "bird-watchers", "namespace": "default"},
    "spec": {
        "simulated": {
            "annotators": [{"name": "ada", "accuracyPermille": 950}],
            "truthURI": "s3://bucket/truth.jsonl",
            "meanSeconds": 10,
            "seed": 0,
        }
    },
}

FULL = {"LabelingJob": FULL_JOB, "WorkTeam": FULL_TEAM}


@dataclass(frozen=True)
class Case:
    """One rule. Changes are by path; ``refusals`` is all that the API server says to ``bad``."""

    name: str
    kind: str
    rule: str
    good: Changes
    bad: Changes
    refusals: frozenset[str]
    # With an update, both changes are made to an object that exists, with this status.
    update: bool = False
    first: Changes = field(default_factory=dict)
    status: dict[str, Any] | None = None

    def object(self, changes: Changes) -> dict[str, Any]:
        """The full object with the case's first changes and these."""
        return changed(FULL[self.kind], {**self.first, **changes})


def changed(obj: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """A copy of the object with other values at these paths (``spec.labels.0.name``)."""
    found = copy.deepcopy(obj)
    for path, value in changes.items():
        *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        target: Any = found
        for part in above:
            target = target[part] if isinstance(part, int) else target.setdefault(part, {})
        if value is REMOVED:
            target.pop(last, None)
        else:
            target[last] = copy.deepcopy(value)
    return found


def rule_key(path: str, message: str) -> str:
    """How a CEL rule is named in the table: where it stands, and its message."""
    return f"{path or 'object'}: {message}"

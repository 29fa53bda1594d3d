"""Pure builders of the objects that the operator creates: RayJobs and RayClusters of KubeRay.

Facts about KubeRay 1.5.1, read in its source: ``clusterSelector`` is the name of a RayCluster of
the namespace; ``suspend`` and ``ttlSecondsAfterFinished`` do not go with it; ``backoffLimit``
above 0 would make attempts that nobody counts; ``activeDeadlineSeconds`` leaves the Ray job of a
shared cluster running.
"""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from typing import Any

from surelabel_contract.stages import JobRef
from surelabel_contract.steps import child_base
from surelabel_contract.store_client import CREDENTIALS_VARIABLE
from surelabel_operator.backends import STORAGE_VARIABLE, Submission
from surelabel_operator.child_trust import ChildTarget
from surelabel_operator.resources import API_GROUP, API_VERSION, PodResources

RAY_GROUP, RAY_VERSION = "ray.io", "v1"
RAY_API_VERSION = f"{RAY_GROUP}/{RAY_VERSION}"
MANAGED_BY = "surelabel"
INSTALLATION_LABEL = f"{API_GROUP}/installation"
JOB_LABEL = f"{API_GROUP}/job"
UID_LABEL = f"{API_GROUP}/job-uid"
TEMPLATE_ANNOTATION = f"{API_GROUP}/template"
_CREDENTIALS_FOLDER = "/var/run/surelabel/storage"
_QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
# As in the workloads image.
_USER = 1000


def build_ray_job(
    submission: Submission, target: ChildTarget, cluster: str | None
) -> dict[str, Any]:
    """The RayJob of an attempt; ``cluster``: the RayCluster it runs on, None: one of its own."""
    job, step = submission.job, submission.step
    labels = _labels(job) | {
        f"{API_GROUP}/round": str(step.round),
        f"{API_GROUP}/stage": step.stage.value,
        f"{API_GROUP}/pass": str(step.pass_),
        f"{API_GROUP}/attempt": str(submission.attempt),
    }
    spec: dict[str, Any] = {
        "jobId": submission.name,
        "submissionMode": "HTTPMode",
        "backoffLimit": 0,
        # KubeRay hands it to a shell, and the URI has parts that a user chose.
        "entrypoint": f"python -m surelabel.stages {shlex.quote(submission.config_uri)}",
        "entrypointNumCpus": submission.resources.num_cpus,
        "entrypointNumGpus": submission.resources.num_gpus,
        # JSON is YAML, without a second way to quote.
        "runtimeEnvYAML": json.dumps(
            {"env_vars": {STORAGE_VARIABLE: submission.storage.to_json().decode()}}
        ),
        "metadata": {"installation": job.installation, "uid": job.uid, "step": step.key},
    }
    if cluster is not None:
        spec["clusterSelector"] = {"ray.io/cluster": cluster}
    else:
        spec["rayClusterSpec"] = _of_job(build_cluster_spec(target), job)
        spec["shutdownAfterJobFinishes"] = True
        spec["ttlSecondsAfterFinished"] = 0
        if target.cluster is not None and target.cluster.queue_name is not None:
            labels[_QUEUE_LABEL] = target.cluster.queue_name
            # Kueue lets it go; it is never set again.
            spec["suspend"] = True
    metadata = _metadata(submission.name, job, labels)
    if cluster is None:
        metadata["annotations"] = {TEMPLATE_ANNOTATION: template_digest(target)}
    return {
        "apiVersion": RAY_API_VERSION,
        "kind": "RayJob",
        "metadata": metadata,
        "spec": spec,
    }


def build_ray_cluster(name: str, job: JobRef, target: ChildTarget) -> dict[str, Any]:
    """The RayCluster of a LabelingJob (scope Job)."""
    labels, spec = _labels(job), _of_job(build_cluster_spec(target), job)
    if target.cluster is not None and target.cluster.queue_name is not None:
        labels[_QUEUE_LABEL] = target.cluster.queue_name
        spec["suspend"] = True
    metadata = _metadata(name, job, labels)
    metadata["annotations"] = {TEMPLATE_ANNOTATION: template_digest(target)}
    return {
        "apiVersion": RAY_API_VERSION,
        "kind": "RayCluster",
        "metadata": metadata,
        "spec": spec,
    }


def cluster_name(job: JobRef, incarnation: int) -> str:
    """Name of the RayCluster of a LabelingJob; each incarnation has its own."""
    return f"{child_base(job.name, job.uid)}-c{incarnation}"


def template_digest(target: ChildTarget) -> str:
    """Changes when the pods of a new cluster would differ."""
    text = json.dumps(build_cluster_spec(target), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_cluster_spec(target: ChildTarget) -> dict[str, Any]:
    """KubeRay's ``rayClusterSpec``; its token and Ray's version always stand in it."""
    if target.cluster is None:
        raise ValueError("a selector has no template")
    template = target.cluster.template
    return {
        "rayVersion": target.ray_version,
        "authOptions": {"mode": "token"},
        "headGroupSpec": {
            "rayStartParams": {
                "dashboard-host": "0.0.0.0",  # noqa: S104 - KubeRay and the workers come from outside.
                # One more than there are: the stage's driver mostly waits for its tasks, and on a
                # head alone with one CPU the two would wait for each other for ever.
                "num-cpus": str(math.ceil(template.head.cpu_millis / 1_000) + 1),
            },
            "template": _pod(target, template.head),
        },
        "workerGroupSpecs": [
            {
                "groupName": group.name,
                "replicas": group.replicas,
                "minReplicas": group.replicas,
                "maxReplicas": group.replicas,
                "rayStartParams": {"num-cpus": str(max(1, group.cpu_millis // 1_000))},
                "template": _pod(target, group),
            }
            for group in template.workers
        ],
    }


def _of_job(spec: dict[str, Any], job: JobRef) -> dict[str, Any]:
    """The same with the job's name on its pods, by which people find them.

    KubeRay copies no label of a RayCluster to its pods. It is no part of the digest: the pods of a
    running job need not be made anew for it.
    """
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        group["template"]["metadata"]["labels"][JOB_LABEL] = job.name
    return spec


def _pod(target: ChildTarget, resources: PodResources) -> dict[str, Any]:
    if target.cluster is None:
        raise ValueError("a selector has no template")
    template = target.cluster.template
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - a volume.
    env = [{"name": entry.name, "value": entry.value} for entry in template.env]
    if target.storage_secret is not None:
        volumes.append({"name": "storage", "secret": {"secretName": target.storage_secret}})
        mounts.append({"name": "storage", "mountPath": _CREDENTIALS_FOLDER, "readOnly": True})
        # Files, not variables: kubelet writes them anew when the Secret changes.
        env.append({"name": CREDENTIALS_VARIABLE, "value": _CREDENTIALS_FOLDER})
    for number, claim in enumerate(template.volume_claims):
        name = f"claim-{number}"
        source = {"claimName": claim.claim_name, "readOnly": claim.read_only}
        volumes.append({"name": name, "persistentVolumeClaim": source})
        mounts.append({"name": name, "mountPath": claim.mount_path, "readOnly": claim.read_only})
    spec: dict[str, Any] = {
        "serviceAccountName": target.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "ray",
                "image": target.image,
                "env": env,
                "envFrom": [{"secretRef": {"name": e.secret_name}} for e in template.env_from],
                "resources": _resources(resources),
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
        "nodeSelector": {entry.key: entry.value for entry in resources.node_selector},
        "tolerations": [
            {"operator": "Exists" if t.value is None else "Equal", **t.to_dict()}
            for t in resources.tolerations
        ],
    }
    if template.priority_class_name is not None:
        spec["priorityClassName"] = template.priority_class_name
    labels = {entry.key: entry.value for entry in template.labels}
    return {"metadata": {"labels": labels}, "spec": spec}


def _resources(resources: PodResources) -> dict[str, Any]:
    requests = {"cpu": f"{resources.cpu_millis}m", "memory": f"{resources.memory_mib}Mi"}
    # Ray counts on its memory; a CPU that nobody else wants may be used.
    limits = {"memory": requests["memory"]}
    if resources.num_gpus:
        limits["nvidia.com/gpu"] = str(resources.num_gpus)
    return {"requests": requests, "limits": limits}


def _labels(job: JobRef) -> dict[str, str]:
    return {
        "app.kubernetes.io/managed-by": MANAGED_BY,
        INSTALLATION_LABEL: job.installation,
        JOB_LABEL: job.name,
        UID_LABEL: job.uid,
    }


def _metadata(name: str, job: JobRef, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": job.namespace,
        "labels": labels,
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": "LabelingJob",
                "name": job.name,
                "uid": job.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }

"""Ray clusters that KubeRay runs: what a LabelingJob may say of them.

A typed subset of KubeRay's own template: what is missing here the operator sets itself, so that
no pod of a stage can have more rights than its namespace means to give.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from surelabel_operator.resources.base import Part, map_list, rule, rules
from surelabel_operator.resources.storage import SECRET_NAME_RULE

# KubeRay refuses token mode, which all clusters of ours have, for older ones.
RAY_VERSION_PATTERN = (
    "^(2[.](5[2-9]|[6-9][0-9]|[1-9][0-9][0-9]+)|([3-9]|[1-9][0-9]+)[.][0-9]+)[.][0-9]+$"
)
RAY_VERSION_RULE = "must be 2.52.0 or newer, such as 2.60.0, since Ray's token is used"


def is_ray_version(version: str) -> bool:
    """Whether clusters of ours may have this version of Ray."""
    return re.fullmatch(RAY_VERSION_PATTERN, version) is not None


_LABEL_MAX = 63
_NAME_RULE = rule(
    "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')", "must have a-z, 0-9 and '-' only"
)
# A prefix of a domain, a slash, a name: what Kubernetes takes as key of a label.
_KEY_RULE = rule(
    "self.matches('^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$')",
    "must be the key of a label, such as pool or example.com/pool",
)
_VALUE_RULE = rule(
    "self == '' || self.matches('^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$')",
    "must be the value of a label: letters, digits, '-', '_', '.'",
)
_VARIABLE_RULE = rule(
    "self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",
    "must be the name of a variable: letters, digits, '_'",
)
# What the operator and KubeRay set: another value would let stages work elsewhere.
_OWN_VARIABLES = rule(
    "!self.matches('^(RAY_|SURELABEL_)')", "must not begin with RAY_ or SURELABEL_, which are set"
)
_PATH_RULE = rule(
    "self.matches('^/[^:]*$') && !self.matches('(^|/)[.][.](/|$)')",
    "must be an absolute path without ':' and '..'",
)


class KeyValue(Part):
    """A key of a label and its value."""

    key: str = Field(max_length=317, description="The key.", json_schema_extra=rules(_KEY_RULE))
    value: str = Field(
        default="",
        max_length=_LABEL_MAX,
        description="The value.",
        json_schema_extra=rules(_VALUE_RULE),
    )


class Toleration(Part):
    """A taint that pods tolerate."""

    key: str = Field(
        max_length=317,
        description="The key of the taint.",
        json_schema_extra=rules(_KEY_RULE),
    )
    value: str | None = Field(
        default=None,
        max_length=_LABEL_MAX,
        description="The value of the taint; without it every value is tolerated.",
        json_schema_extra=rules(_VALUE_RULE),
    )
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="The effect of the taint; without it every effect is tolerated."
    )


class PodResources(Part):
    """What one pod gets, requested and at most."""

    cpu_millis: int = Field(
        default=1_000, ge=100, le=1_024_000, description="Thousandths of a CPU."
    )
    memory_mib: int = Field(
        default=2_048, ge=512, le=16_777_216, description="Memory in MiB, also the limit."
    )
    num_gpus: int = Field(default=0, ge=0, le=64, description="GPUs (nvidia.com/gpu).")
    node_selector: list[KeyValue] = Field(
        default=[],
        max_length=16,
        description="Labels that the pod's node must have.",
        json_schema_extra=map_list("key"),
    )
    tolerations: list[Toleration] = Field(
        default=[],
        max_length=16,
        description="Taints that the pod tolerates.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class WorkerGroup(PodResources):
    """Pods of one kind beside the head."""

    name: str = Field(
        max_length=20,
        description="Name of the group.",
        json_schema_extra=rules(_NAME_RULE),
    )
    replicas: int = Field(default=1, ge=0, le=1_000, description="How many pods.")


class EnvironmentVariable(Part):
    """A variable with a literal value; what is secret comes by envFrom."""

    name: str = Field(
        max_length=128,
        description="The variable.",
        json_schema_extra=rules(_VARIABLE_RULE, _OWN_VARIABLES),
    )
    value: str = Field(default="", max_length=4_096, description="Its value.")


class EnvironmentSecret(Part):
    """A Secret whose keys become variables."""

    secret_name: str = Field(
        max_length=253,
        description="A Secret of this namespace, labelled surelabel.dev/allow-use: env.",
        json_schema_extra=rules(SECRET_NAME_RULE),
    )


class VolumeClaim(Part):
    """A PersistentVolumeClaim in the pods' file system."""

    claim_name: str = Field(
        max_length=253,
        description="A PersistentVolumeClaim of this namespace.",
        json_schema_extra=rules(_NAME_RULE),
    )
    mount_path: str = Field(
        max_length=256,
        description="Where it appears.",
        json_schema_extra=rules(_PATH_RULE),
    )
    read_only: bool = Field(default=True, description="Whether it may only be read.")


class ClusterTemplate(Part):
    """The pods of a Ray cluster of the job's own."""

    image: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="Image of the pods, which has this version of Surelabel's workloads; must "
        "begin with a prefix that the operator's settings list. Default: the settings' image.",
    )
    ray_version: str | None = Field(
        default=None,
        max_length=32,
        description="Version of Ray in the image. Default: the settings'.",
        json_schema_extra=rules(rule(f"self.matches('{RAY_VERSION_PATTERN}')", RAY_VERSION_RULE)),
    )
    head: PodResources = Field(
        default=PodResources(), description="The pod in which the stages' drivers run."
    )
    workers: list[WorkerGroup] = Field(
        default=[],
        max_length=8,
        description="Pods beside the head.",
        json_schema_extra=map_list("name"),
    )
    service_account_name: str | None = Field(
        default=None,
        max_length=63,
        description="ServiceAccount of the pods; must be listed in the operator's settings. "
        "Default: surelabel-stage. Its token is not mounted; its imagePullSecrets count.",
        json_schema_extra=rules(_NAME_RULE),
    )
    priority_class_name: str | None = Field(
        default=None,
        max_length=63,
        description="PriorityClass of the pods; must be listed in the operator's settings.",
        json_schema_extra=rules(_NAME_RULE),
    )
    labels: list[KeyValue] = Field(
        default=[],
        max_length=16,
        description="Further labels of the pods.",
        json_schema_extra=map_list("key"),
    )
    env: list[EnvironmentVariable] = Field(
        default=[],
        max_length=64,
        description="Variables of the pods.",
        json_schema_extra=map_list("name"),
    )
    env_from: list[EnvironmentSecret] = Field(
        default=[],
        max_length=8,
        description="Secrets whose keys become variables of the pods.",
        json_schema_extra=map_list("secretName"),
    )
    volume_claims: list[VolumeClaim] = Field(
        default=[],
        max_length=8,
        description="PersistentVolumeClaims in the pods' file system.",
        json_schema_extra=map_list("mountPath"),
    )


class KubeRayCluster(Part):
    """A Ray cluster that the operator asks KubeRay for."""

    scope: Literal["Job", "Stage"] = Field(
        default="Job",
        description="Job: one for the LabelingJob, kept through its rounds. Stage: a new one for "
        "every stage.",
    )
    idle_seconds: int = Field(
        default=600,
        ge=0,
        le=604_800,
        description="With scope Job: the cluster is let go when nothing has run on it for this "
        "time, for example while people work; the next stage gets a new one.",
    )
    queue_name: str | None = Field(
        default=None,
        max_length=63,
        description="Kueue's queue: the RayJob (Stage) or the RayCluster (Job) begins suspended "
        "and carries the label kueue.x-k8s.io/queue-name.",
        json_schema_extra=rules(_NAME_RULE),
    )
    template: ClusterTemplate = Field(
        default=ClusterTemplate(), description="Its pods. A change counts from the next cluster."
    )


class RaySelector(Part):
    """A RayCluster of this namespace that is there already."""

    name: str = Field(
        max_length=53,
        description="Name of the RayCluster.",
        json_schema_extra=rules(
            rule(
                "self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                "must be the name of a RayCluster: a-z, 0-9, '-'",
            )
        ),
    )

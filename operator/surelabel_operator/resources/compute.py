"""Where the stages of a LabelingJob run, and what they may use."""

from __future__ import annotations

from pydantic import Field

from surelabel_contract.steps import Stage
from surelabel_operator.resources.base import Part, map_list, rule, rules
from surelabel_operator.resources.kube_ray import KubeRayCluster, RaySelector


class RayAddress(Part):
    """A Ray cluster that is reached by its Jobs API."""

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        description="Name of a Ray cluster in the operator's settings.",
    )
    url: str | None = Field(
        default=None,
        max_length=512,
        description="URL of a Jobs API: http(s)://<service>.<this namespace>.svc[:port], or one "
        "that the operator's settings list.",
        json_schema_extra=rules(
            rule(
                "self.matches('^https?://[^/?#@]+/?$')",
                "must be http(s)://host[:port], without path, user or query",
            )
        ),
    )

    model_config = {
        "json_schema_extra": rules(
            rule("has(self.name) != has(self.url)", "needs exactly one of name and url")
        )
    }


_WAYS = ("address", "cluster", "selector")


class Ray(Part):
    """Which Ray runs the stages; exactly one way to it, whose kind is immutable."""

    address: RayAddress | None = Field(
        default=None, description="A Ray cluster that is there already, by its Jobs API."
    )
    cluster: KubeRayCluster | None = Field(
        default=None, description="A Ray cluster of the job's own, run by KubeRay."
    )
    selector: RaySelector | None = Field(
        default=None, description="A RayCluster of this namespace, through KubeRay's RayJobs."
    )

    model_config = {
        "json_schema_extra": rules(
            rule(
                f"[{', '.join(f'has(self.{way})' for way in _WAYS)}].exists_one(x, x)",
                f"needs exactly one of: {', '.join(_WAYS)}",
            ),
            rule(
                " && ".join(f"has(self.{way}) == has(oldSelf.{way})" for way in _WAYS),
                f"the way to Ray ({', '.join(_WAYS)}) is immutable; create another LabelingJob "
                "instead",
            ),
        )
    }


class StageCompute(Part):
    """What the attempts of one stage may use; a change counts from the next attempt."""

    name: Stage = Field(description="The stage.")
    num_cpus: int = Field(default=1, ge=0, le=1_024, description="CPUs of the stage's driver.")
    num_gpus: int = Field(default=0, ge=0, le=64, description="GPUs of the stage's driver.")
    memory_mib: int | None = Field(
        default=None,
        ge=64,
        le=16_777_216,
        description="Memory of the stage's driver in MiB, reserved on a cluster that is reached by "
        "address. A RayJob cannot reserve memory: with cluster and selector the pods' memoryMiB "
        "counts alone.",
    )
    timeout_seconds: int = Field(
        default=7_200,
        ge=1,
        le=2_592_000,
        description="An attempt that runs longer is stopped and has failed. Does not count while "
        "people annotate.",
    )
    max_attempts: int = Field(
        default=3, ge=1, le=20, description="Attempts before the job waits for a person."
    )


class Compute(Part):
    """Where the stages run."""

    ray: Ray = Field(description="Which Ray runs the stages.")
    stages: list[StageCompute] = Field(
        default=[],
        max_length=len(Stage),
        description="Resources and limits of single stages; others have the defaults.",
        json_schema_extra=map_list("name"),
    )

    def stage(self, stage: Stage) -> StageCompute:
        """What this stage may use: its entry, else the defaults."""
        return next((s for s in self.stages if s.name == stage), StageCompute(name=stage))

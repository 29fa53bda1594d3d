"""Specs, reports and looks for tests of the operator's pure part; each shows what matters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from surelabel_contract.keys import StateKeys
from surelabel_contract.stages import (
    AnnotateCounters,
    JobRef,
    LabelCounters,
    NextFacts,
    ObjectRef,
    Progressed,
    SimulatedAnnotator,
    SimulatedWorkforce,
    StageConfig,
    StageReport,
    StorageAccess,
    Validation,
)
from surelabel_contract.steps import Stage, Step, step_name
from surelabel_operator.configs import first_config
from surelabel_operator.evidence import Evidence
from surelabel_operator.observed import (
    Attempt,
    AttemptState,
    Observed,
    Owner,
    OwnerState,
    TeamFacts,
)
from surelabel_operator.resources import (
    Condition,
    JobStatus,
    LabelingJobSpec,
    StepStatus,
)

UID = "0b7d3a5e-1111-2222-3333-444455556666"
JOB = JobRef(namespace="vision", name="birds", uid=UID, installation="here")
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
FOLDER = "s3://bucket/out/birds"
PEOPLE = SimulatedWorkforce(
    annotators=tuple(
        SimulatedAnnotator(name=name, accuracy_permille=900) for name in ("ada", "bob", "eve")
    ),
    truth_uri="s3://bucket/truth.jsonl",
)


def spec_of(**changes: Any) -> LabelingJobSpec:
    """A spec with models; a change is the top-level YAML key and its value."""
    body: dict[str, Any] = {
        "taskType": "ImageClassification",
        "labels": [{"name": "Falcon"}, {"name": "Heron"}],
        "input": {"manifest": "s3://bucket/in.manifest"},
        "output": {"uri": "s3://bucket/out"},
        "workforce": {
            "workTeam": "watchers",
            "pricePerAnnotation": {"amount": "0.012", "currency": "USD"},
        },
        "autoLabeling": {},
        "compute": {"ray": {"address": {"name": "shared"}}},
    }
    body.update(changes)
    return LabelingJobSpec.model_validate({k: v for k, v in body.items() if v is not None})


def step(code: str, round_: int = 1, pass_: int = 1) -> Step:
    return Step(round=round_, stage=Stage.from_code(code), pass_=pass_)


def ref(key: str, size: int = 1) -> ObjectRef:
    return ObjectRef(key=key, size=size, sha256=f"sha of {key}")


def carry(**roles: str) -> dict[str, ObjectRef]:
    """What every report carries, and more roles by key."""
    base = {"index": "index", "tasks": "tasks", "remainder": "remainder"}
    return {role: ref(key) for role, key in {**base, **roles}.items()}


def counters(total: int = 100, human: int = 0, machine: int = 0, failed: int = 0) -> LabelCounters:
    return LabelCounters(
        total=total,
        total_labeled=human + machine,
        human_labeled=human,
        machine_labeled=machine,
        failed_non_retryable_error=failed,
        unlabeled=total - human - machine - failed,
    )


def report_of(
    done: Step,
    facts: NextFacts | None = None,
    progressed: Progressed | None = None,
    attempt: int = 1,
    seconds: float = 2.0,
    validation: Validation | None = None,
    **changes: Any,
) -> StageReport:
    annotate = AnnotateCounters(answers=1) if done.stage is Stage.ANNOTATE else None
    values: dict[str, Any] = {
        "job": JOB,
        "step": done,
        "attempt": attempt,
        "name": step_name(JOB.name, UID, done, attempt),
        "generation": 1,
        "config_digest": "0" * 16,
        "seed": 7,
        "carry": carry(),
        "progressed": progressed or Progressed(counters=counters()),
        "next": facts or NextFacts(),
        "annotate": annotate,
        "validation": validation,
        "seconds": {"total": seconds, "fit": seconds},
        **changes,
    }
    return StageReport(**values)


def observed_of(**changes: Any) -> Observed:
    """A look at a healthy world in which nothing runs."""
    look = Observed(
        job=JOB,
        generation=1,
        monotonic=1_000.0,
        evidence=Evidence(),
        folder_uri=FOLDER,
        manifest_uri="s3://bucket/in.manifest",
        label_attribute="birds",
        storage_access=StorageAccess(prefixes=("s3://bucket",)),
        data_time=NOW,
        team=TeamFacts(PEOPLE, 3),
        owner=Owner(OwnerState.OURS, UID, StateKeys.of(UID).root, NOW),
    )
    return replace(look, **changes)


def config_of(done: Step, attempt: int = 1, **changes: Any) -> StageConfig:
    first = first_config(spec_of(), observed_of())
    values = {
        "step": done,
        "attempt": attempt,
        "name": step_name(JOB.name, UID, done, attempt),
        "inputs": carry(),
        "previous": Progressed(counters=counters(human=10)),
        "seed": 7,
        **changes,
    }
    return first.model_copy(update=values)


def status_at(
    at: Step | None,
    attempt: int = 1,
    submitted: bool = True,
    conditions: list[Condition] | None = None,
    **changes: Any,
) -> JobStatus:
    """A status whose step was recorded a minute ago, and submitted half a minute ago."""
    if at is None:
        return JobStatus(conditions=conditions or [])
    values = {
        "round": at.round,
        "stage": at.stage,
        "pass_": at.pass_,
        "attempt": attempt,
        "generation": 1,
        "name": step_name(JOB.name, UID, at, attempt),
        "recorded_time": NOW - timedelta(minutes=1),
        "submitted_time": NOW - timedelta(seconds=30) if submitted else None,
        **changes,
    }
    return JobStatus(observed_generation=1, step=StepStatus(**values), conditions=conditions or [])


def condition(type_: str, status: Any, reason: str = "Because", generation: int = 1) -> Condition:
    return Condition(
        type=type_,
        status=status,
        reason=reason,
        message="as it was",
        observed_generation=generation,
        last_transition_time=NOW - timedelta(minutes=5),
    )


def attempt_of(
    at: Step, state: AttemptState = AttemptState.RUNNING, attempt: int = 1, **changes: Any
) -> Attempt:
    values = {"started": NOW - timedelta(seconds=20), **changes}
    return Attempt(step_name(JOB.name, UID, at, attempt), at, attempt, state, **values)

"""One look at a job as the rows of decide's table read it: spec, status, facts, time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from surelabel_contract.stages import StageReport
from surelabel_contract.steps import Stage
from surelabel_operator.active_time import active_since, active_time
from surelabel_operator.observed import Attempt, Observed
from surelabel_operator.resources import JobStatus, LabelingJobSpec, StepStatus


@dataclass(frozen=True)
class Situation:
    """What decide was given, with the few questions that several rows ask of it."""

    spec: LabelingJobSpec
    status: JobStatus
    observed: Observed
    now: datetime

    @property
    def step(self) -> StepStatus | None:
        """The recorded step."""
        return self.status.step

    @property
    def stage(self) -> Stage | None:
        """The recorded step's stage."""
        return None if self.step is None else self.step.stage

    @property
    def attempt(self) -> Attempt | None:
        """The recorded attempt as its backend knows it."""
        return None if self.step is None else self.observed.attempt(self.step.name)

    @property
    def report(self) -> StageReport | None:
        """The recorded step's report, if it is committed and everything it names is there."""
        commit = self.observed.commit
        return None if commit is None or commit.faults else commit.report

    @property
    def is_finished(self) -> bool:
        """Whether Succeeded is True or False."""
        succeeded = self.status.condition("Succeeded")
        return succeeded is not None and succeeded.status != "Unknown"

    @property
    def is_unknown(self) -> bool:
        """Whether what runs cannot be known now."""
        return self.observed.backend is not None

    @property
    def is_resuming(self) -> bool:
        """Whether an attempt was started that a suspension has stopped, or is stopping."""
        return not self.spec.suspend and was_suspended(self.status)


def was_suspended(status: JobStatus) -> bool:
    """Whether the step has an attempt that was started before a suspension, not yet replaced."""
    suspended = status.condition("Suspended")
    return (
        status.step is not None
        and status.step.submitted_time is not None
        and suspended is not None
        and suspended.status != "False"
    )


def timeout_of(spec: LabelingJobSpec, stage: Stage) -> timedelta | None:
    """How long an attempt of the stage may run; people may take as long as they like."""
    if stage is Stage.ANNOTATE:
        return None
    return timedelta(seconds=spec.compute.stage(stage).timeout_seconds)


def overdue_at(situation: Situation) -> datetime | None:
    """When the recorded attempt has run for its timeout; None: it does not run, or has none."""
    step, attempt = situation.step, situation.attempt
    if step is None or attempt is None:
        return None
    timeout = timeout_of(situation.spec, step.stage)
    started = attempt.started or step.submitted_time
    return None if timeout is None or started is None else started + timeout


def deadline_at(situation: Situation) -> datetime | None:
    """When the active time reaches the deadline; None: no deadline, or the clock stands still."""
    seconds, step = situation.spec.active_deadline_seconds, situation.step
    if seconds is None or step is None or step.stage is Stage.EXPORT:
        return None
    if active_since(situation.status) is None:
        return None
    left = timedelta(seconds=seconds) - active_time(situation.status, situation.now)
    return situation.now + left


def idle_at(situation: Situation) -> datetime | None:
    """When the job's RayCluster has been without work for idleSeconds; None: it is at work."""
    cluster = situation.spec.compute.ray.cluster
    running = situation.status.condition("RoundRunning")
    if cluster is None or cluster.scope != "Job" or situation.is_unknown:
        return None
    if situation.observed.running or running is None or running.status != "False":
        return None
    return running.last_transition_time + timedelta(seconds=cluster.idle_seconds)

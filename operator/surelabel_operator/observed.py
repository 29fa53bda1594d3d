"""What one look at the world found: plain frozen facts, gathered by observe, judged by decide.

Nothing here asks the world anything, and nothing here knows a policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from surelabel_contract.people import Progress
from surelabel_contract.stages import (
    JobRef,
    SimulatedWorkforce,
    StageConfig,
    StageFailure,
    StageReport,
    StorageAccess,
)
from surelabel_contract.steps import Step
from surelabel_operator.evidence import Evidence

# What an Event has room for.
MESSAGE_MAX = 1_000


class AttemptState(StrEnum):
    """What a backend says of an attempt. Unknown to the backend: there is no Attempt at all."""

    # Accepted, waits for room (Ray's PENDING, a queue); no timeout counts.
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


class FailureClass(StrEnum):
    """Who is at fault when an attempt fails, and so what a retry costs."""

    APPLICATION = "application"
    INFRASTRUCTURE = "infrastructure"
    CONFIGURATION = "configuration"


@dataclass(frozen=True)
class Problem:
    """A reason from reasons.py and a message for people: field, rule, value, next step."""

    reason: str
    message: str


@dataclass(frozen=True)
class Attempt:
    """One attempt as its backend or workforce knows it."""

    name: str
    step: Step
    attempt: int
    state: AttemptState
    # False: something else has this name; its metadata is not our installation and full uid.
    ours: bool = True
    # Set with FAILED; what the backend can tell (a draft in the store may know better).
    failure: FailureClass | None = None
    message: str = ""
    started: datetime | None = None
    # A Kubernetes object that users look at after the end: kept until the TTL.
    is_child: bool = False
    # More exact than the failure's class, where the backend knows: OutOfMemory, Evicted, ...
    reason: str | None = None
    # Why it does not start, once it should have.
    waits: Problem | None = None
    # Why it will not end well, however long it runs or waits: stop it.
    broken: Problem | None = None
    # The RayCluster of the job's own on which it runs.
    cluster: str | None = None

    @property
    def runs(self) -> bool:
        """Whether it holds, or will hold, any compute."""
        return self.state in (AttemptState.PENDING, AttemptState.RUNNING)


class OwnerState(StrEnum):
    """Whose OWNER.json lies in the output folder."""

    OURS = "ours"
    ABSENT = "absent"
    OTHER = "other"
    # Another uid's that spec.output.takeOver names, and everything that must be equal is.
    TAKEABLE = "takeable"


@dataclass(frozen=True)
class Owner:
    """OWNER.json, as far as it matters."""

    state: OwnerState
    uid: str | None = None
    # Root of the state that is in use: ours, or a predecessor's after a take-over.
    state_root: str | None = None
    # startTime of the job, written once with the claim.
    start_time: datetime | None = None
    finished: bool = False
    # Why takeOver is refused, when spec.output.takeOver is set and the state is OTHER.
    refusal: str | None = None


@dataclass(frozen=True)
class Commit:
    """The commit of the current step."""

    report: StageReport
    # One line for each output that is missing or of another size, naming the key.
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rebuilt:
    """What the store holds of a job whose status has no step."""

    # Every COMMITTED.json of the job's state, in any order.
    reports: tuple[StageReport, ...] = ()
    # The STAGE.json of the highest attempt of every step without a commit.
    recorded: tuple[StageConfig, ...] = ()


@dataclass(frozen=True)
class TeamFacts:
    """The WorkTeam, checked; None in Observed while ``references`` names why there is none."""

    simulated: SimulatedWorkforce | None
    active_members: int


@dataclass(frozen=True)
class Observed:
    """Everything that decide may know besides spec, status and the time.

    Gathered in this order, so that "no commit" is newer than "ended": attempts, then the store.
    """

    job: JobRef
    generation: int
    # seconds of the process's monotonic clock; comparable with ``evidence`` only.
    monotonic: float
    evidence: Evidence
    # <output.uri>/<job name> as the operator resolved it, without a slash at the end.
    folder_uri: str
    # spec.input.manifest, resolved in the same way.
    manifest_uri: str
    # The effective label attribute name.
    label_attribute: str
    # Where stages may read and write (settings and Secret).
    storage_access: StorageAccess
    # The operator's time for data (settings can fix it); not for timeouts.
    data_time: datetime
    # metadata.deletionTimestamp is set, or the object is gone.
    deleted: bool = False
    # False: more than 60 s off the API server's Date; no timeout or deadline acts.
    clock_trusted: bool = True
    # The first thing wrong with the spec or what it refers to.
    references: Problem | None = None
    # The store, or the backend or workforce, could not be asked.
    storage: Problem | None = None
    backend: Problem | None = None
    team: TeamFacts | None = None
    # None only while ``storage`` or ``references`` says why.
    owner: Owner | None = None
    # STAGE.json of status.step's attempt (immutable: may come from a cache).
    config: StageConfig | None = None
    commit: Commit | None = None
    # DRAFT.json of status.step's attempt; looked for when the attempt has ended.
    draft: StageFailure | None = None
    # All that backend and workforce know of this job, whatever the step.
    attempts: tuple[Attempt, ...] = ()
    # RayClusters that the operator made for this job and that are still there.
    clusters: tuple[str, ...] = ()
    # progress.json of the annotate step that runs.
    progress: Progress | None = None
    # STOP.json of the annotate step exists.
    stop_requested: bool = False
    # Gathered only while status has no step.
    rebuilt: Rebuilt | None = None

    def attempt(self, name: str) -> Attempt | None:
        """The attempt with this name; None: the backend does not know it."""
        return next((found for found in self.attempts if found.name == name), None)

    @property
    def running(self) -> tuple[Attempt, ...]:
        """Our attempts that run or wait for room, of any step."""
        return tuple(found for found in self.attempts if found.ours and found.runs)

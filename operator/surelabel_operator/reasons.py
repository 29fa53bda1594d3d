"""Every reason that conditions and Events of a LabelingJob have, once, with what it means.

Besides these only the stages name reasons: a stage that exits with status 2 says which
configuration is at fault (StageFailure), and its reason is shown as it is.
"""

from __future__ import annotations

import re
from enum import StrEnum

_PASCAL_CASE = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")


class Reason(StrEnum):
    """A reason and, as ``doc``, its meaning for people."""

    doc: str

    def __new__(cls, value: str, doc: str) -> Reason:
        """A member that is equal to its first value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member

    # -- how a job ends (Succeeded)
    ALL_LABELED = "AllLabeled", "Every item has a label."
    NOTHING_LEFT_TO_ASK = (
        "NothingLeftToAsk",
        "Items are left that people could not label (unlabeled.jsonl says why), or "
        "rejected lines (rejected.jsonl).",
    )
    NO_FURTHER_GAIN = (
        "NoFurtherGain",
        "Models certified nothing new for patienceRounds rounds; remainder is Leave.",
    )
    ANOTHER_ROUND_DOES_NOT_PAY = (
        "AnotherRoundDoesNotPay",
        "Another round of models would save next to nothing.",
    )
    MAX_ROUNDS_REACHED = "MaxRoundsReached", "stopping.maxRounds is reached; remainder is Leave."
    MAX_HUMAN_LABELED_ITEMS = (
        "MaxHumanLabeledItems",
        "People labeled stopping.maxHumanLabeledItems items.",
    )
    MAX_LABELED_PERCENT = "MaxLabeledPercent", "stopping.maxLabeledPercent is reached."
    MAX_COST = "MaxCost", "The answers for another item would cost more than stopping.maxCost."
    STOPPED_BY_USER = "StoppedByUser", "stopping.stopNow is set."
    DEADLINE_EXCEEDED = "DeadlineExceeded", "The job was active for activeDeadlineSeconds."
    NO_RESULT = "NoResult", "A limit or stopNow came before any item had a label."

    # -- what only a person can mend (Stalled); the first three wait for a change of the spec
    BACKOFF_LIMIT_EXCEEDED = "BackoffLimitExceeded", "No attempt of the stage is left."
    NAME_CONFLICT = "NameConflict", "Something that is not ours has the name of the attempt."
    STAGE_MISCONFIGURED = "StageMisconfigured", "A retry of the stage would fail the same way."
    INVALID_SPEC = "InvalidSpec", "The spec does not fit its schema."
    WORK_TEAM_NOT_FOUND = "WorkTeamNotFound", "There is no WorkTeam of this name."
    INVALID_WORK_TEAM = "InvalidWorkTeam", "The WorkTeam does not fit its schema."
    WORK_TEAM_TOO_SMALL = (
        "WorkTeamTooSmall",
        "The team has fewer active members than annotatorsPerItem.",
    )
    SECRET_NOT_FOUND = "SecretNotFound", "There is no Secret of this name."
    SECRET_NOT_ALLOWED = "SecretNotAllowed", "The Secret's owner has not labelled it for this use."
    RAY_NOT_ALLOWED = "RayNotAllowed", "The namespace may not use this Ray cluster."
    STORAGE_NOT_ALLOWED = "StorageNotAllowed", "The namespace may not use this place in the store."
    ENTRYPOINT_NOT_ALLOWED = (
        "EntrypointNotAllowed",
        "The namespace may not run this code of others as a model.",
    )
    OUTPUT_IN_USE = "OutputInUse", "Another LabelingJob's results lie in the output folder."
    STATE_CORRUPTED = "StateCorrupted", "The store lacks something that a commit names."

    # -- what may mend itself (Ready and StorageAvailable)
    STORAGE_UNAVAILABLE = "StorageUnavailable", "The object store could not be asked."
    RAY_UNREACHABLE = "RayUnreachable", "Ray could not be asked."
    RAY_UNAUTHORIZED = "RayUnauthorized", "Ray refused the operator's token."
    RAY_REFUSED = "RayRefused", "Ray understood the request and refused it."
    RAY_CLUSTER_NOT_FOUND = "RayClusterNotFound", "There is no RayCluster of this name."
    RAY_AUTH_UNSUPPORTED = (
        "RayAuthUnsupported",
        "The RayCluster asks for a token without authOptions, so KubeRay cannot use it.",
    )
    KUBE_RAY_MISSING = "KubeRayMissing", "The cluster has no RayJobs: KubeRay is not installed."
    WORKFORCE_UNREACHABLE = "WorkforceUnreachable", "The workforce could not be asked."

    # -- why the pods of an attempt do not start (Ready and Queued)
    KUBE_RAY_SILENT = (
        "KubeRaySilent",
        "KubeRay has not looked at the RayJob, or made no pods, within a minute.",
    )
    PODS_STARTING = "PodsStarting", "The pods take longer than a minute to start."
    UNSCHEDULABLE = "Unschedulable", "No node has room for a pod."
    IMAGE_PULL_FAILED = "ImagePullFailed", "A pod's image cannot be pulled."
    QUOTA_EXCEEDED = "QuotaExceeded", "The namespace's quota has no room for a pod."
    PODS_REFUSED = "PodsRefused", "The API server refuses the pods."

    # -- why an attempt failed (Ready while it is tried again)
    STAGE_FAILED = "StageFailed", "The stage's program failed."
    STAGE_TIMEOUT = "StageTimeout", "The attempt ran longer than timeoutSeconds and was stopped."
    COMMIT_MISSING = "CommitMissing", "The attempt succeeded by its own word, without a commit."
    ATTEMPT_LOST = "AttemptLost", "The backend does not know the attempt any more."
    ATTEMPT_STOPPED = "AttemptStopped", "Somebody else stopped the attempt."
    OUT_OF_MEMORY = "OutOfMemory", "A pod or Ray's node ran out of memory."
    EVICTED = "Evicted", "A pod was evicted from its node."
    POD_FAILED = "PodFailed", "A pod ended by itself."
    TEMPLATE_CHANGED = "TemplateChanged", "The attempt waited for pods of an earlier template."
    INFRASTRUCTURE_FAILED = (
        "InfrastructureFailed",
        "Node, network or Ray failed, not the stage; counted apart from maxAttempts.",
    )

    # -- the job as it goes on
    OBSERVING = "Observing", "The operator has just seen the job."
    PROGRESSING = "Progressing", "Spec accepted, references resolved, the loop goes on."
    ACTIVE = "Active", "The job has not ended."
    FINISHED = "Finished", "The job has ended."
    NEW_GENERATION = "NewGeneration", "A new generation of the spec is taken in."
    UP_TO_DATE = "UpToDate", "The latest generation of the spec is taken in."
    NOT_STALLED = "NotStalled", "Nothing waits for a person."
    SUSPENDED = "Suspended", "spec.suspend is set and nothing runs."
    SUSPENDING = "Suspending", "spec.suspend is set and something still runs."
    RESUMING = "Resuming", "spec.suspend is unset; the step goes on with its next attempt."
    NOT_SUSPENDED = "NotSuspended", "spec.suspend is not set."
    ATTEMPT_RUNNING = "AttemptRunning", "An attempt of the step runs."
    NOTHING_RUNS = "NothingRuns", "No attempt runs."
    WAITING_FOR_ROOM = "WaitingForRoom", "The attempt is accepted and waits for resources."
    NOT_QUEUED = "NotQueued", "No attempt waits for resources."
    AVAILABLE = "Available", "The last access to the store worked."
    NOT_ASKED = "NotAsked", "The store has not been asked yet."
    CONSENSUS_GOOD_ENOUGH = (
        "ConsensusGoodEnough",
        "People's labels are not known to be wrong on more than half of targetErrorPermille.",
    )
    NOT_ESTIMATED = (
        "NotEstimated",
        "No round with two answers an item is consolidated yet, or nothing is promised.",
    )

    MODEL_TRAINED = "ModelTrained", "The newest training gave a model."
    NO_MODEL_YET = "NoModelYet", "No model has been trained yet, or the job has no autoLabeling."

    # -- Events, and why something is stopped
    DELETED = "Deleted", "The LabelingJob is gone."
    IDLE = "Idle", "Nothing ran on the job's RayCluster for idleSeconds, so it was let go."
    SUPERSEDED = "Superseded", "Another attempt has committed the step."
    SPEC_CHANGED = "SpecChanged", "The spec changed, so the step is tried again."
    STEP_COMMITTED = "StepCommitted", "A step is done."
    CLOCK_SKEW = "ClockSkew", "The clock is more than 60 s off the API server's; no timeout acts."


# Stalled with one of these waits for another generation; so does one with a stage's own reason.
FAILURE_STALLS = frozenset(
    {Reason.BACKOFF_LIMIT_EXCEEDED, Reason.NAME_CONFLICT, Reason.STAGE_MISCONFIGURED}
)

# Why an attempt failed; Ready has it until the next attempt runs.
ATTEMPT_REASONS = frozenset(
    {
        Reason.STAGE_FAILED,
        Reason.STAGE_TIMEOUT,
        Reason.COMMIT_MISSING,
        Reason.ATTEMPT_LOST,
        Reason.ATTEMPT_STOPPED,
        Reason.INFRASTRUCTURE_FAILED,
        Reason.OUT_OF_MEMORY,
        Reason.EVICTED,
        Reason.POD_FAILED,
        Reason.TEMPLATE_CHANGED,
    }
)

_KNOWN = frozenset(str(reason) for reason in Reason)


def reason_of_stage(given: str) -> str:
    """The reason to show for what a stage gave: its own, unless it is malformed or ours.

    A stage must not pass for, say, OutputInUse, which is looked at again by itself.
    """
    if given in _KNOWN or not _PASCAL_CASE.fullmatch(given):
        return Reason.STAGE_MISCONFIGURED
    return given


def is_failure_stall(reason: str) -> bool:
    """Whether Stalled with this reason comes from failed attempts and waits for a new spec."""
    return reason in FAILURE_STALLS or reason not in _KNOWN

"""When each alert fires and when it does not: one named case per situation.

Series are written as promtool's unit tests write them, one sample a minute: ``0+2x60`` begins at 0
and grows by 2 sixty times, ``1x10 0x20`` is 1 and then 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chart.rendering import NAMESPACE

_OPERATOR = {"namespace": NAMESPACE}
_JOB = {"namespace": "vision", "name": "birds"}


@dataclass(frozen=True)
class Case:
    """``labels`` (besides severity) and ``description`` of the alert; no labels: it is silent.

    In the series ``OP`` stands for the label of the operator's namespace, ``JOB`` for a job's.
    """

    alert: str
    name: str
    at: str
    series: dict[str, str]
    labels: dict[str, str] = field(default_factory=dict)
    description: str = ""

    @property
    def full_series(self) -> dict[str, str]:
        """The series with all their labels."""
        operator, job = (
            ",".join(f'{key}="{value}"' for key, value in labels.items())
            for labels in (_OPERATOR, _JOB)
        )
        return {
            name.replace("OP", operator).replace("JOB", job): values
            for name, values in self.series.items()
        }


def _watch(resource: str, pod: str = "") -> str:
    """The series that says when the watch last delivered something."""
    more = f', pod="{pod}"' if pod else ""
    return f'labeling_watch_last_event_timestamp_seconds{{OP, resource="{resource}"{more}}}'


def _changes(verb: str, resource: str, code: int, pod: str = "") -> str:
    """The series of requests that this many answers came to."""
    labels = f'verb="{verb}", resource="{resource}", code="{code}"'
    more = f', pod="{pod}"' if pod else ""
    return f"labeling_kube_requests_total{{OP, {labels}{more}}}"


def _deaf_to(resource: str) -> str:
    return (
        f"The operator in namespace {NAMESPACE} changes {resource} but has seen no event of them "
        "for 30m 0s. Changes wait for the next list."
    )


CASES = (
    Case(
        "LabelingOperatorDown",
        "fires when nobody has held the Lease for 5 minutes",
        "10m",
        {"labeling_leader_status{OP}": "1x2 0x20"},
        _OPERATOR,
        f"No operator of namespace {NAMESPACE} holds the Lease and answers scrapes. No LabelingJob "
        "starts its next step; what runs on Ray goes on.",
    ),
    Case(
        "LabelingOperatorDown",
        "fires when no operator answers, though one of another namespace does",
        "10m",
        {'labeling_leader_status{namespace="other"}': "1x20"},
        _OPERATOR,
        f"No operator of namespace {NAMESPACE} holds the Lease and answers scrapes. No LabelingJob "
        "starts its next step; what runs on Ray goes on.",
    ),
    Case(
        "LabelingOperatorDown",
        "is silent while one of two replicas holds the Lease",
        "15m",
        {
            'labeling_leader_status{OP, pod="a"}': "1x5 0x20",
            'labeling_leader_status{OP, pod="b"}': "0x5 1x20",
        },
    ),
    Case(
        "LabelingOperatorDown",
        "is silent during an upgrade of 3 minutes",
        "9m",
        {"labeling_leader_status{OP}": "1x4 0x2 1x20"},
    ),
    Case(
        "LabelingReconcileErrors",
        "fires when a fifth fails",
        "40m",
        {
            'labeling_reconcile_total{OP, result="error"}': "0+2x60",
            'labeling_reconcile_total{OP, result="success"}': "0+8x60",
        },
        _OPERATOR,
        f"20% of the reconciles of the operator in namespace {NAMESPACE} end in an error. These "
        "jobs are tried again with growing pauses.",
    ),
    Case(
        "LabelingReconcileErrors",
        "is silent when one in twenty fails",
        "40m",
        {
            'labeling_reconcile_total{OP, result="error"}': "0+1x60",
            'labeling_reconcile_total{OP, result="success"}': "0+19x60",
        },
    ),
    Case(
        "LabelingQueueBacklog",
        "fires when 150 have waited for 15 minutes",
        "20m",
        {"labeling_workqueue_depth{OP}": "150x30"},
        _OPERATOR,
        f"150 LabelingJobs wait for the operator in namespace {NAMESPACE}, and more than 100 have "
        "for 15 minutes.",
    ),
    Case(
        "LabelingQueueBacklog",
        "is silent at the peak of a resync",
        "20m",
        {"labeling_workqueue_depth{OP}": "0x5 5000x3 0x20"},
    ),
    Case(
        "LabelingWatchStale",
        "fires when patches come back as no event",
        "30m",
        {_watch("labelingjobs"): "0x60", _changes("patch", "labelingjobs/status", 200): "0+1x60"},
        {**_OPERATOR, "resource": "labelingjobs"},
        _deaf_to("labelingjobs"),
    ),
    *(
        Case(
            "LabelingWatchStale",
            f"fires when {what} of {resource} come back as no event, though LabelingJobs' do",
            "30m",
            {
                _watch("labelingjobs"): "0+60x60",
                _watch(resource): "0x60",
                _changes("patch", "labelingjobs/status", 200): "0+1x60",
                _changes(verb, resource, code): "0+1x60",
            },
            {**_OPERATOR, "resource": resource},
            _deaf_to(resource),
        )
        for resource in ("rayjobs", "rayclusters")
        for what, verb, code in (("creations", "create", 201), ("deletions", "delete", 200))
    ),
    Case(
        "LabelingWatchStale",
        "fires for the operator that works, though a standby hears everything",
        "30m",
        {
            _watch("rayjobs", pod="works"): "0x60",
            _watch("rayjobs", pod="waits"): "0+60x60",
            _changes("create", "rayjobs", 201, pod="works"): "0+1x60",
        },
        {**_OPERATOR, "resource": "rayjobs", "pod": "works"},
        _deaf_to("rayjobs"),
    ),
    Case(
        "LabelingWatchStale",
        "is silent while nothing changes",
        "30m",
        {
            _watch("labelingjobs"): "0x60",
            _watch("rayjobs"): "0x60",
            _watch("rayclusters"): "0x60",
            _changes("patch", "labelingjobs/status", 200): "7x60",
            _changes("create", "rayjobs", 201): "7x60",
        },
    ),
    Case(
        "LabelingWatchStale",
        "is silent while RayClusters stay as they are and RayJobs come and go",
        "30m",
        {
            _watch("rayjobs"): "0+60x60",
            _watch("rayclusters"): "0x60",
            _changes("create", "rayjobs", 201): "0+1x60",
            _changes("delete", "rayjobs", 200): "0+1x60",
        },
    ),
    Case(
        "LabelingWatchStale",
        "is silent when the API server refuses what would be an event",
        "30m",
        {
            _watch("rayjobs"): "0x60",
            _changes("create", "rayjobs", 403): "0+1x60",
            _changes("delete", "rayjobs", 404): "0+1x60",
            _changes("get", "rayjobs", 200): "0+1x60",
        },
    ),
    Case(
        "LabelingWatchStale",
        "is silent while events come",
        "30m",
        {
            _watch("labelingjobs"): "0+60x60",
            _changes("patch", "labelingjobs/status", 200): "0+1x60",
        },
    ),
    Case(
        "LabelingStuckReconcile",
        "fires when one runs for 10 minutes",
        "10m",
        {"labeling_workqueue_longest_running_seconds{OP}": "0+60x20"},
        _OPERATOR,
        f"A reconcile of the operator in namespace {NAMESPACE} has been running for 10m 0s; a "
        "worker and a LabelingJob wait for it.",
    ),
    Case(
        "LabelingStuckReconcile",
        "is silent when one takes 4 minutes",
        "10m",
        {"labeling_workqueue_longest_running_seconds{OP}": "0+60x4 0x20"},
    ),
    Case(
        "LabelingStatusConflicts",
        "fires when a fifth meets another writer",
        "40m",
        {
            "labeling_status_patch_conflicts_total{OP}": "0+2x60",
            'labeling_reconcile_total{OP, result="requeue"}': "0+2x60",
            'labeling_reconcile_total{OP, result="success"}': "0+8x60",
        },
        _OPERATOR,
        f"20% of the reconciles of the operator in namespace {NAMESPACE} find that the LabelingJob "
        "has changed meanwhile.",
    ),
    Case(
        "LabelingStatusConflicts",
        "is silent when one in a hundred does",
        "40m",
        {
            "labeling_status_patch_conflicts_total{OP}": "0+1x60",
            'labeling_reconcile_total{OP, result="success"}': "0+99x60",
        },
    ),
    Case(
        "LabelingStorageErrors",
        "fires when three in ten fail",
        "30m",
        {
            'labeling_storage_requests_total{OP, operation="get", result="error"}': "0+3x60",
            'labeling_storage_requests_total{OP, operation="list", result="ok"}': "0+7x60",
        },
        _OPERATOR,
        f"30% of the requests of the operator in namespace {NAMESPACE} to the object store fail. "
        "The jobs concerned wait; none fails.",
    ),
    Case(
        "LabelingStorageErrors",
        "is silent when objects are only missing",
        "30m",
        {
            'labeling_storage_requests_total{OP, operation="get", result="not_found"}': "0+9x60",
            'labeling_storage_requests_total{OP, operation="list", result="ok"}': "0+1x60",
        },
    ),
    Case(
        "LabelingKubeThrottled",
        "fires at 30 refusals in 15 minutes",
        "40m",
        {'labeling_kube_requests_total{OP, verb="get", code="429"}': "0+2x60"},
        _OPERATOR,
        f"The API server answered 30 requests of the operator in namespace {NAMESPACE} with 429 in "
        "15 minutes.",
    ),
    Case(
        "LabelingKubeThrottled",
        "is silent at a few refusals, and at any number of conflicts",
        "40m",
        {
            'labeling_kube_requests_total{OP, verb="get", code="429"}': "0+0.5x60",
            'labeling_kube_requests_total{OP, verb="patch", code="409"}': "0+9x60",
        },
    ),
    Case(
        "LabelingStageRetryStorm",
        "fires when two thirds of the attempts of a stage fail",
        "60m",
        {
            'labeling_stage_attempts_total{OP, stage="infer", outcome="infra_error"}': "0+1x60",
            'labeling_stage_attempts_total{OP, stage="infer", outcome="timeout"}': "0+1x60",
            'labeling_stage_attempts_total{OP, stage="infer", outcome="committed"}': "0+1x60",
            'labeling_stage_attempts_total{OP, stage="train", outcome="committed"}': "0+1x60",
        },
        {**_OPERATOR, "stage": "infer"},
        "60 attempts of stage infer failed in 30 minutes, more than succeeded (operator in "
        f"namespace {NAMESPACE}).",
    ),
    Case(
        "LabelingStageRetryStorm",
        "is silent when few of many fail",
        "60m",
        {
            'labeling_stage_attempts_total{OP, stage="infer", outcome="app_error"}': "0+1x60",
            'labeling_stage_attempts_total{OP, stage="infer", outcome="committed"}': "0+9x60",
        },
    ),
    Case(
        "LabelingStageRetryStorm",
        "is silent when one job's three attempts fail",
        "60m",
        {'labeling_stage_attempts_total{OP, stage="train", outcome="app_error"}': "0x40 1 2 3x30"},
    ),
    Case(
        "LabelingStageRetryStorm",
        "is silent when attempts are stopped on purpose",
        "60m",
        {'labeling_stage_attempts_total{OP, stage="train", outcome="superseded"}': "0+1x60"},
    ),
    Case(
        "LabelingJobStalled",
        "fires for the job that waits for a person",
        "6m",
        {
            'labeling_job_condition{JOB, type="Stalled", status="True"}': "1x10",
            'labeling_job_condition{JOB, type="Stalled", status="False"}': "0x10",
        },
        _JOB,
        "LabelingJob vision/birds is Stalled: it goes on after somebody has mended what its "
        "condition names.",
    ),
    Case(
        "LabelingJobStalled",
        "fires although the operator's pod is replaced meanwhile",
        "6m",
        {
            'labeling_job_condition{JOB, type="Stalled", status="True", pod="a"}': "1x2 _x10",
            'labeling_job_condition{JOB, type="Stalled", status="True", pod="b"}': "_x2 1x10",
        },
        _JOB,
        "LabelingJob vision/birds is Stalled: it goes on after somebody has mended what its "
        "condition names.",
    ),
    Case(
        "LabelingJobStalled",
        "is silent for a job that is not Stalled, and for one that was for 2 minutes",
        "9m",
        {
            'labeling_job_condition{JOB, type="Stalled", status="True"}': "0x4 1x1 0x10",
            'labeling_job_condition{JOB, type="Stalled", status="False"}': "1x4 0x1 1x10",
            'labeling_job_condition{JOB, type="Ready", status="True"}': "1x10",
        },
    ),
    Case(
        "LabelingJobQueued",
        "fires when an attempt has waited for an hour, though the operator's pod was replaced",
        "62m",
        {
            'labeling_job_condition{JOB, type="Queued", status="True", pod="a"}': "1x30 _x60",
            'labeling_job_condition{JOB, type="Queued", status="True", pod="b"}': "_x30 1x60",
        },
        _JOB,
        "LabelingJob vision/birds has had an attempt that does not start: its condition Queued "
        "says why.",
    ),
    Case(
        "LabelingJobQueued",
        "is silent for one that waits half an hour, runs, and waits again",
        "90m",
        {
            'labeling_job_condition{JOB, type="Queued", status="True"}': "1x30 0x10 1x60",
            'labeling_job_condition{JOB, type="Queued", status="False"}': "0x30 1x10 0x60",
        },
    ),
    Case(
        "LabelingJobNoProgress",
        "fires when no step was recorded for more than 4 hours",
        "250m",
        {
            "labeling_job_last_progress_timestamp_seconds{JOB}": "0x300",
            "labeling_job_created_timestamp_seconds{JOB}": "0x300",
            "labeling_job_open_items{JOB}": "0x300",
            'labeling_job_condition{JOB, type="Stalled", status="True"}': "0x300",
        },
        _JOB,
        "LabelingJob vision/birds has recorded no step for 4h 10m 0s, although it waits for no "
        "person.",
    ),
    Case(
        "LabelingJobNoProgress",
        "fires for a job that never began",
        "250m",
        {"labeling_job_created_timestamp_seconds{JOB}": "0x300"},
        _JOB,
        "LabelingJob vision/birds has recorded no step for 4h 10m 0s, although it waits for no "
        "person.",
    ),
    Case(
        "LabelingJobNoProgress",
        "is silent for a stage of 3 hours",
        "180m",
        {"labeling_job_last_progress_timestamp_seconds{JOB}": "0x300"},
    ),
    Case(
        "LabelingJobNoProgress",
        "is silent while people are asked",
        "250m",
        {
            "labeling_job_last_progress_timestamp_seconds{JOB}": "0x300",
            "labeling_job_open_items{JOB}": "12x300",
        },
    ),
    Case(
        "LabelingJobNoProgress",
        "is silent for a job that has ended",
        "250m",
        {
            "labeling_job_last_progress_timestamp_seconds{JOB}": "0x300",
            "labeling_job_completion_timestamp_seconds{JOB}": "0x300",
        },
    ),
    *(
        Case(
            "LabelingJobNoProgress",
            f"is silent while {type_} is True",
            "250m",
            {
                "labeling_job_last_progress_timestamp_seconds{JOB}": "0x300",
                f'labeling_job_condition{{JOB, type="{type_}", status="True"}}': "1x300",
            },
        )
        for type_ in ("Stalled", "Suspended")
    ),
    Case(
        "LabelingBudgetNearlySpent",
        "fires at 95 percent of the money",
        "2m",
        {'labeling_job_budget_used_ratio{JOB, resource="cost"}': "0.95x10"},
        {**_JOB, "resource": "cost"},
        "LabelingJob vision/birds has used 95% of its limit (cost) and ends there.",
    ),
    Case(
        "LabelingBudgetNearlySpent",
        "is silent at half of it, and in the last round",
        "2m",
        {
            'labeling_job_budget_used_ratio{JOB, resource="cost"}': "0.5x10",
            'labeling_job_budget_used_ratio{JOB, resource="rounds"}': "1x10",
        },
    ),
    Case(
        "LabelingBudgetNearlySpent",
        "is silent for a job that has ended",
        "2m",
        {
            'labeling_job_budget_used_ratio{JOB, resource="cost"}': "1x10",
            "labeling_job_completion_timestamp_seconds{JOB}": "0x10",
        },
    ),
)

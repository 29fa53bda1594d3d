"""What the status patch says: conditions, times, progress; and when nothing is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from job_factories import (
    NOW,
    attempt_of,
    condition,
    config_of,
    counters,
    observed_of,
    report_of,
    spec_of,
    status_at,
    step,
)
from surelabel_contract.people import Progress
from surelabel_contract.stages import Ending, Notice, Progressed, StageReport
from surelabel_operator.actions import (
    Action,
    Advance,
    Block,
    ClaimOutput,
    EndEarly,
    Finish,
    Nothing,
    RecordSubmitted,
    Restore,
    Retry,
    Stall,
    Start,
    SubmitAttempt,
    Wait,
)
from surelabel_operator.active_time import active_time
from surelabel_operator.conditions import TYPES
from surelabel_operator.events import event_of
from surelabel_operator.observed import AttemptState, Observed, Problem
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import JobStatus
from surelabel_operator.status import progress_noted, status_of, status_of_invalid

TRAIN, ANNOTATE = step("tra"), step("ann")
LATER = NOW + timedelta(minutes=3)
FAILED = Problem("StageFailed", "train round 1 attempt 1: exited 1. Attempt 2 follows.")


def after(
    before: JobStatus,
    action: Action,
    observed: Observed | None = None,
    now: datetime = NOW,
    **spec: Any,
) -> JobStatus:
    return status_of(spec_of(**spec), before, observed or running(TRAIN), action, now)


def running(done: Any, **changes: Any) -> Observed:
    return observed_of(**{"config": config_of(done), "attempts": (attempt_of(done),), **changes})


def shown(status: JobStatus, type_: str) -> tuple[str, str]:
    found = status.condition(type_)
    assert found is not None
    return found.status, found.reason


def test_all_conditions_are_there_on_the_first_visit() -> None:
    for action in (Block(Problem("RayUnreachable", "no")), Stall(Problem("SecretNotFound", "no"))):
        status = after(JobStatus(), action, observed_of(owner=None))
        assert tuple(c.type for c in status.conditions) == TYPES
        assert {c.observed_generation for c in status.conditions} == {1}
        assert status.observed_generation == 1


def test_a_claim_is_not_worth_a_write() -> None:
    assert after(JobStatus(), ClaimOutput(NOW)) == JobStatus()


def test_the_first_step_is_recorded_with_start_time_and_state() -> None:
    config = config_of(step("pre", 0), generation=3)
    status = after(JobStatus(), Start(config), observed_of(generation=3))
    assert status.step is not None
    assert (status.step.name, status.step.attempt, status.step.generation) == (config.name, 1, 3)
    assert status.start_time == NOW
    assert status.label_attribute_name == "birds"
    assert status.state_uri == "s3://bucket/out/birds/" + config.state_root
    assert shown(status, "Reconciling") == ("True", "NewGeneration")
    assert shown(status, "StorageAvailable") == ("True", "Available")


def test_ready_and_not_reconciling_once_the_first_attempt_runs() -> None:
    prepare = step("pre", 0)
    recorded = after(JobStatus(), Start(config_of(prepare)))
    status = after(recorded, RecordSubmitted(NOW), running(prepare))
    assert shown(status, "Ready") == ("True", "Progressing")
    assert shown(status, "Reconciling") == ("False", "UpToDate")
    assert shown(status, "RoundRunning") == ("True", "AttemptRunning")
    assert status.step is not None
    assert status.step.submitted_time == NOW


NOISY = Notice(reason="ConsensusTooNoisy", message="wrong on 8.0%, more than half")
TOO_NOISY = report_of(step("con"), metrics={"consensusError": 0.08}, notices=(NOISY,))
GOOD = report_of(step("con", 2), metrics={"consensusError": 0.01})
SILENT = report_of(step("tra", 2))


@pytest.mark.parametrize(
    ("reports", "auto_labeling", "expected"),
    [
        ([], {}, ("Unknown", "NotEstimated")),
        ([SILENT], {}, ("Unknown", "NotEstimated")),
        ([TOO_NOISY], {}, ("True", "ConsensusTooNoisy")),
        ([TOO_NOISY, SILENT], {}, ("True", "ConsensusTooNoisy")),
        ([TOO_NOISY, GOOD], {}, ("False", "ConsensusGoodEnough")),
        ([GOOD], None, ("Unknown", "NotEstimated")),
    ],
)
def test_a_noisy_consensus_is_a_condition_until_a_later_estimate_is_better(
    reports: list[StageReport], auto_labeling: dict[str, Any] | None, expected: tuple[str, str]
) -> None:
    grown = after(status_at(TRAIN), Wait(), autoLabeling=auto_labeling)
    for report in reports:
        grown = after(grown, Advance(report, config_of(TRAIN)), autoLabeling=auto_labeling)
    assert shown(grown, "ConsensusTooNoisy") == expected
    if reports:
        # A lost status gets the same.
        rebuilt = Restore(tuple(reports), config_of(TRAIN))
        status = after(JobStatus(), rebuilt, autoLabeling=auto_labeling)
        assert shown(status, "ConsensusTooNoisy") == expected


def test_the_last_word_on_the_consensus_may_be_exports() -> None:
    report = report_of(step("exp"), notices=(NOISY,))
    status = after(status_at(step("exp")), Finish(Ending(succeeded=True, reason="MaxCost"), report))
    found = status.condition("ConsensusTooNoisy")
    assert found is not None
    assert (found.status, found.message) == ("True", NOISY.message)


HUNG = Notice(reason="ModelFailed", message="company:Net did not end within 20 s.")
HAS_FAILED = report_of(step("tra", 2), notices=(HUNG,))
TRAINED = report_of(step("tra", 3))


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([], ("Unknown", "NoModelYet")),
        ([TOO_NOISY], ("Unknown", "NoModelYet")),
        ([TRAINED], ("False", "ModelTrained")),
        ([HAS_FAILED], ("True", "ModelFailed")),
        ([HAS_FAILED, GOOD], ("True", "ModelFailed")),
        ([HAS_FAILED, TRAINED], ("False", "ModelTrained")),
        ([TRAINED, HAS_FAILED], ("True", "ModelFailed")),
    ],
)
def test_a_failed_model_is_a_condition_until_the_next_one_is_trained(
    reports: list[StageReport], expected: tuple[str, str]
) -> None:
    grown = after(status_at(TRAIN), Wait())
    for report in reports:
        grown = after(grown, Advance(report, config_of(TRAIN)))
    assert shown(grown, "ModelFailed") == expected
    if reports:
        # A lost status gets the same.
        rebuilt = Restore(tuple(reports), config_of(TRAIN))
        assert shown(after(JobStatus(), rebuilt), "ModelFailed") == expected


QUIET: list[tuple[str, JobStatus, Action, dict[str, Any], dict[str, Any]]] = [
    ("an attempt runs", status_at(TRAIN), Wait(), {}, {}),
    ("people are at work", status_at(ANNOTATE), Wait(), {"done": ANNOTATE}, {}),
    ("suspended", status_at(TRAIN), Nothing(), {"attempts": ()}, {"suspend": True}),
    ("suspended before its first step", JobStatus(), Nothing(), {"attempts": ()},
     {"suspend": True}),
    ("stalled", status_at(TRAIN), Stall(Problem("WorkTeamNotFound", "x")), {}, {}),
    ("Ray is away", status_at(TRAIN), Block(Problem("RayUnreachable", "x")),
     {"backend": Problem("RayUnreachable", "x"), "attempts": ()}, {}),
    ("the store is away", status_at(TRAIN), Block(Problem("StorageUnavailable", "x")),
     {"storage": Problem("StorageUnavailable", "x"), "owner": None}, {}),
    ("waiting for a retry", status_at(TRAIN, attempt=2, submitted=False), Wait(LATER),
     {"attempts": ()}, {}),
    ("waits for room", status_at(TRAIN), Wait(),
     {"attempts": (attempt_of(TRAIN, AttemptState.PENDING, message="no GPU"),)}, {}),
]  # fmt: skip


@pytest.mark.parametrize("case", QUIET, ids=[case[0] for case in QUIET])
def test_nothing_is_written_while_nothing_changes(
    case: tuple[str, JobStatus, Action, dict[str, Any], dict[str, Any]],
) -> None:
    _, before, action, changes, spec = case
    observed = running(changes.pop("done", TRAIN), **changes)
    first = after(before, action, observed, **spec)
    again = after(first, action, observed, LATER, **spec)
    assert again == first
    assert JobStatus.model_validate(first.to_dict()) == first


def test_transition_time_changes_with_the_status_alone() -> None:
    first = after(status_at(TRAIN), Wait())
    outage = Block(Problem("RayUnreachable", "no answer"))
    second = after(first, outage, now=LATER)
    third = after(second, Block(Problem("RayUnauthorized", "401")), now=LATER + timedelta(hours=1))
    ready = [status.condition("Ready") for status in (first, second, third)]
    times = [c.last_transition_time for c in ready if c is not None]
    assert times == [NOW, LATER, LATER]
    assert shown(third, "Ready") == ("False", "RayUnauthorized")


def test_unknown_is_neither_running_nor_failed() -> None:
    gone = running(TRAIN, backend=Problem("RayUnreachable", "no answer"), attempts=())
    status = after(status_at(TRAIN), Block(Problem("RayUnreachable", "no answer")), gone)
    assert shown(status, "RoundRunning") == ("Unknown", "RayUnreachable")


def test_an_advance_folds_the_report_and_records_the_next_step_in_one() -> None:
    report = report_of(step("con"), None, Progressed(counters=counters(human=20), answers=60))
    action = Advance(report, config_of(TRAIN, generation=2))
    before = status_at(step("con"), attempt=2, failures=1)
    status = after(before, action, running(step("con"), generation=2))
    assert status.step is not None
    assert status.step.step == TRAIN
    assert (status.step.attempt, status.step.failures, status.step.submitted_time) == (1, 0, None)
    assert status.label_counters.human_labeled == 20
    assert shown(status, "Ready") == ("True", "Progressing")
    assert status.active_seconds == 60


def test_people_see_why_an_attempt_failed_until_the_next_one_runs() -> None:
    retry = Retry(config_of(TRAIN, 2), 1, 0, NOW + timedelta(seconds=9, microseconds=5), FAILED)
    before = after(status_at(TRAIN), Wait())
    ended = running(TRAIN, attempts=(attempt_of(TRAIN, AttemptState.FAILED),))
    status = after(before, retry, ended)
    assert shown(status, "Ready") == ("False", "StageFailed")
    assert status.step is not None
    assert (status.step.attempt, status.step.failures) == (2, 1)
    status = after(status, Wait(LATER), ended)
    status = after(status, SubmitAttempt(config_of(TRAIN, 2)), ended)
    assert shown(status, "Ready") == ("False", "StageFailed")
    second = running(TRAIN, attempts=(attempt_of(TRAIN, attempt=2),))
    status = after(status, RecordSubmitted(NOW), second)
    assert shown(status, "Ready") == ("True", "Progressing")


def test_failures_stay_stalled_through_outages_and_suspension() -> None:
    stalled = after(status_at(TRAIN), Stall(Problem("BackoffLimitExceeded", "x")))
    for action, spec in [
        (Block(Problem("StorageUnavailable", "y")), {}),
        (Nothing(), {"suspend": True}),
    ]:
        status = after(stalled, action, running(TRAIN, attempts=()), LATER, **spec)
        assert shown(status, "Stalled") == ("True", "BackoffLimitExceeded")


def test_any_other_stall_goes_with_its_cause() -> None:
    stalled = after(status_at(TRAIN), Stall(Problem("WorkTeamNotFound", "x")))
    assert shown(stalled, "Stalled") == ("True", "WorkTeamNotFound")
    assert shown(after(stalled, Wait()), "Stalled") == ("False", "NotStalled")


def test_suspended_is_true_only_when_nothing_runs() -> None:
    first = after(status_at(TRAIN), Nothing(), running(TRAIN), suspend=True)
    assert shown(first, "Suspended") == ("Unknown", "Suspending")
    stopped = running(TRAIN, attempts=(attempt_of(TRAIN, AttemptState.STOPPED),))
    second = after(first, Nothing(), stopped, suspend=True)
    assert shown(second, "Suspended") == ("True", "Suspended")
    assert shown(second, "Ready") == ("False", "Suspended")


def test_suspended_stays_until_the_next_attempt_is_recorded() -> None:
    suspended = status_at(TRAIN, conditions=[condition("Suspended", "True")])
    stopped = running(TRAIN, attempts=(attempt_of(TRAIN, AttemptState.STOPPED),))
    assert shown(after(suspended, Wait(), stopped), "Suspended")[0] == "True"
    retry = Retry(config_of(TRAIN, 2), 0, 0, None, Problem(Reason.RESUMING, ""))
    assert shown(after(suspended, retry, stopped), "Suspended")[0] == "False"


def test_suspended_time_is_not_active_time() -> None:
    stopped = running(TRAIN, attempts=(attempt_of(TRAIN, AttemptState.STOPPED),))
    working = after(status_at(TRAIN), Wait())
    assert active_time(working, NOW) == timedelta(minutes=1)
    suspended = after(working, Nothing(), stopped, LATER, suspend=True)
    assert suspended.active_seconds == 240
    tomorrow = LATER + timedelta(days=1)
    assert active_time(suspended, tomorrow) == timedelta(seconds=240)
    retry = Retry(config_of(TRAIN, 2), 0, 0, None, Problem(Reason.RESUMING, ""))
    resumed = after(suspended, retry, stopped, tomorrow)
    assert resumed.active_seconds == 240
    assert active_time(resumed, tomorrow + timedelta(seconds=5)) == timedelta(seconds=245)


def test_a_suspension_that_never_took_hold_loses_no_time() -> None:
    working = after(status_at(TRAIN), Wait())
    suspending = after(working, Nothing(), running(TRAIN), LATER, suspend=True)
    later = LATER + timedelta(minutes=1)
    assert active_time(suspending, later) == timedelta(minutes=5)


PEOPLE_AT_WORK = Progress(
    schema_version=1,
    items=20,
    open_items=8,
    answers_received=36,
    answers_needed=60,
    active_annotators=3,
)


def test_peoples_progress_is_written_at_most_every_30_seconds() -> None:
    config = config_of(ANNOTATE, previous=Progressed(counters=counters(), answers=100))
    look = running(ANNOTATE, config=config, progress=PEOPLE_AT_WORK)
    before = after(status_at(ANNOTATE), Wait(), replace(look, progress=None))
    status = after(before, Wait(), look)
    assert status.annotation is not None
    assert (status.annotation.open_items, status.annotation.answers_received) == (8, 136)
    written = progress_noted(look, before, status)
    more = msgspec.structs.replace(PEOPLE_AT_WORK, open_items=2, answers_received=54)
    for seconds, is_written in [(29, False), (30, True)]:
        again = replace(look, progress=more, evidence=written, monotonic=look.monotonic + seconds)
        assert (after(status, Wait(), again) != status) is is_written
    assert progress_noted(look, status, status) is look.evidence


def test_the_end_is_told_everywhere_and_never_changes() -> None:
    report = report_of(step("exp"), None, Progressed(counters=counters(human=60, machine=40)))
    done = Finish(Ending(succeeded=True, reason="AllLabeled"), report)
    status = after(after(status_at(step("exp")), Wait()), done)
    assert shown(status, "Succeeded") == shown(status, "Ready") == ("True", "AllLabeled")
    assert shown(status, "Stalled")[0] == shown(status, "RoundRunning")[0] == "False"
    assert status.completion_time == NOW
    assert status.active_seconds == 60
    for action in (Nothing(), Wait(LATER), Stall(Problem("WorkTeamNotFound", ""))):
        assert after(status, action, now=LATER) == status
    newer = after(status, Nothing(), observed_of(generation=5), LATER)
    assert newer.observed_generation == 5
    assert shown(newer, "Succeeded") == ("True", "AllLabeled")


def test_a_bad_end_is_a_stall_for_gitops() -> None:
    status = after(
        status_at(TRAIN), Finish(Ending(succeeded=False, reason="DeadlineExceeded"), None)
    )
    assert shown(status, "Succeeded") == ("False", "DeadlineExceeded")
    assert shown(status, "Stalled") == ("True", "DeadlineExceeded")


@pytest.mark.parametrize(
    ("cause", "stopping", "says"),
    [
        (
            "StoppedByUser",
            {"stopNow": True},
            "spec.stopping.stopNow: must come after the first label; got true before any item had "
            "one, which is final. Leave it out in a new job.",
        ),
        (
            "MaxCost",
            {"maxCost": {"amount": "0.03", "currency": "USD"}},
            "spec.stopping.maxCost: must allow a first label; got 0.03 USD, which was reached "
            "before any item had one. Raise it in a new job.",
        ),
        (
            "MaxLabeledPercent",
            {"maxLabeledPercent": 1},
            "spec.stopping.maxLabeledPercent: must allow a first label; got 1, which was reached "
            "before any item had one. Raise it in a new job.",
        ),
        (
            None,
            {},
            "spec.stopping: a limit or stopNow came before any item had a label. Raise the limit, "
            "or leave stopNow out, in a new job.",
        ),
    ],
)
def test_an_end_without_a_result_says_which_field_ended_it_and_what_to_do(
    cause: str | None, stopping: dict[str, Any], says: str
) -> None:
    ending = Ending(succeeded=False, reason="NoResult", cause=cause)
    action = Finish(ending, report_of(step("exp")))
    status = after(status_at(step("exp")), action, stopping=stopping)
    event = event_of(status_at(step("exp")), status, action)
    for found in (status.condition("Succeeded"), status.condition("Stalled"), event):
        assert found is not None
        assert found.reason == "NoResult"
        assert found.message.startswith(f"{says} Round 1, export: ")


def test_an_end_by_the_deadline_says_the_seconds() -> None:
    ending = Ending(succeeded=False, reason="DeadlineExceeded")
    status = after(status_at(TRAIN), Finish(ending, None), activeDeadlineSeconds=600)
    stalled = status.condition("Stalled")
    assert stalled is not None
    assert stalled.message.startswith(
        "spec.activeDeadlineSeconds: the job was active for as long as it may be, now 600 s. "
        "Raise it in a new job. "
    )


def test_a_wait_for_room_is_told_after_half_a_minute() -> None:
    waits = running(TRAIN, attempts=(attempt_of(TRAIN, AttemptState.PENDING, message="no GPU"),))
    assert shown(after(status_at(TRAIN), Wait(), waits, NOW), "Queued")[0] == "True"
    early = status_at(TRAIN, submitted_time=NOW - timedelta(seconds=29))
    assert shown(after(early, Wait(), waits, NOW), "Queued")[0] == "False"


def test_an_early_export_records_its_ending() -> None:
    ending = Ending(succeeded=True, reason="StoppedByUser")
    config = config_of(step("exp"), ending=ending)
    status = after(status_at(TRAIN), EndEarly(config), running(TRAIN, attempts=()))
    assert status.step is not None
    assert status.step.ending is not None
    assert status.step.ending.reason == "StoppedByUser"


def test_a_restored_status_has_the_numbers_of_the_reports_and_the_seconds_they_took() -> None:
    reports = (report_of(step("pre", 0), seconds=5), report_of(ANNOTATE, seconds=7))
    left = after(JobStatus(), Restore(reports, None), observed_of())
    assert left.step is not None
    assert (left.step.step, left.active_seconds) == (ANNOTATE, 12)
    assert left.start_time == NOW
    config = config_of(step("con"), attempt=2)
    going_on = after(JobStatus(), Restore(reports, config, runs=True), observed_of())
    assert going_on.step is not None
    assert (going_on.step.attempt, going_on.active_seconds) == (2, 12)
    assert going_on.step.submitted_time == NOW


def test_a_spec_that_cannot_be_read_stalls_and_leaves_the_rest() -> None:
    before = after(status_at(TRAIN), Wait())
    problem = Problem("InvalidSpec", "spec.labels: needs at least 2 labels, got 1.")
    status = status_of_invalid(before, 2, problem, LATER)
    assert shown(status, "Stalled") == ("True", "InvalidSpec")
    assert shown(status, "RoundRunning") == shown(before, "RoundRunning")
    assert status.step == before.step
    assert status_of_invalid(status, 2, problem, LATER + timedelta(hours=1)) == status
    assert tuple(c.type for c in status_of_invalid(JobStatus(), 1, problem, NOW).conditions) == (
        TYPES
    )


def test_a_deleted_job_is_not_written_to() -> None:
    before = status_at(TRAIN)
    assert after(before, Nothing(), running(TRAIN, deleted=True)) == before


def test_the_largest_status_stays_under_ten_kib() -> None:
    reasons = {f"{'Reason' * 10}{n:02}": 2**40 for n in range(40)}
    status = status_at(TRAIN)
    for round_ in range(1, 15):
        progressed = Progressed(counters=counters(2**40), unlabeled_reasons=reasons)
        report = report_of(step("con", round_), None, progressed)
        status = after(status, Advance(report, config_of(TRAIN)))
    status = after(status, Stall(Problem("BackoffLimitExceeded", "x" * 5_000)))
    assert len(status.model_dump_json(by_alias=True, exclude_none=True)) < 10_240


def test_events_tell_news_once() -> None:
    before = after(status_at(TRAIN), Wait())
    stall = Stall(Problem("WorkTeamNotFound", "no team"))
    stalled = after(before, stall)
    first = event_of(before, stalled, stall)
    assert first is not None
    assert (first.type, first.reason) == ("Warning", "WorkTeamNotFound")
    assert event_of(stalled, stalled, stall) is None
    assert event_of(before, before, Wait()) is None
    report = report_of(step("con"))
    done = event_of(before, before, Advance(report, config_of(TRAIN)))
    assert done is not None
    assert (done.type, done.reason) == ("Normal", "StepCommitted")

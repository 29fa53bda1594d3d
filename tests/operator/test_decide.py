"""The table of situations, in order; each row of decide has at least one named case here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from job_factories import (
    NOW,
    PEOPLE,
    UID,
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
from surelabel_contract.stages import Ending, NextFacts, Progressed, StageFailure
from surelabel_contract.steps import Step
from surelabel_operator.actions import (
    Action,
    Advance,
    Block,
    ClaimOutput,
    CleanUp,
    CloseWorkforce,
    EndEarly,
    Finish,
    Nothing,
    RecordSubmitted,
    ReleaseClusters,
    Restore,
    Retry,
    Stall,
    Start,
    StopAttempts,
    SubmitAttempt,
    TakeOutput,
    Wait,
)
from surelabel_operator.decide import TABLE, decide, row_of
from surelabel_operator.evidence import Evidence, Sighting
from surelabel_operator.observed import (
    AttemptState,
    Commit,
    FailureClass,
    Observed,
    Owner,
    OwnerState,
    Problem,
    Rebuilt,
)
from surelabel_operator.resources import JobStatus

TRAIN, ANNOTATE, PREPARE, EXPORT = step("tra"), step("ann"), step("pre", 0), step("exp")
STATES = AttemptState
LONG_AGO = 900.0  # 100 s of monotonic time before every look of these tests.
JUST_NOW = 990.0


def at(done: Step, **changes: Any) -> Observed:
    """A look at a job in this step, whose attempt runs."""
    return observed_of(**{"config": config_of(done), "attempts": (attempt_of(done),), **changes})


def seen(fact: str, done: Step, since: float = LONG_AGO) -> Evidence:
    return Evidence(**{fact: Sighting(config_of(done).name, since)})


def ended(state: AttemptState, **changes: Any) -> dict[str, Any]:
    """Changes for an attempt of train that ended without a commit, looked for again."""
    return {
        "attempts": (attempt_of(TRAIN, state, **changes),),
        "evidence": seen("ended", TRAIN),
    }


FINISHED = status_at(EXPORT, conditions=[condition("Succeeded", "True", "AllLabeled")]).with_(
    completion_time=NOW - timedelta(hours=1)
)
STALLED = [condition("Stalled", "True", "BackoffLimitExceeded")]
UNREACHABLE = Problem("RayUnreachable", "no answer")
PAST_DEADLINE = Evidence(past_deadline=Sighting(UID, LONG_AGO))
DEADLINE = {"activeDeadlineSeconds": 10}
STOP_NOW = {"stopping": {"stopNow": True}}
DONE = Commit(report_of(TRAIN))


@dataclass(frozen=True)
class Case:
    row: str
    name: str
    status: JobStatus
    observed: Observed
    action: Action | type[Any]
    spec: dict[str, Any] = field(default_factory=dict)


IDLE = "nothing ran on the job's RayCluster for idleSeconds"
IDLE_FOR_300 = status_at(TRAIN, conditions=[*STALLED, condition("RoundRunning", "False")])


def own_cluster(idle_seconds: int, scope: str = "Job") -> dict[str, Any]:
    cluster = {"scope": scope, "idleSeconds": idle_seconds}
    return {"compute": {"ray": {"cluster": cluster}}}


RUNS = (attempt_of(TRAIN),)
BROKEN = replace(attempt_of(TRAIN), broken=Problem("OutOfMemory", "no memory"))
CASES = [
    Case("deleted", "what runs is stopped", status_at(TRAIN), at(TRAIN, deleted=True),
         StopAttempts(RUNS, "Deleted")),
    Case("deleted", "nothing runs, nothing is done", status_at(TRAIN),
         at(TRAIN, deleted=True, attempts=()), Nothing()),
    Case("Succeeded is True or False", "what still runs is stopped", FINISHED, at(TRAIN),
         StopAttempts(RUNS, "Finished")),
    Case("Succeeded is True or False", "the spec says what it likes", FINISHED,
         observed_of(generation=9, references=Problem("WorkTeamNotFound", "")), Nothing(),
         {"suspend": True, **STOP_NOW}),
    Case("Succeeded is True or False", "its RayCluster is let go", FINISHED,
         observed_of(clusters=("birds-c1",)), ReleaseClusters(("birds-c1",), "Finished")),
    Case("Succeeded is True or False", "Ray jobs are forgotten at once", FINISHED,
         at(TRAIN, attempts=(attempt_of(TRAIN, STATES.FAILED),)),
         CleanUp((attempt_of(TRAIN, STATES.FAILED),))),
    Case("Succeeded is True or False", "children stay until the TTL", FINISHED,
         at(TRAIN, attempts=(attempt_of(TRAIN, STATES.FAILED, is_child=True),)),
         Wait(NOW + timedelta(hours=23))),
    Case("Succeeded is True or False", "children are deleted after the TTL", FINISHED,
         at(TRAIN, attempts=(attempt_of(TRAIN, STATES.FAILED, is_child=True),)), CleanUp,
         {"ttlSecondsAfterFinished": 60}),
    Case("active time over the deadline", "what runs is stopped first", status_at(TRAIN),
         at(TRAIN, evidence=PAST_DEADLINE), StopAttempts(RUNS, "DeadlineExceeded"), DEADLINE),
    Case("active time over the deadline", "then export is recorded", status_at(TRAIN),
         at(TRAIN, evidence=PAST_DEADLINE, attempts=()), EndEarly, DEADLINE),
    Case("active time over the deadline", "without prepare there is nothing to export",
         status_at(PREPARE),
         at(PREPARE, evidence=PAST_DEADLINE, attempts=(),
            config=config_of(PREPARE, previous=None)),
         Finish(Ending(succeeded=False, reason="DeadlineExceeded"), None), DEADLINE),
    Case("active time over the deadline", "a commit that came in time is folded",
         status_at(TRAIN), at(TRAIN, evidence=PAST_DEADLINE, attempts=(), commit=DONE), Advance,
         DEADLINE),
    Case("active time over the deadline", "nothing is recorded while Ray may still run it",
         status_at(TRAIN), at(TRAIN, evidence=PAST_DEADLINE, attempts=(), backend=UNREACHABLE),
         Block(UNREACHABLE), DEADLINE),
    Case("suspended", "what runs is stopped", status_at(TRAIN), at(TRAIN),
         StopAttempts(RUNS, "Suspended"), {"suspend": True}),
    Case("suspended", "a commit waits for the resumption", status_at(TRAIN),
         at(TRAIN, attempts=(), commit=DONE), Nothing(), {"suspend": True}),
    Case("suspended", "what runs must be known", status_at(TRAIN),
         at(TRAIN, attempts=(), backend=UNREACHABLE), Block(UNREACHABLE), {"suspend": True}),
    Case("suspended", "its RayCluster is let go when nothing runs", status_at(TRAIN),
         at(TRAIN, attempts=(), clusters=("birds-c1",)),
         ReleaseClusters(("birds-c1",), "Suspended"), {"suspend": True}),
    Case(IDLE, "nothing has run for idleSeconds", IDLE_FOR_300,
         at(TRAIN, attempts=(), clusters=("birds-c1",)),
         ReleaseClusters(("birds-c1",), "Idle"), own_cluster(300)),
    Case("stopNow or a limit while people annotate", "stopNow closes the workforce",
         status_at(ANNOTATE), at(ANNOTATE), CloseWorkforce(ANNOTATE, "StoppedByUser"), STOP_NOW),
    Case("stopNow or a limit while people annotate", "a limit lowered meanwhile does",
         status_at(ANNOTATE),
         at(ANNOTATE, progress=Progress(schema_version=1, items=20, open_items=5,
                                        answers_received=45, answers_needed=60,
                                        active_annotators=3)),
         CloseWorkforce(ANNOTATE, "MaxHumanLabeledItems"),
         {"stopping": {"maxHumanLabeledItems": 25}}),
    Case("stopNow while train or infer runs", "it is stopped", status_at(TRAIN), at(TRAIN),
         StopAttempts(RUNS, "StoppedByUser"), STOP_NOW),
    Case("stopNow while train or infer runs", "then export is recorded", status_at(TRAIN),
         at(TRAIN, attempts=()), EndEarly, STOP_NOW),
    Case("running past the timeout", "seen twice, it is stopped", status_at(TRAIN),
         at(TRAIN, evidence=seen("overdue", TRAIN)), StopAttempts(RUNS, "StageTimeout")),
    Case("running or waiting, and broken", "it is stopped", status_at(TRAIN),
         at(TRAIN, attempts=(BROKEN,)), StopAttempts((BROKEN,), "OutOfMemory")),
    Case("spec or references invalid", "nothing starts, what runs goes on", status_at(TRAIN),
         at(TRAIN, references=Problem("WorkTeamNotFound", "no team")),
         Stall(Problem("WorkTeamNotFound", "no team"))),
    Case("storage or backend cannot be asked", "the store", status_at(TRAIN),
         at(TRAIN, storage=Problem("StorageUnavailable", "")),
         Block(Problem("StorageUnavailable", ""))),
    Case("storage or backend cannot be asked", "Ray", status_at(TRAIN),
         at(TRAIN, backend=UNREACHABLE, attempts=()), Block(UNREACHABLE)),
    Case("output claimed by another uid", "both ways on are told", status_at(None),
         observed_of(owner=Owner(OwnerState.OTHER, "u2")), Stall),
    Case("output of the predecessor that takeOver names", "it is taken", status_at(None),
         observed_of(owner=Owner(OwnerState.TAKEABLE, "u2", "state/x")),
         TakeOutput(Owner(OwnerState.TAKEABLE, "u2", "state/x"))),
    Case("output not claimed yet", "it is claimed", status_at(None),
         observed_of(owner=Owner(OwnerState.ABSENT)), ClaimOutput(NOW)),
    Case("no step in status", "the store is empty: prepare", status_at(None),
         observed_of(rebuilt=Rebuilt()), Start),
    Case("no step in status", "the store has reports", status_at(None),
         observed_of(rebuilt=Rebuilt((report_of(PREPARE),))),
         Restore((report_of(PREPARE),), None)),
    Case("no step in status", "the store was not asked", status_at(None), observed_of(), Wait()),
    Case("commit with outputs missing", "a person must look", status_at(TRAIN),
         at(TRAIN, commit=Commit(report_of(TRAIN), ("state/model.skops is missing",))), Stall),
    Case("verified commit", "the next step is recorded", status_at(TRAIN),
         at(TRAIN, commit=DONE), Advance),
    Case("verified commit", "after export the job has ended",
         status_at(EXPORT, ending={"succeeded": True, "reason": "AllLabeled"}),
         at(EXPORT, attempts=(), commit=Commit(report_of(EXPORT))),
         Finish(Ending(succeeded=True, reason="AllLabeled"), report_of(EXPORT))),
    Case("config of the attempt missing", "a person must look", status_at(TRAIN),
         at(TRAIN, config=None), Stall),
    Case("stalled by failures, generation newer", "count anew",
         status_at(TRAIN, conditions=STALLED, failures=3),
         at(TRAIN, generation=2, **ended(STATES.FAILED)), Retry),
    Case("stalled by failures", "nothing", status_at(TRAIN, conditions=STALLED, failures=3),
         at(TRAIN, attempts=()), Stall(Problem("BackoffLimitExceeded", "as it was"))),
    Case("resumed after its attempt was stopped", "the next attempt, not a failure",
         status_at(TRAIN, conditions=[condition("Suspended", "True", "Suspended")]),
         at(TRAIN, attempts=(attempt_of(TRAIN, STATES.STOPPED),)), Retry),
    Case("resumed after its attempt was stopped", "it must have stopped",
         status_at(TRAIN, conditions=[condition("Suspended", "Unknown", "Suspending")]),
         at(TRAIN), StopAttempts(RUNS, "Resuming")),
    Case("retry time not reached", "wait",
         status_at(TRAIN, submitted=False, retry_time=NOW + timedelta(seconds=9)),
         at(TRAIN, attempts=()), Wait(NOW + timedelta(seconds=9))),
    Case("name in use by somebody else", "it is not touched", status_at(TRAIN),
         at(TRAIN, attempts=(attempt_of(TRAIN, ours=False),)), Stall),
    Case("recorded, never submitted", "submit", status_at(TRAIN, submitted=False),
         at(TRAIN, attempts=()), SubmitAttempt(config_of(TRAIN))),
    Case("recorded, never submitted", "a retry time beyond any delay counts as now",
         status_at(TRAIN, submitted=False, retry_time=NOW + timedelta(hours=9)),
         at(TRAIN, attempts=()), SubmitAttempt),
    Case("recorded, never submitted", "the backend knows it", status_at(TRAIN, submitted=False),
         at(TRAIN), RecordSubmitted(NOW)),
    Case("submitted, unknown once", "look again in 30 s", status_at(TRAIN),
         at(TRAIN, attempts=(), evidence=seen("missing", TRAIN, JUST_NOW)),
         Wait(NOW + timedelta(seconds=20))),
    Case("ended without commit, seen once", "look for the commit again", status_at(TRAIN),
         at(TRAIN, attempts=(attempt_of(TRAIN, STATES.FAILED),),
            evidence=seen("ended", TRAIN, 1_000.0)), Wait(NOW)),
    Case("failed, configuration at fault", "the stage says so", status_at(TRAIN),
         at(TRAIN, **ended(STATES.FAILED),
            draft=StageFailure(configuration=True, reason="NoUsableLines", message="all bad")),
         Stall),
    Case("failed, configuration at fault", "Ray says so", status_at(TRAIN),
         at(TRAIN, **ended(STATES.FAILED, failure=FailureClass.CONFIGURATION)), Stall),
    Case("failed, attempts left", "lost, seen twice", status_at(TRAIN),
         at(TRAIN, attempts=(), evidence=seen("missing", TRAIN)), Retry),
    Case("failed, attempts left", "it failed", status_at(TRAIN),
         at(TRAIN, **ended(STATES.FAILED)), Retry),
    Case("failed, attempts left", "it says that it succeeded", status_at(TRAIN),
         at(TRAIN, **ended(STATES.SUCCEEDED)), Retry),
    Case("failed, none left", "a person must look", status_at(TRAIN, attempt=1, failures=2),
         at(TRAIN, **ended(STATES.FAILED)), Stall),
    Case("attempts of earlier steps left over", "what ended is forgotten", status_at(TRAIN),
         at(TRAIN, attempts=(attempt_of(TRAIN), attempt_of(step("con"), STATES.SUCCEEDED))),
         CleanUp((attempt_of(step("con"), STATES.SUCCEEDED),))),
    Case("attempts of earlier steps left over", "what hangs is stopped", status_at(TRAIN),
         at(TRAIN, attempts=(attempt_of(TRAIN), attempt_of(step("con")))),
         StopAttempts((attempt_of(step("con")),), "Superseded")),
    Case("at work", "look again when it is overdue", status_at(TRAIN), at(TRAIN),
         Wait(NOW + timedelta(seconds=7_180), attempt_of(TRAIN))),
    Case("at work", "people's progress is looked for every 30 s", status_at(ANNOTATE),
         at(ANNOTATE), Wait(NOW + timedelta(seconds=30), attempt_of(ANNOTATE))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{case.row}: {case.name}" for case in CASES])
def test_first_row_that_applies_gives_the_action(case: Case) -> None:
    row, action = row_of(spec_of(**case.spec), case.status, case.observed, NOW)
    assert row == case.row
    if isinstance(case.action, type):
        assert type(action) is case.action
    else:
        assert action == case.action


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    assert [name for name, _ in TABLE] == list(dict.fromkeys(case.row for case in CASES))


def action_of(status: JobStatus, observed: Observed, **spec: Any) -> Action:
    return decide(spec_of(**spec), status, observed, NOW)


def test_a_timeout_by_an_untrusted_clock_is_none() -> None:
    look = at(TRAIN, evidence=seen("overdue", TRAIN), clock_trusted=False)
    assert isinstance(action_of(status_at(TRAIN), look), Wait)


def test_a_deadline_by_an_untrusted_clock_is_none() -> None:
    look = at(TRAIN, evidence=PAST_DEADLINE, clock_trusted=False)
    assert isinstance(action_of(status_at(TRAIN), look, **DEADLINE), Wait)


def test_a_timeout_seen_once_is_none() -> None:
    look = at(TRAIN, evidence=seen("overdue", TRAIN, JUST_NOW))
    assert isinstance(action_of(status_at(TRAIN), look), Wait)


def test_a_deadline_lets_export_go_on() -> None:
    look = at(EXPORT, evidence=PAST_DEADLINE)
    assert isinstance(action_of(status_at(EXPORT), look, **DEADLINE), Wait)


def test_stop_now_lets_prepare_and_consolidate_finish() -> None:
    for done in (PREPARE, step("con")):
        assert isinstance(action_of(status_at(done), at(done), **STOP_NOW), Wait)


def test_a_workforce_is_closed_once() -> None:
    look = at(ANNOTATE, stop_requested=True)
    assert isinstance(action_of(status_at(ANNOTATE), look, **STOP_NOW), Wait)


def test_an_early_export_has_its_ending_and_what_the_stopped_step_was_given() -> None:
    action = action_of(status_at(TRAIN), at(TRAIN, attempts=()), **STOP_NOW)
    assert isinstance(action, EndEarly)
    stopped = config_of(TRAIN)
    assert action.config.step == EXPORT
    assert action.config.inputs == stopped.inputs
    assert action.config.previous == stopped.previous
    assert action.config.ending == Ending(succeeded=True, reason="StoppedByUser")


def test_an_end_before_any_label_is_no_result() -> None:
    unlabeled = config_of(TRAIN, previous=Progressed(counters=counters()))
    action = action_of(status_at(TRAIN), at(TRAIN, attempts=(), config=unlabeled), **STOP_NOW)
    assert isinstance(action, EndEarly)
    assert action.config.ending == Ending(succeeded=False, reason="NoResult", cause="StoppedByUser")


def test_a_committed_export_ends_with_the_cause_that_only_its_config_has() -> None:
    ending = Ending(succeeded=False, reason="NoResult", cause="StoppedByUser")
    recorded = {"succeeded": False, "reason": "NoResult"}
    status = status_at(EXPORT, ending=recorded)
    done = Commit(report_of(EXPORT))
    config = config_of(EXPORT, ending=ending)
    action = action_of(status, at(EXPORT, attempts=(), commit=done, config=config))
    assert isinstance(action, Finish)
    assert action.ending == ending


def test_a_twin_that_lost_is_stopped_and_the_winner_forgotten() -> None:
    winner = attempt_of(TRAIN, STATES.SUCCEEDED)
    twin = attempt_of(TRAIN, attempt=2)
    action = action_of(status_at(TRAIN, attempt=2), at(TRAIN, attempts=(winner, twin), commit=DONE))
    assert isinstance(action, Advance)
    assert (action.stop, action.delete) == ((twin,), (winner,))


def test_an_attempt_that_committed_and_is_about_to_end_is_not_stopped() -> None:
    action = action_of(status_at(TRAIN), at(TRAIN, commit=DONE))
    assert isinstance(action, Advance)
    assert (action.stop, action.delete) == ((), ())


def test_a_failed_word_does_not_count_against_a_commit() -> None:
    look = at(TRAIN, **ended(STATES.FAILED), commit=DONE)
    assert isinstance(action_of(status_at(TRAIN), look), Advance)


def test_a_late_commit_ends_a_stall() -> None:
    look = at(TRAIN, attempts=(), commit=DONE)
    assert isinstance(action_of(status_at(TRAIN, conditions=STALLED), look), Advance)


def test_failures_of_the_stage_and_of_infrastructure_are_counted_apart() -> None:
    lost = at(TRAIN, attempts=(), evidence=seen("missing", TRAIN))
    action = action_of(status_at(TRAIN, failures=2), lost)
    assert isinstance(action, Retry)
    assert (action.failures, action.infrastructure_failures) == (2, 1)
    failed = at(TRAIN, **ended(STATES.FAILED))
    action = action_of(status_at(TRAIN, failures=1, infrastructure_failures=9), failed)
    assert isinstance(action, Retry)
    assert (action.failures, action.infrastructure_failures) == (2, 9)


def test_ten_attempts_may_be_lost_to_infrastructure() -> None:
    lost = at(TRAIN, attempts=(), evidence=seen("missing", TRAIN))
    action = action_of(status_at(TRAIN, infrastructure_failures=9), lost)
    assert isinstance(action, Stall)
    assert action.problem.reason == "BackoffLimitExceeded"
    assert "AttemptLost" in action.problem.message


def test_a_retry_waits_longer_each_time_and_differs_in_resources_alone() -> None:
    compute = {
        "ray": {"address": {"name": "shared"}},
        "stages": [{"name": "train", "memoryMiB": 8192, "maxAttempts": 9}],
    }
    waits = []
    for failures in range(4):
        look = at(TRAIN, **ended(STATES.FAILED))
        action = action_of(status_at(TRAIN, failures=failures), look, compute=compute)
        assert isinstance(action, Retry)
        assert action.retry_time is not None
        waits.append((action.retry_time - NOW).total_seconds())
        assert action.config.attempt == 2
        assert action.config.resources.memory_mib == 8192
        assert action.config.digest() == config_of(TRAIN).digest()
    assert waits == sorted(waits)
    assert 7.5 <= waits[0] <= 10


def test_a_failure_names_stage_attempt_cause_and_next_step() -> None:
    look = at(TRAIN, **ended(STATES.FAILED, message="exited 137 (out of memory)."))
    action = action_of(status_at(TRAIN, failures=2), look)
    assert isinstance(action, Stall)
    assert action.problem.message == (
        "StageFailed: train round 1 attempt 1: exited 137 (out of memory). "
        "spec.compute.stages[name=train].maxAttempts is 3. Mend the cause, then change any field "
        "of spec (suspend and resume, for example) to try again."
    )


def test_a_stage_cannot_pass_for_a_stall_of_ours() -> None:
    for given, shown in [("OutputInUse", "StageMisconfigured"), ("NoUsableLines", "NoUsableLines")]:
        draft = StageFailure(configuration=True, reason=given, message="see there.")
        action = action_of(status_at(TRAIN), at(TRAIN, **ended(STATES.FAILED), draft=draft))
        assert isinstance(action, Stall)
        assert action.problem.reason == shown


def test_an_attempt_that_was_stopped_after_its_timeout_ran_too_long() -> None:
    look = at(TRAIN, **ended(STATES.STOPPED, started=NOW - timedelta(hours=3)))
    action = action_of(status_at(TRAIN), look)
    assert isinstance(action, Retry)
    assert action.problem.reason == "StageTimeout"
    assert action.failures == 1


def test_a_changed_spec_gives_the_next_attempt_what_it_says_now() -> None:
    look = at(TRAIN, generation=2, **ended(STATES.FAILED))
    storage = replace(look, storage_access=look.storage_access.model_copy(update={"region": "eu"}))
    action = action_of(status_at(TRAIN, conditions=STALLED, failures=3), storage)
    assert isinstance(action, Retry)
    assert (action.failures, action.config.attempt) == (0, 2)
    assert action.config.storage.region == "eu"
    assert action.config.stage_time == config_of(TRAIN).stage_time


def test_a_damaged_commit_is_told_with_its_key_and_the_way_out() -> None:
    commit = Commit(report_of(TRAIN), ("s3://b/x is missing; the commit says 4.", "s3://b/y"))
    action = action_of(status_at(TRAIN), at(TRAIN, commit=commit))
    assert isinstance(action, Stall)
    assert "s3://b/x is missing" in action.problem.message
    assert "and 1 more" in action.problem.message
    assert "0001/tra-p1/COMMITTED.json" in action.problem.message


def test_a_report_without_its_task_file_does_not_break_the_operator() -> None:
    facts = NextFacts(task_items=5)
    commit = Commit(report_of(step("inf"), facts, carry={}))
    action = action_of(status_at(step("inf")), at(step("inf"), commit=commit))
    assert isinstance(action, Stall)
    assert action.problem.reason == "StateCorrupted"


def test_only_annotate_is_told_where_the_truth_lies() -> None:
    facts = NextFacts(task_items=5, remainder_items=5, trainable=True)
    names = [person.name for person in PEOPLE.annotators]
    for done, knows in [
        (step("inf"), PEOPLE),
        (ANNOTATE, names),
        (step("con"), None),
        (step("tra"), names),
    ]:
        look = at(done, commit=Commit(report_of(done, facts)), attempts=())
        action = action_of(status_at(done), look)
        assert isinstance(action, Advance)
        told = action.config.simulated
        if knows is not names:
            assert told == knows
        else:
            # Consolidate and infer are told whom they can still ask, and nothing else.
            assert told is not None
            assert [person.name for person in told.annotators] == names
            assert {person.accuracy_permille for person in told.annotators} == {0}
            assert told.truth_uri == ""


def restored(reports: list[Step], recorded: list[Step], **changes: Any) -> Restore:
    rebuilt = Rebuilt(
        tuple(report_of(done) for done in reports), tuple(config_of(done) for done in recorded)
    )
    action = action_of(status_at(None), observed_of(rebuilt=rebuilt, **changes))
    assert isinstance(action, Restore)
    return action


def test_a_rebuilt_step_gets_an_attempt_that_nothing_has_seen() -> None:
    action = restored([PREPARE], [ANNOTATE])
    assert action.config is not None
    assert (action.config.step, action.config.attempt, action.runs) == (ANNOTATE, 2, False)
    lost = attempt_of(ANNOTATE, STATES.FAILED, attempt=4)
    action = restored([PREPARE], [ANNOTATE], attempts=(lost,))
    assert action.config is not None
    assert action.config.attempt == 5


def test_a_rebuilt_step_keeps_the_attempt_that_runs() -> None:
    action = restored([PREPARE], [ANNOTATE], attempts=(attempt_of(ANNOTATE, attempt=3),))
    assert action.config is not None
    assert (action.config.attempt, action.runs) == (3, True)


def test_a_rebuild_stops_at_the_first_gap() -> None:
    action = restored([PREPARE, ANNOTATE, step("tra")], [])
    assert [report.step for report in action.reports] == [PREPARE, ANNOTATE]


def test_an_export_that_was_recorded_counts_more_than_a_step_recorded_before() -> None:
    action = restored([PREPARE, ANNOTATE, step("con")], [step("ann", 2), EXPORT])
    assert action.config is not None
    assert action.config.step == EXPORT


def test_a_step_that_was_stopped_for_export_does_not_come_back() -> None:
    action = restored([PREPARE, ANNOTATE, step("con"), EXPORT], [TRAIN])
    assert action.config is None
    assert action.reports[-1].step == EXPORT


@pytest.mark.parametrize(
    ("status", "changes", "spec"),
    [
        (IDLE_FOR_300, {"attempts": ()}, own_cluster(301)),
        (IDLE_FOR_300, {}, own_cluster(0)),
        (IDLE_FOR_300, {"attempts": (), "backend": UNREACHABLE}, own_cluster(0)),
        (status_at(TRAIN, conditions=STALLED), {"attempts": ()}, own_cluster(0)),
    ],
    ids=["too short", "something runs", "not known", "never seen"],
)
def test_a_cluster_that_may_be_needed_is_kept(
    status: JobStatus, changes: dict[str, Any], spec: dict[str, Any]
) -> None:
    look = at(TRAIN, clusters=("birds-c1",), **changes)
    assert not isinstance(decide(spec_of(**spec), status, look, NOW), ReleaseClusters)


def test_what_follows_a_failure_is_told_whole_however_long_the_failure_is() -> None:
    observed = at(TRAIN, **ended(STATES.FAILED, message="x" * 5_000))
    action = decide(spec_of(), status_at(TRAIN), observed, NOW)
    assert isinstance(action, Retry)
    assert len(action.problem.message) == 1_000
    assert action.problem.message.endswith(" Attempt 2 follows.")


def test_a_failure_with_the_last_lines_of_a_log_is_told_on_one_line() -> None:
    observed = at(
        TRAIN, **ended(STATES.FAILED, message="exit code 1, last logs:\nfirst\n\n  last\n")
    )
    action = decide(spec_of(), status_at(TRAIN), observed, NOW)
    assert isinstance(action, Retry)
    assert action.problem.message.endswith("exit code 1, last logs: first last Attempt 2 follows.")

"""What follows each stage, and what ends a job; one sentence a case."""

from __future__ import annotations

from typing import Any

import pytest

from job_factories import carry, counters, ref, report_of, spec_of, step
from surelabel_contract.stages import REMAINDER_ROUND, NextFacts, Progressed, StageReport
from surelabel_contract.steps import Stage
from surelabel_operator.next_step import (
    RECHECK_ROUND,
    Next,
    UnfitReportError,
    inputs_of,
    next_step,
    rounds_without_gain,
)
from surelabel_operator.progress import advance
from surelabel_operator.resources import JobStatus, LabelingJobSpec, RoundStatus

ASKED = NextFacts(task_items=20, remainder_items=60)
TRAINABLE = NextFacts(remainder_items=60, trainable=True)
MARKED = carry(**{REMAINDER_ROUND: "remainder of the last round"})


def after(
    report: StageReport, rounds: list[RoundStatus] | None = None, **spec_changes: Any
) -> Next:
    spec = spec_of(**spec_changes)
    before = JobStatus(recent_rounds=rounds or [])
    return next_step(spec, advance(before, report, spec, "s3://bucket/out/birds"), report)


def labeled(human: int, machine: int = 0, answers: int = 0) -> Progressed:
    return Progressed(counters=counters(human=human, machine=machine), answers=answers)


def ended(following: Next) -> tuple[bool, str]:
    assert following.step.stage is Stage.EXPORT
    assert following.ending is not None
    return following.ending.succeeded, following.ending.reason


def asked(following: Next) -> tuple[int, str | None, str | None]:
    assert following.step.stage is Stage.ANNOTATE
    return following.step.round, following.tasks, following.mark


def test_prepare_is_followed_by_people_with_the_first_batch() -> None:
    assert asked(after(report_of(step("pre", 0), ASKED))) == (1, "tasks", None)


def test_without_models_every_round_is_one_of_the_remainder() -> None:
    following = after(report_of(step("pre", 0), ASKED), autoLabeling=None)
    assert asked(following) == (1, "tasks", REMAINDER_ROUND)


def test_prepare_with_nothing_to_ask_is_followed_by_export() -> None:
    assert ended(after(report_of(step("pre", 0)))) == (True, "NothingLeftToAsk")


def test_annotate_is_followed_by_consolidate_of_the_same_pass() -> None:
    following = after(report_of(step("ann", 3, 2)))
    assert following.step == step("con", 3, 2)


def test_unsure_items_go_to_more_people_in_another_pass() -> None:
    following = after(report_of(step("con", 3), NextFacts(another_pass=True, task_items=4)))
    assert (following.step, following.tasks) == (step("ann", 3, 2), "tasks")


def test_another_pass_is_not_lost_to_a_limit_since_only_the_last_pass_labels() -> None:
    report = report_of(step("con", 3), NextFacts(another_pass=True, task_items=4))
    assert after(report, stopping={"stopNow": True}).step == step("ann", 3, 2)


def test_consolidate_is_followed_by_train() -> None:
    assert after(report_of(step("con", 2), TRAINABLE, labeled(20))).step == step("tra", 2)


def test_consolidate_of_a_later_pass_is_followed_by_train_of_pass_one() -> None:
    assert after(report_of(step("con", 2, 3), TRAINABLE, labeled(20))).step == step("tra", 2)


def test_what_cannot_be_trained_falls_back_to_people_and_may_be_trained_later() -> None:
    facts = NextFacts(remainder_items=60, trainable=False)
    assert asked(after(report_of(step("con", 2), facts, labeled(20)))) == (3, "remainder", None)


def test_train_is_followed_by_infer() -> None:
    assert after(report_of(step("tra", 2))).step == step("inf", 2)


def test_infer_is_followed_by_the_next_batch() -> None:
    assert asked(after(report_of(step("inf", 2), ASKED, labeled(20)))) == (3, "tasks", None)


def test_max_rounds_is_checked_after_consolidate_and_leaves_the_rest_to_people() -> None:
    report = report_of(step("con", 2), TRAINABLE, labeled(20))
    following = after(report, stopping={"maxRounds": 2})
    assert asked(following) == (3, "remainder", REMAINDER_ROUND)


def test_max_rounds_ends_the_job_where_the_remainder_is_left() -> None:
    report = report_of(step("con", 2), TRAINABLE, labeled(20))
    following = after(report, stopping={"maxRounds": 2, "remainder": "Leave"})
    assert ended(following) == (True, "MaxRoundsReached")


def test_max_rounds_does_not_count_rounds_of_the_remainder() -> None:
    report = report_of(step("con", 9), TRAINABLE, labeled(20), carry=MARKED)
    following = after(report, stopping={"maxRounds": 2})
    assert asked(following) == (10, "remainder", REMAINDER_ROUND)


def test_a_round_of_the_remainder_is_not_followed_by_train() -> None:
    report = report_of(step("con", 3), TRAINABLE, labeled(20), carry=MARKED)
    assert asked(after(report)) == (4, "remainder", REMAINDER_ROUND)


def test_the_same_remainder_again_is_not_asked_again() -> None:
    same = carry(**{REMAINDER_ROUND: "remainder"})
    report = report_of(step("con", 3), TRAINABLE, labeled(20), carry=same)
    assert ended(after(report)) == (True, "NothingLeftToAsk")


def test_patience_ends_after_rounds_without_newly_certified_labels() -> None:
    rounds = [RoundStatus(round=r) for r in (2, 3, 4)]
    report = report_of(step("inf", 4), ASKED, labeled(20))
    assert asked(after(report, rounds)) == (5, "remainder", REMAINDER_ROUND)
    following = after(report, rounds, stopping={"remainder": "Leave"})
    assert ended(following) == (True, "NoFurtherGain")


def test_models_that_wait_for_a_better_moment_do_not_run_out_of_patience() -> None:
    rounds = [RoundStatus(round=r) for r in (2, 3, 4)]
    report = report_of(step("inf", 4), ASKED.model_copy(update={"waits": True}), labeled(20))
    assert asked(after(report, rounds)) == (5, "tasks", None)


def test_a_pending_proposal_is_answered_before_patience_ends_anything() -> None:
    rounds = [RoundStatus(round=r) for r in (2, 3, 4)]
    facts = ASKED.model_copy(update={"proposal_pending": True, "does_not_pay": True})
    report = report_of(step("inf", 4), facts, labeled(20))
    assert asked(after(report, rounds)) == (5, "tasks", None)


def test_a_round_that_does_not_pay_ends_the_work_of_models() -> None:
    facts = ASKED.model_copy(update={"does_not_pay": True})
    report = report_of(step("inf", 2), facts, labeled(20))
    assert asked(after(report)) == (3, "remainder", REMAINDER_ROUND)
    following = after(report, stopping={"remainder": "Leave"})
    assert ended(following) == (True, "AnotherRoundDoesNotPay")


def test_the_first_round_does_not_count_against_patience() -> None:
    first = JobStatus(recent_rounds=[RoundStatus(round=1)])
    assert rounds_without_gain(first) == 0
    rounds = [RoundStatus(round=2, machine_labeled=9), RoundStatus(round=3)]
    assert rounds_without_gain(JobStatus(recent_rounds=rounds)) == 1


def test_everything_labeled_ends_the_job() -> None:
    report = report_of(step("con", 3), NextFacts(), labeled(60, 40))
    assert ended(after(report)) == (True, "AllLabeled")


def test_items_that_nobody_could_label_are_not_called_all_labeled() -> None:
    progressed = Progressed(counters=counters(human=90, failed=10))
    report = report_of(step("con", 3), NextFacts(), progressed)
    assert ended(after(report)) == (True, "NothingLeftToAsk")


LIMITS: list[tuple[str, dict[str, Any], Progressed, str]] = [
    ("people labeled enough", {"maxHumanLabeledItems": 30}, labeled(30), "MaxHumanLabeledItems"),
    ("enough is labeled", {"maxLabeledPercent": 60}, labeled(30, 30), "MaxLabeledPercent"),
    (
        "no further item fits into the budget",
        {"maxCost": {"amount": "1.2", "currency": "USD"}},
        labeled(30, answers=98),
        "MaxCost",
    ),
    ("the user said stop", {"stopNow": True}, labeled(30), "StoppedByUser"),
]


@pytest.mark.parametrize(
    ("stopping", "progressed", "reason"), [case[1:] for case in LIMITS], ids=[c[0] for c in LIMITS]
)
@pytest.mark.parametrize("code", ["con", "inf"])
def test_a_limit_ends_the_questions_with_its_own_reason(
    code: str, stopping: dict[str, Any], progressed: Progressed, reason: str
) -> None:
    facts = ASKED.model_copy(update={"trainable": True, "proposal_pending": True})
    following = after(report_of(step(code, 2), facts, progressed), stopping=stopping)
    assert ended(following) == (True, reason)


def test_a_budget_with_room_for_one_more_item_is_not_reached() -> None:
    report = report_of(step("inf", 2), ASKED, labeled(30, answers=97))
    following = after(report, stopping={"maxCost": {"amount": "1.2", "currency": "USD"}})
    assert following.step.stage is Stage.ANNOTATE


def test_labeled_percent_is_a_ceiling_also_where_it_is_no_whole_item() -> None:
    for human, reason in [(3, "MaxLabeledPercent"), (2, None)]:
        progressed = Progressed(counters=counters(total=7, human=human))
        following = after(
            report_of(step("inf", 2), ASKED, progressed), stopping={"maxLabeledPercent": 50}
        )
        assert (following.ending.reason if following.ending else None) == reason


def test_a_limit_before_any_label_is_no_result() -> None:
    report = report_of(step("pre", 0), ASKED)
    following = after(report, stopping={"maxCost": {"amount": "0.03", "currency": "USD"}})
    assert ended(following) == (False, "NoResult")


def test_machine_labels_are_looked_at_again_once_before_export() -> None:
    facts = NextFacts(recheck_items=5)
    roles = carry(recheck="recheck")
    report = report_of(step("con", 3), facts, labeled(60, 40), carry=roles)
    assert asked(after(report)) == (4, "recheck", RECHECK_ROUND)
    again = {**roles, RECHECK_ROUND: ref("recheck")}
    report = report_of(step("con", 4), facts, labeled(60, 39), carry=again)
    assert ended(after(report)) == (True, "NothingLeftToAsk")


def test_a_limit_leaves_no_room_to_look_at_machine_labels_again() -> None:
    report = report_of(
        step("con", 3), NextFacts(recheck_items=5), labeled(30, 40), carry=carry(recheck="r")
    )
    assert ended(after(report, stopping={"stopNow": True})) == (True, "StoppedByUser")


def test_nothing_follows_export() -> None:
    with pytest.raises(ValueError, match="nothing follows"):
        after(report_of(step("exp", 3)))


def test_a_round_of_the_remainder_gets_its_file_and_its_mark() -> None:
    report = report_of(step("con", 2))
    following = Next(step("ann", 3), tasks="remainder", mark=REMAINDER_ROUND)
    inputs = inputs_of(following, report)
    assert inputs["tasks"] == inputs["remainder"] == inputs[REMAINDER_ROUND]
    assert inputs["index"] == ref("index")


def test_a_mark_ends_with_its_round_but_not_with_a_pass() -> None:
    report = report_of(step("con", 2), carry=MARKED)
    assert REMAINDER_ROUND in inputs_of(Next(step("ann", 2, 2), tasks="tasks"), report)
    assert REMAINDER_ROUND not in inputs_of(Next(step("ann", 3), tasks="tasks"), report)


def test_a_report_without_the_file_that_it_wants_asked_is_refused() -> None:
    report = report_of(step("inf", 2), carry={})
    with pytest.raises(UnfitReportError, match=r"0002/inf-p1: .* no 'tasks'"):
        inputs_of(Next(step("ann", 3), tasks="tasks"), report)


def test_following_reports_never_repeat_a_step() -> None:
    spec: LabelingJobSpec = spec_of()
    for code in ("pre", "ann", "con", "tra", "inf"):
        report = report_of(step(code, 0 if code == "pre" else 2), ASKED, labeled(20))
        assert next_step(spec, JobStatus(), report).step.order > report.step.order

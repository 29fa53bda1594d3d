"""Which Event an action is worth: at most one, and none for what the status says already."""

from __future__ import annotations

from surelabel_contract.stages import StageReport
from surelabel_operator.actions import Action, Advance, Block, EndEarly, Finish, Retry, Stall
from surelabel_operator.cluster import EventDraft
from surelabel_operator.conditions import describe
from surelabel_operator.observed import MESSAGE_MAX, Problem
from surelabel_operator.reasons import ATTEMPT_REASONS, Reason
from surelabel_operator.resources import JobStatus


def event_of(before: JobStatus, after: JobStatus, action: Action) -> EventDraft | None:
    """The Event about ``action``, which took the status from ``before`` to ``after``."""
    match action:
        case Advance(report):
            return _of_report(report, after)
        case EndEarly(config) if config.ending is not None:
            problem = Problem(config.ending.reason, "What there is will be exported.")
            return _event(problem, is_warning=not config.ending.succeeded)
        case Finish(ending):
            succeeded = after.condition("Succeeded")
            how = describe(after) if succeeded is None else succeeded.message
            problem = Problem(ending.reason, how)
            return _event(problem, is_warning=not ending.succeeded)
        case Retry(problem=problem):
            return _event(problem, is_warning=problem.reason in ATTEMPT_REASONS)
        case Stall(problem) | Block(problem) if _is_news(before, problem):
            return _event(problem, is_warning=True)
    return None


def _of_report(report: StageReport, after: JobStatus) -> EventDraft:
    if report.notices:
        message = " ".join(notice.message for notice in report.notices)
        return _event(Problem(report.notices[0].reason, message), is_warning=True)
    done = f"Round {report.step.round}, {report.step.stage} is done. "
    return _event(Problem(Reason.STEP_COMMITTED, done + describe(after)), is_warning=False)


def _event(problem: Problem, *, is_warning: bool) -> EventDraft:
    message = problem.message[:MESSAGE_MAX]
    return EventDraft("Warning" if is_warning else "Normal", problem.reason, message)


def _is_news(before: JobStatus, problem: Problem) -> bool:
    ready = before.condition("Ready")
    return ready is None or ready.reason != problem.reason

"""What one look says about the facts that must be seen twice; see evidence.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from surelabel_operator.evidence import Facts, after_look
from surelabel_operator.observed import AttemptState, Observed
from surelabel_operator.resources import JobStatus, LabelingJobSpec
from surelabel_operator.situation import Situation, deadline_at, overdue_at


def with_evidence(
    spec: LabelingJobSpec, status: JobStatus, observed: Observed, now: datetime
) -> Observed:
    """``observed`` with this look in its evidence; what to decide on, and to keep for the next."""
    facts = facts_of(Situation(spec, status, observed, now))
    return replace(observed, evidence=after_look(observed.evidence, facts, observed.monotonic))


def facts_of(situation: Situation) -> Facts:
    """Which of the facts hold by this look alone; nothing holds of what could not be asked."""
    step, observed = situation.step, situation.observed
    if step is None:
        return Facts()
    attempt = situation.attempt
    known = observed.backend is None
    missing = known and attempt is None and step.submitted_time is not None
    ended = (
        known
        and observed.storage is None
        and observed.commit is None
        and attempt is not None
        and attempt.ours
        and not attempt.runs
    )
    return Facts(
        missing=step.name if missing else None,
        overdue=step.name if _is_overdue(situation) else None,
        ended=step.name if ended else None,
        past_deadline=observed.job.uid if _is_past_deadline(situation) else None,
    )


def _is_overdue(situation: Situation) -> bool:
    attempt, end = situation.attempt, overdue_at(situation)
    return (
        situation.observed.clock_trusted
        and attempt is not None
        and attempt.ours
        and attempt.state is AttemptState.RUNNING
        and end is not None
        and situation.now > end
    )


def _is_past_deadline(situation: Situation) -> bool:
    end = deadline_at(situation)
    return situation.observed.clock_trusted and end is not None and situation.now > end

"""All policy: what to do next about one LabelingJob. Pure; first row that applies wins.

The rows are DESIGN's table "situation, first match wins", in its order; each is a small check
over one Situation that answers with an action or None. It decides from what is there and never
asks which event woke it, so that it may be repeated or killed anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from surelabel_operator import advancing, attempting, blocking, stopping
from surelabel_operator.actions import Action, Nothing
from surelabel_operator.observed import Observed
from surelabel_operator.resources import JobStatus, LabelingJobSpec
from surelabel_operator.situation import Situation

Row = Callable[[Situation], Action | None]

TABLE: tuple[tuple[str, Row], ...] = (
    ("deleted", stopping.deleted),
    ("Succeeded is True or False", stopping.finished),
    ("active time over the deadline", stopping.past_deadline),
    ("suspended", stopping.suspended),
    ("nothing ran on the job's RayCluster for idleSeconds", stopping.idle_cluster),
    ("stopNow or a limit while people annotate", stopping.limit_while_people_annotate),
    ("stopNow while train or infer runs", stopping.stop_now_while_a_model_works),
    ("running past the timeout", stopping.past_timeout),
    ("running or waiting, and broken", stopping.broken),
    ("spec or references invalid", blocking.invalid_references),
    ("storage or backend cannot be asked", blocking.cannot_be_asked),
    ("output claimed by another uid", blocking.output_of_another),
    ("output of the predecessor that takeOver names", blocking.output_of_predecessor),
    ("output not claimed yet", blocking.output_unclaimed),
    ("no step in status", advancing.no_step),
    ("commit with outputs missing", advancing.damaged_commit),
    ("verified commit", advancing.committed),
    ("config of the attempt missing", advancing.config_missing),
    ("stalled by failures, generation newer", attempting.stalled_before_new_spec),
    ("stalled by failures", attempting.stalled_by_failures),
    ("resumed after its attempt was stopped", attempting.resumed),
    ("retry time not reached", attempting.retry_time_ahead),
    ("name in use by somebody else", attempting.name_in_use),
    ("recorded, never submitted", attempting.never_submitted),
    ("submitted, unknown once", attempting.lost_once),
    ("ended without commit, seen once", attempting.ended_once),
    ("failed, configuration at fault", attempting.misconfigured),
    ("failed, attempts left", attempting.attempts_left),
    ("failed, none left", attempting.no_attempt_left),
    ("attempts of earlier steps left over", attempting.leftovers),
    ("at work", attempting.at_work),
)


def decide(spec: LabelingJobSpec, status: JobStatus, observed: Observed, now: datetime) -> Action:
    """The next action. ``observed`` must have this look's evidence (``looks.with_evidence``)."""
    return row_of(spec, status, observed, now)[1]


def row_of(
    spec: LabelingJobSpec, status: JobStatus, observed: Observed, now: datetime
) -> tuple[str, Action]:
    """The name of the row that applies, and its action."""
    situation = Situation(spec, status, observed, now)
    for name, row in TABLE:
        action = row(situation)
        if action is not None:
            return name, action
    return "nothing to do", Nothing()

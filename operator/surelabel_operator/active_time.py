"""How long a job was active: suspended time does not count, everything else does.

status.activeSeconds holds the time up to the last change of what it counts from: the recording
of the current attempt, or the end of a suspension. So nothing has to be written as time passes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from surelabel_operator.resources import JobStatus


def active_since(status: JobStatus) -> datetime | None:
    """From when on time is not in ``activeSeconds`` yet; None: the clock stands still."""
    if status.step is None:
        return None
    suspended = status.condition("Suspended")
    if suspended is None:
        return status.step.recorded_time
    if suspended.status == "True":
        return None
    return max(status.step.recorded_time, suspended.last_transition_time)


def active_time(status: JobStatus, now: datetime) -> timedelta:
    """How long the job was active until now."""
    since = active_since(status)
    running = timedelta(0) if since is None else max(timedelta(0), now - since)
    return timedelta(seconds=status.active_seconds) + running


def settled(before: JobStatus, after: JobStatus, now: datetime) -> JobStatus:
    """``after`` with the time in it that it would lose by counting from later than ``before``."""
    if active_since(before) == active_since(after):
        return after
    seconds = int(active_time(before, now).total_seconds())
    # A rebuilt status brings its own, from the reports.
    return after.with_(active_seconds=max(seconds, after.active_seconds))

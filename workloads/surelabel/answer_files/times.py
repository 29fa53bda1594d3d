"""How long an answer took, as its file tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def seconds_spent(entry: Mapping[str, Any]) -> float | None:
    """The time of an answer in seconds; None where it is not known.

    ``timeSpentInSeconds``, which leaves out pauses; without it from ``acceptanceTime`` to
    ``submissionTime``, which has them in. Answers of 2019 tell only when they were submitted. What
    is no time, or below 0, is not known.
    """
    spent = entry.get("timeSpentInSeconds")
    if isinstance(spent, int | float) and not isinstance(spent, bool):
        seconds = float(spent)
    else:
        accepted, submitted = (
            _moment(entry.get(key)) for key in ("acceptanceTime", "submissionTime")
        )
        if accepted is None or submitted is None:
            return None
        seconds = (submitted - accepted).total_seconds()
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _moment(value: Any) -> datetime | None:
    """A time in ISO 8601, in UTC where it names no zone."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

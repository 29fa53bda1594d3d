"""How often a step is tried, and how long it waits before each try; all from persisted numbers."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

FIRST_DELAY_SECONDS = 10
MAX_DELAY_SECONDS = 600
MAX_INFRASTRUCTURE_FAILURES = 10
# A quarter at most is taken off, so that jobs that fell together do not rise together.
_JITTER = 0.25


def delay_after(failures: int, uid: str, attempt: int) -> timedelta:
    """min(10 s * 2^(failures - 1), 10 min), less a jitter that uid and attempt fix."""
    # The exponent is bounded first: 2 ** 9999 is a number of 3,000 digits.
    seconds = min(FIRST_DELAY_SECONDS * 2 ** min(max(failures, 1) - 1, 10), MAX_DELAY_SECONDS)
    digest = hashlib.sha256(f"{uid}/{attempt}".encode()).digest()
    return timedelta(seconds=seconds * (1 - _JITTER * digest[0] / 255))


def is_waiting(retry_time: datetime | None, now: datetime) -> bool:
    """Whether ``retry_time`` lies ahead; one further off than any delay is a clock's mistake."""
    if retry_time is None:
        return False
    return now < retry_time <= now + timedelta(seconds=MAX_DELAY_SECONDS)

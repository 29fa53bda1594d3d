"""Reasons are known, documented and PascalCase; a stage's own are told apart from ours."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from surelabel_operator.reasons import Reason, is_failure_stall, reason_of_stage
from surelabel_operator.retries import MAX_DELAY_SECONDS, delay_after, is_waiting

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_pascal_case_and_says_what_it_means(reason: Reason) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]{1,63}", reason)
    assert reason.doc.endswith(".")


def test_no_reason_is_there_twice() -> None:
    assert len({str(reason) for reason in Reason}) == len(Reason.__members__)


def test_stalls_that_wait_for_another_spec_are_told_from_those_that_do_not() -> None:
    for reason in (Reason.BACKOFF_LIMIT_EXCEEDED, Reason.NAME_CONFLICT, "NoUsableLines"):
        assert is_failure_stall(reason)
    for reason in (Reason.WORK_TEAM_NOT_FOUND, Reason.OUTPUT_IN_USE, Reason.STATE_CORRUPTED):
        assert not is_failure_stall(reason)


@pytest.mark.parametrize("given", ["OutputInUse", "not pascal", "", "x" * 80, "AllLabeled"])
def test_a_stage_that_gives_our_reason_or_none_is_misconfigured(given: str) -> None:
    assert reason_of_stage(given) == Reason.STAGE_MISCONFIGURED


def test_delays_double_up_to_ten_minutes_and_are_less_by_a_fixed_jitter() -> None:
    for failures, full in [(1, 10), (2, 20), (3, 40), (7, 600), (9_999, 600)]:
        delay = delay_after(failures, "uid", 4)
        assert delay == delay_after(failures, "uid", 4)
        assert timedelta(seconds=0.75 * full) <= delay <= timedelta(seconds=full)
    assert delay_after(1, "uid", 4) != delay_after(1, "another", 4)


def test_a_retry_time_further_off_than_any_delay_is_not_waited_for() -> None:
    assert is_waiting(NOW + timedelta(seconds=1), NOW)
    assert is_waiting(NOW + timedelta(seconds=MAX_DELAY_SECONDS), NOW)
    assert not is_waiting(NOW + timedelta(seconds=MAX_DELAY_SECONDS + 1), NOW)
    assert not is_waiting(NOW, NOW)
    assert not is_waiting(None, NOW)

"""The labels on disk: deltas that fold to what was written, whatever numbers reasons have."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel import labels
from surelabel.labels import Kind, LabelState, apply_delta, write_delta


def _reasons(state: LabelState) -> list[str | None]:
    return [state.reason_of(line) for line in range(len(state.kind))]


def _rejected(n_lines: int, reasons: dict[int, str]) -> LabelState:
    state = LabelState.empty(n_lines)
    for line, reason in reasons.items():
        state.kind[line] = Kind.REJECTED
        state.reason[line] = state.code(reason)
    return state


@pytest.mark.parametrize("rows_at_once", [1, 2, 1_000])
def test_a_delta_brings_every_column_back(
    monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(labels, "_ROWS", rows_at_once)
    state = _rejected(6, {1: "MissingSource", 4: "DuplicateId", 5: "MissingSource"})
    state.kind[2], state.label[2], state.confidence[2] = Kind.HUMAN, 7, 0.875
    state.answers[2], state.created[2], state.attempt[2], state.role[2] = 3, 1_700, 2, 1
    read = LabelState.empty(6)
    apply_delta(read, write_delta(state, None))
    assert _reasons(read) == [None, "MissingSource", None, None, "DuplicateId", "MissingSource"]
    for name in ("kind", "label", "confidence", "answers", "created", "attempt", "role"):
        np.testing.assert_array_equal(getattr(read, name), getattr(state, name))


def test_a_reason_is_a_word_not_a_number() -> None:
    old = _rejected(4, {0: "First", 1: "Second"})
    # The same words, numbered the other way round, and one that changes.
    new = _rejected(4, {1: "Second", 0: "First", 3: "Third"})
    assert old.reasons != new.reasons[:2]
    delta = write_delta(new, old)
    read = old.copy()
    apply_delta(read, delta)
    assert _reasons(read) == ["First", "Second", None, "Third"]


def test_a_reason_can_go() -> None:
    old = _rejected(3, {1: "LimitReached"})
    new = LabelState.empty(3)
    new.kind[1] = Kind.HUMAN
    read = old.copy()
    apply_delta(read, write_delta(new, old))
    assert _reasons(read) == [None, None, None]


def test_nothing_changed_is_a_delta_without_rows() -> None:
    state = _rejected(3, {1: "LimitReached"})
    read = state.copy()
    apply_delta(read, write_delta(state, state))
    assert _reasons(read) == _reasons(state)

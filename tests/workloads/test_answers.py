"""Answers of several rounds become one."""

from __future__ import annotations

import numpy as np

from surelabel.answers import CANNOT_TELL_CODE, SKIPPED_CODE, CodedAnswers, merge


def answers(label: list[int], contents: tuple[bytes, ...]) -> CodedAnswers:
    return CodedAnswers(
        np.arange(len(label)),
        np.zeros(len(label), np.int32),
        np.array(label, np.int32),
        ("ann",),
        contents,
    )


def test_who_gave_no_answer_still_gave_none_where_all_others_said_the_same() -> None:
    one = answers([0, CANNOT_TELL_CODE, SKIPPED_CODE], (b"x",))
    other = answers([CANNOT_TELL_CODE, 0], (b"a",))
    merged = merge([one, other])
    assert merged.contents == (b"a", b"x")
    assert merged.label.tolist() == [1, CANNOT_TELL_CODE, SKIPPED_CODE, CANNOT_TELL_CODE, 0]

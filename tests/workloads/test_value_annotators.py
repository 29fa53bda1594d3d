"""Who is good, who answers without looking and who copies, where labels are no classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from surelabel.tasks import TASK_TYPES
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.valued import ValueAnswers, ValueTask, classes_of
from surelabel.tasks.values import LabelSet, Rating, Text
from surelabel.value_annotators import ValueQuality, quality_of_people
from surelabel.value_collusion import near_pairs

Rng = np.random.Generator
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")
N_ITEMS = 40


def a_set(rng: Rng) -> LabelSet:
    return LabelSet(tuple(np.flatnonzero(rng.random(4) < 0.5).tolist()))


def a_set_like(truth: LabelSet, rng: Rng) -> LabelSet:
    marked = np.isin(np.arange(4), truth.labels) ^ (rng.random(4) < 0.1)
    return LabelSet(tuple(np.flatnonzero(marked).tolist()))


def a_rating(rng: Rng) -> Rating:
    return Rating(float(rng.integers(1, 6)))


def a_rating_like(truth: Rating, rng: Rng) -> Rating:
    return Rating(float(np.clip(truth.value + rng.choice([-1, 0, 0, 1]), 1, 5)))


def a_text(rng: Rng) -> Text:
    return Text(" ".join(rng.choice(WORDS, 6)))


def a_text_like(truth: Text, rng: Rng) -> Text:
    told = [word if rng.random() > 0.15 else str(rng.choice(WORDS)) for word in truth.text.split()]
    return Text(" ".join(told))


# Task type, a truth, what a person makes of it, and what a spammer says of everything.
KINDS: dict[str, tuple[Callable[[Rng], Any], Callable[[Any, Rng], Any], Any]] = {
    "TextClassificationMultiLabel": (a_set, a_set_like, LabelSet((0, 1, 2, 3))),
    "Rating": (a_rating, a_rating_like, Rating(3.0)),
    "FreeText": (a_text, a_text_like, Text("spam")),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def task_of(kind: str) -> ValueTask[Any]:
    task = TASK_TYPES[kind]
    assert isinstance(task, ValueTask)
    return task


def crowd(
    kind: str, seed: int = 0, *, spams: bool = False, copies: bool = False, n_items: int = N_ITEMS
) -> tuple[ValueAnswers[Any], list[Any]]:
    """Four people, 0 to 3, then a spammer and who copies 0; and the truths."""
    rng = np.random.default_rng(seed)
    draw, like, constant = KINDS[kind]
    truths = [draw(rng) for _ in range(n_items)]
    rows = []
    for truth in truths:
        own = [like(truth, rng) for _ in range(4)]
        rows.append([*own, *([constant] if spams else []), *([own[0]] if copies else [])])
    n = len(rows[0])
    answers = ValueAnswers(
        item=tuple(np.repeat(np.arange(n_items), n).tolist()),
        annotator=tuple(np.tile(np.arange(n), n_items).tolist()),
        value=tuple(value for row in rows for value in row),
        n_annotators=n,
        sources=(None,) * n_items,
        classes=classes_of(("p", "q", "r", "s")),
    )
    return answers, truths


def judged(kind: str, answers: ValueAnswers[Any]) -> list[ValueQuality]:
    task = task_of(kind)
    labels = dict(task.consolidate(answers))
    labels |= {item: Consolidated(value, 1.0) for item, value in answers.gold.items()}
    return quality_of_people(task, answers, labels)


@kinds
def test_who_says_the_same_of_everything_is_spam_and_who_copies_colludes(kind: str) -> None:
    answers, _ = crowd(kind, spams=True, copies=True)
    found = judged(kind, answers)
    assert [set(each.flags) - {"Outlier"} for each in found] == [
        {"Collusion"}, set(), set(), set(), {"Spam"}, {"Collusion"},
    ]  # fmt: skip
    assert (found[0].colluders, found[5].colluders) == ((5,), (0,))
    assert found[4].spam_score == pytest.approx(0, abs=0.1)
    assert found[4].high < min(each.low for each in found[:4])


@kinds
def test_an_honest_crowd_has_no_flags(kind: str) -> None:
    flagged = [each for seed in range(3) for each in judged(kind, crowd(kind, seed)[0])]
    assert sum(bool(each.flags) for each in flagged) == 0


@kinds
def test_an_accuracy_lies_in_its_interval_and_leaves_the_own_word_out(kind: str) -> None:
    answers, _ = crowd(kind)
    for each in judged(kind, answers):
        assert 0 <= each.low < each.accuracy < each.high <= 1
    # A lone answer is its own label, and is not judged by it.
    alone, _ = crowd(kind, n_items=3)
    lone = judged(kind, alone.of_items([True, False, False]))
    assert all(each.n_answers == 1 for each in lone)
    first = [row for row, who in enumerate(alone.annotator) if who == 0]
    only = ValueAnswers(
        item=tuple(alone.item[row] for row in first),
        annotator=(0,) * len(first),
        value=tuple(alone.value[row] for row in first),
        n_annotators=1,
        sources=alone.sources,
        classes=alone.classes,
    )
    (quality,) = judged(kind, only)
    assert np.isnan([quality.accuracy, quality.low, quality.high, quality.spam_score]).all()


def test_gold_is_believed_where_there_is_enough_of_it() -> None:
    answers, truths = crowd("Rating")
    gold = dict(enumerate(truths[:20]))
    known = ValueAnswers(
        answers.item, answers.annotator, answers.value, 4, answers.sources, answers.classes, gold
    )
    task = task_of("Rating").measured_on(answers.value)
    for code, each in enumerate(judged("Rating", known)):
        apart = [
            task.disagreement(value, gold[item])
            for item, who, value in zip(answers.item, answers.annotator, answers.value, strict=True)
            if who == code and item in gold
        ]
        assert each.n_gold == 20
        assert each.accuracy == pytest.approx(1 - np.mean(apart))


def test_a_known_rating_that_nobody_else_gave_is_a_step_of_the_scale() -> None:
    values = [Rating(value) for value in (5.0, 3.0, 2.0, 3.0)]
    answers = ValueAnswers(
        (0, 0, 1, 1), (0, 1, 0, 1), values, 2, (None, None), classes_of(()), {0: Rating(5.0)}
    )
    task = task_of("Rating")
    labels = dict(task.consolidate(answers, "RoundedNormal"))
    found = quality_of_people(task, answers, labels, "RoundedNormal")
    assert [each.n_gold for each in found] == [1, 1]
    # Without the one answer of 5.
    alone = ValueAnswers(
        (0, 1, 1), (1, 0, 1), values[1:], 2, (None, None), classes_of(()), {0: Rating(5.0)}
    )
    assert dict(task.consolidate(alone, "RoundedNormal"))[0].value == Rating(5.0)


def test_few_answers_flag_nobody() -> None:
    answers, _ = crowd("Rating", spams=True, copies=True, n_items=9)
    assert all(each.flags == () for each in judged("Rating", answers))


def test_a_pair_says_how_near_it_is_and_how_near_it_should_be() -> None:
    answers, _ = crowd("Rating", copies=True)
    (pair,) = near_pairs(task_of("Rating").measured_on(answers.value), answers)
    assert (pair.first, pair.second, pair.common, pair.nearness) == (0, 4, N_ITEMS, 1)
    assert 0.5 < pair.expected < 0.9

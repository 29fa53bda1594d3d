"""Spans of several people: what every method must do."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation.spans import (
    METHODS,
    BayesianSequenceCombination,
    SpanAnnotators,
    SpanAnswers,
)
from surelabel.consolidation.spans import bayesian_sequence_combination as model
from workloads.consolidation.spans.crowds import A, B, answers_of, made_up, spans

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)


@methods
def test_what_all_say_is_the_answer(method):
    rows = [(item, who, [A, B]) for item in range(4) for who in range(3)]
    result = method.fit_predict(answers_of(rows, n_items=4))
    assert spans(result, 4) == [[A, B]] * 4
    assert result.support.tolist() == [3] * 8
    assert (result.confidence > 0.8).all()
    assert (result.confidence <= 1).all()


@methods
def test_empty_answers_count_as_answers(method):
    rows = [
        (item, who, [A] if who == 0 and item == 0 else []) for item in range(9) for who in range(3)
    ]
    result = method.fit_predict(answers_of(rows, n_items=10))
    assert len(result.item) == 0
    assert result.n_answers.tolist() == [3] * 9 + [0]


@methods
@pytest.mark.parametrize("rows", [[], [(0, 0, [])], [(0, 0, []), (0, 1, [])]])
def test_without_spans_there_are_none(method, rows):
    result = method.fit_predict(answers_of(rows, n_items=2), texts=["some text", ""])
    assert len(result.item) == len(result.confidence) == 0
    assert len(result.annotators.n_answers) == 3


@methods
def test_a_lone_annotator_is_believed(method):
    rows = [(item, 0, [A, B]) for item in range(3)]
    result = method.fit_predict(answers_of(rows, n_items=3, n_annotators=1))
    assert spans(result, 3) == [[A, B]] * 3


@methods
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_answers_items_and_annotators_does_not_matter(method, seed):
    rows, _ = made_up(seed)
    rng = np.random.default_rng(seed)
    item, who = rng.permutation(25), rng.permutation(4)
    moved = [(int(item[i]), int(who[a]), list(reversed(held))) for i, a, held in rows]
    moved = [moved[place] for place in rng.permutation(len(moved))]
    first = method.fit_predict(answers_of(rows, 25, 4, 3))
    second = method.fit_predict(answers_of(moved, 25, 4, 3))
    assert spans(first, 25) == [second.spans_of(int(each)) for each in item]
    np.testing.assert_allclose(
        first.annotators.agreement, second.annotators.agreement[who], atol=1e-9
    )


@methods
@pytest.mark.parametrize("seed", range(3))
def test_renaming_the_classes_renames_the_answer(method, seed):
    rows, _ = made_up(seed)
    order = [2, 0, 1]
    moved = [(i, a, [(s, e, order[k]) for s, e, k in held]) for i, a, held in rows]
    first = method.fit_predict(answers_of(rows, 25, 4, 3))
    second = method.fit_predict(answers_of(moved, 25, 4, 3))
    # Classes that tie are chosen by code, so a few may differ; places never do.
    same = [
        [(s, e, order[k]) for s, e, k in mine] == theirs
        for mine, theirs in zip(spans(first, 25), spans(second, 25), strict=True)
    ]
    assert np.mean(same) >= 0.9


@methods
def test_the_last_answer_counts_and_a_span_twice_is_one(method):
    rows, _ = made_up(1)
    item, who, held = rows[0]
    twice = [(item, who, [(1, 2, 0)]), *rows[1:], (item, who, held + held)]
    first = method.fit_predict(answers_of(rows, 25, 4, 3))
    second = method.fit_predict(answers_of(twice, 25, 4, 3))
    assert spans(first, 25) == spans(second, 25)
    np.testing.assert_array_equal(first.confidence, second.confidence)


@methods
def test_parameters_survive_the_store_and_judge_each_item_by_itself(method):
    rows, _ = made_up(2)
    names = ["ann", "bo", "cy", "di"]
    texts = ["word " * 20] * 25
    learned = method.fit_predict(answers_of(rows, 25, 4, 3), texts=texts).annotators.named(names)
    again = SpanAnnotators.from_json(learned.to_json())
    assert again.to_json() == learned.to_json()
    frozen = again.for_annotators(names)
    together = method.fit_predict(answers_of(rows, 25, 4, 3), texts=texts, frozen_annotators=frozen)
    assert together.annotators is frozen
    for item in range(3):
        alone = [(0, a, held) for i, a, held in rows if i == item]
        result = method.fit_predict(
            answers_of(alone, 1, 4, 3), texts=texts[:1], frozen_annotators=frozen
        )
        np.testing.assert_allclose(
            result.confidence, together.confidence[together.item == item], atol=0.05
        )
    stranger = again.for_annotators(["cy", "eve"])
    assert stranger.n_answers.tolist() == [25, 0]
    np.testing.assert_array_equal(stranger.emission[1], again.pooled)


@methods
def test_overlapping_and_nested_spans_are_kept(method):
    outer, inner, across = (0, 20, 0), (5, 10, 0), (15, 30, 1)
    rows = [(item, who, [outer, inner, across]) for item in range(5) for who in range(3)]
    result = method.fit_predict(answers_of(rows, n_items=5))
    assert spans(result, 5) == [[outer, inner, across]] * 5


@methods
def test_inputs_are_never_changed(method):
    answers = answers_of(made_up(1)[0], 25, 4, 3)
    before = {name: np.copy(value) for name, value in vars(answers).items()}
    method.fit_predict(answers)
    for name, value in before.items():
        np.testing.assert_array_equal(value, getattr(answers, name))


@methods
def test_offsets_may_be_huge(method):
    far = (2**60, 2**60 + 5, 0)
    rows = [(item, who, [A, far]) for item in range(2) for who in range(3)]
    assert spans(method.fit_predict(answers_of(rows, n_items=2)), 2) == [[A, far]] * 2


@methods
def test_ten_thousand_classes(method):
    rows = [(i, a, [(0, 5, i * 97 if a else 1)]) for i in range(20) for a in range(3)]
    answers = answers_of(rows, 20, 3, 10_000)
    if type(method).__name__ == "TokenDawidSkene":
        with pytest.raises(ValueError, match=r"n_classes must be at most .* got 10000"):
            method.fit_predict(answers)
        return
    result = method.fit_predict(answers)
    assert result.label.tolist() == [i * 97 for i in range(20)]


def test_many_classes_are_voted_on_as_the_chain_of_all_tags_finds_them(monkeypatch):
    rows, _truth = made_up(3, n_items=60)
    answers = answers_of(rows, 60, 4, 3)
    whole = BayesianSequenceCombination().fit_predict(answers)
    monkeypatch.setattr(model, "_MAX_CELLS", 0)
    voted = BayesianSequenceCombination().fit_predict(answers)
    assert not np.array_equal(whole.confidence, voted.confidence)
    same = np.mean([a == b for a, b in zip(spans(whole, 60), spans(voted, 60), strict=True)])
    assert same > 0.7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end": [5, 3]}, "end must be greater than start .* got start 3 and end 3 at position 1"),
        ({"start": [0.5, np.nan]}, "start must hold integers; got float64"),
        ({"start": [-1, 3]}, "start must be at least 0; got -1 at position 0"),
        ({"label": [0, 2]}, r"label must lie in 0 \.\. 1; got 2 at position 1"),
        ({"answer": [0, 1]}, r"answer must lie in 0 \.\. 0; got 1 at position 1"),
        ({"item": [1]}, r"item must lie in 0 \.\. 0; got 1 at position 0"),
        ({"end": [5]}, "must have the same length"),
    ],
)
def test_impossible_answers_are_refused_with_their_place(change, message):
    columns = {
        "item": [0], "annotator": [0], "answer": [0, 0], "start": [0, 3], "end": [5, 9],
        "label": [0, 1],
    } | change  # fmt: skip
    with pytest.raises(ValueError, match=message):
        SpanAnswers.of(**columns, n_items=1, n_annotators=1, n_classes=2)


@methods
def test_an_offset_beyond_the_text_is_refused(method):
    with pytest.raises(ValueError, match=r"length of the text in code points \(3 for item 0\)"):
        method.fit_predict(answers_of([(0, 0, [A])]), texts=["abc"])


@pytest.mark.parametrize("span", [(0.7, 2, 0), (0, 2.9, 0), (0, float("nan"), 0), (0, 2, 0.5)])
def test_offsets_that_are_no_whole_numbers_are_refused_and_not_cut_off(span):
    name = ("start", "end", "label")[[type(part) for part in span].index(float)]
    with pytest.raises(ValueError, match=f"{name} must hold integers; got float64"):
        SpanAnswers.of_lists([(0, 0, [(0, 1, 0), span])], 1, 1, 1)
    answers = SpanAnswers.of_lists([(0, 0, [])], 1, 1, 1)
    with pytest.raises(ValueError, match=f"{name} must hold integers; got float64"):
        answers.with_gold({0: [span]})


def test_a_span_that_is_not_three_numbers_is_refused():
    with pytest.raises(ValueError, match=r"a span must be \(start, end, label\); got \(0, 2\)"):
        SpanAnswers.of_lists([(0, 0, [(0, 2)])], 1, 1, 1)


def test_answers_and_gold_without_spans_are_answers():
    empty = SpanAnswers.of_lists([(0, 0, []), (0, 1, [])], 1, 2, 1)
    assert (len(empty.item), len(empty.start)) == (2, 0)
    assert len(empty.with_gold({0: []}).item) == 3
    assert len(SpanAnswers.of_lists([], 1, 1, 1).item) == 0

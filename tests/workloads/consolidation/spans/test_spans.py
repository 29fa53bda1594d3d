"""Spans of several people: what every method must do, hand-worked cases, and brute-force twins."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from surelabel.consolidation.spans import (
    METHODS,
    BayesianSequenceCombination,
    JaccardClusters,
    SpanAnnotators,
    SpanAnswers,
    TokenMajority,
    disagreement,
    jaccard_clusters,
    pairwise_disagreement,
)
from surelabel.consolidation.spans import bayesian_sequence_combination as model
from surelabel.consolidation.spans.decode import runs, span_probability
from surelabel.consolidation.spans.forward_backward import Lattice
from surelabel.consolidation.spans.layers import assign_layers
from surelabel.consolidation.spans.overlap import Marks, covered, overlaps
from surelabel.consolidation.spans.sequences import build_sequences
from surelabel.consolidation.spans.units import Units, words

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)
A, B = (0, 5, 0), (10, 20, 1)


def answers_of(rows, n_items=1, n_annotators=3, n_classes=2):
    return SpanAnswers.of_lists(rows, n_items, n_annotators, n_classes)


def made_up(seed, n_items=25, n_annotators=4, n_classes=3):
    """(rows, truth): texts of 100 code points, people who miss, shift and mislabel."""
    rng = np.random.default_rng(seed)
    rows, truth = [], []
    care = rng.uniform(0.6, 0.95, n_annotators)
    for item in range(n_items):
        true = [(s, s + int(rng.integers(3, 15)), int(rng.integers(n_classes)))
                for s in (5, 30, 60) if rng.random() < 0.7]  # fmt: skip
        truth.append(true)
        for who in range(n_annotators):
            held = []
            for mark in true:
                start, end, label = mark
                if rng.random() < care[who]:
                    if rng.random() > care[who]:
                        start += int(rng.integers(-2, 3))
                    if rng.random() > care[who]:
                        label = int(rng.integers(n_classes))
                    held.append((start, end, label))
            rows.append((item, who, held))
    return rows, truth


def spans(result, n_items):
    return [result.spans_of(item) for item in range(n_items)]


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


def test_words_keep_emoji_flags_and_combining_characters_whole():
    family, flag, wave = "👩\u200d👩\u200d👧", "🇩🇪🇫🇷", "👋🏽"
    text = f"Cafe\u0301, {family} {flag}! {wave} 東京 it's_2"
    _, start, end = words([text, "", "\u0301a"])
    found = [text[a:b] for a, b in zip(start, end, strict=True)][:13]
    assert found == ["Cafe\u0301", ",", family, "🇩🇪", "🇫🇷", "!", wave, "東", "京", "it", "'", "s_2",
                     "C"][:12] + found[12:]  # fmt: skip
    assert len(start) == 14


def test_units_express_every_answer_also_inside_a_word_and_at_a_space():
    text = "New York 👍🏽 city"
    held = [(0, 8, 0), (1, 3, 0), (3, 9, 0), (9, 10, 0)]
    answers = answers_of([(0, who, [span]) for who, span in enumerate(held)], n_annotators=4)
    for units in (Units.of_words(answers, [text]), Units.of_pieces(answers, [text])):
        first, after = units.locate(answers)
        found = list(zip(units.start[first].tolist(), units.end[after - 1].tolist(), strict=True))
        assert found == [span[:2] for span in held]


def test_unmarked_text_is_cut_into_places_of_mean_length():
    answers = answers_of([(0, 0, [(100, 110, 0)])])
    units = Units.of_pieces(answers, ["x" * 130])
    assert units.start.tolist() == [*range(0, 100, 10), 100, 110, 120]


def test_a_majority_of_three_by_hand():
    rows = [(0, 0, [(0, 5, 0)]), (0, 1, [(0, 5, 0)]), (0, 2, [(0, 7, 0)])]
    result = TokenMajority().fit_predict(answers_of(rows))
    assert result.spans_of(0) == [(0, 5, 0)]
    assert result.confidence.tolist() == [1.0]
    # A tie is O.
    assert TokenMajority().fit_predict(answers_of([*rows[1:2], (0, 0, [])])).spans_of(0) == []


def test_clusters_by_hand():
    rows = [
        (0, 0, [(0, 10, 0), (50, 60, 1)]),
        (0, 1, [(0, 10, 0)]),
        (0, 2, [(2, 12, 0), (80, 90, 0)]),
    ]
    found = JaccardClusters(weighted=False).fit_predict(answers_of(rows))
    assert found.spans_of(0) == [(0, 10, 0)]
    assert found.confidence.tolist() == [1.0]
    third = JaccardClusters(least=1 / 3, weighted=False).fit_predict(answers_of(rows))
    assert third.spans_of(0) == [(0, 10, 0), (50, 60, 1), (80, 90, 0)]
    # Three ways to start: the median.
    rows = [(0, 0, [(0, 10, 0)]), (0, 1, [(1, 10, 0)]), (0, 2, [(3, 10, 0)])]
    assert JaccardClusters(weighted=False).fit_predict(answers_of(rows)).spans_of(0) == [(1, 10, 0)]


def test_of_two_classes_for_one_span_the_heavier_stays():
    rows = [(0, 0, [(0, 5, 0)]), (0, 1, [(0, 5, 1)]), (0, 2, [(0, 5, 1)])]
    found = JaccardClusters(least=1 / 3, weighted=False).fit_predict(answers_of(rows))
    assert found.spans_of(0) == [(0, 5, 1)]


def test_the_compiled_linkage_is_the_plain_one(monkeypatch):
    rows, _ = made_up(4, n_items=50)
    answers = answers_of(rows, 50, 4, 3)
    every = np.arange(len(answers.start))
    plain = jaccard_clusters.cluster_spans(answers, every, 0.5)
    monkeypatch.setattr(jaccard_clusters, "_COMPILE_FROM", 0)
    np.testing.assert_array_equal(jaccard_clusters.cluster_spans(answers, every, 0.5), plain)
    assert len(np.unique(plain)) < len(plain)


@pytest.mark.parametrize("seed", range(3))
def test_compiled_loops_and_arrays_agree(seed):
    rows, _ = made_up(seed)
    answers = answers_of(rows, 25, 4, 3)
    sequences = build_sequences(answers, Units.of_pieces(answers), assign_layers(answers))
    rng = np.random.default_rng(seed)
    t = sequences.n_tags
    emission = np.log(rng.uniform(0.1, 1, (4, t, t, t)))
    initial, transition = rng.uniform(0.1, 1, t), rng.uniform(0.1, 1, (t, t))
    found = []
    for compiled in (False, True):
        lattice = Lattice(sequences, compiled)
        likely = lattice.emissions(emission)
        posterior = lattice.forward_backward(likely, initial, transition)
        path = lattice.viterbi(likely, np.log(initial), np.log(transition))
        found.append((likely, posterior.tags, posterior.pairs, lattice.count(posterior.tags), path))
    for plain, fast in zip(*found, strict=True):
        np.testing.assert_allclose(plain, fast, rtol=1e-10, atol=1e-12)


def test_forward_backward_viterbi_and_span_probability_equal_enumeration():
    rows = [(0, 0, [(0, 3, 0), (5, 8, 1)]), (0, 1, [(0, 5, 0)]), (0, 2, [(1, 3, 1)])]
    answers = answers_of(rows)
    sequences = build_sequences(answers, Units.of_pieces(answers), assign_layers(answers))
    lattice = Lattice(sequences, compiled=False)
    rng = np.random.default_rng(0)
    n, t = lattice.n_units, sequences.n_tags
    log_likelihood = rng.normal(size=(n, t))
    allowed = model.allowed_transitions(2)
    initial, transition = rng.uniform(0.1, 1, t) * allowed[0], rng.uniform(0.1, 1, (t, t)) * allowed
    posterior = lattice.forward_backward(log_likelihood, initial, transition)
    with np.errstate(divide="ignore"):
        logs = np.log(initial), np.log(transition)
    weights = {}
    for path in itertools.product(range(t), repeat=n):
        weight = initial[path[0]] * np.exp(log_likelihood[np.arange(n), path].sum())
        for before, after in itertools.pairwise(path):
            weight *= transition[before, after]
        weights[path] = weight
    total = sum(weights.values())
    tags = np.zeros((n, t))
    for path, weight in weights.items():
        tags[np.arange(n), path] += weight / total
    np.testing.assert_allclose(posterior.tags, tags, atol=1e-12)
    finite = [np.maximum(each, model.NEVER) for each in logs]
    best = lattice.viterbi(log_likelihood, *finite)
    assert tuple(best) == max(weights, key=weights.get)
    for place in ((0, 2, 0), (1, 2, 1), (n - 1, n, 0), (0, n, 1)):
        held = [
            weight
            for path, weight in weights.items()
            if place
            in set(zip(*(c.tolist() for c in runs(sequences, np.array(path))), strict=True))
        ]
        columns = tuple(np.array([each]) for each in place)
        chance = span_probability(lattice, posterior, transition, columns)
        assert chance[0] == pytest.approx(sum(held) / total, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_overlaps_and_cover_equal_brute_force(seed):
    rng = np.random.default_rng(seed)

    def some(n):
        start = rng.integers(0, 20, n)
        return Marks(
            rng.integers(0, 3, n), start, start + rng.integers(1, 8, n), rng.integers(0, 2, n)
        )

    one, other = some(12), some(15)
    one_rows, other_rows = (list(zip(*(c.tolist() for c in m), strict=True)) for m in (one, other))
    expected = {
        (i, j, min(e, f) - max(s, u))
        for i, (g, s, e, k) in enumerate(one_rows)
        for j, (h, u, f, m) in enumerate(other_rows)
        if g == h and k == m and min(e, f) > max(s, u)
    }
    assert set(zip(*(c.tolist() for c in overlaps(one, other)), strict=True)) == expected
    points = [
        sum(any(g == h and k == m and u <= x < f for h, u, f, m in other_rows) for x in range(s, e))
        for g, s, e, k in one_rows
    ]
    assert covered(one, other).tolist() == points


def test_disagreement_by_hand():
    assert disagreement([], []) == 0
    assert disagreement([A], []) == disagreement([], [A], relaxed=True) == 1
    assert disagreement([A, B], [B, A]) == 0
    assert disagreement([A, B], [A]) == pytest.approx(1 - 2 / 3)
    assert disagreement([A], [(0, 5, 1)], relaxed=True) == 1
    # Half of the longer is covered, all of the shorter: F1 = 2/3.
    assert disagreement([(0, 10, 0)], [(0, 5, 0)], relaxed=True) == pytest.approx(1 / 3)
    assert disagreement([(0, 10, 0)], [(0, 5, 0)]) == 1


@pytest.mark.parametrize("relaxed", [False, True])
def test_pairwise_disagreement_is_that_of_each_pair(relaxed):
    rows, _ = made_up(5, n_items=6)
    rows.append((6, 0, []))
    rows.append((6, 1, []))
    answers = answers_of(rows, 7, 4, 3)
    held = {(i, a): spans for i, a, spans in rows}
    first, second, distance = pairwise_disagreement(answers, relaxed=relaxed)
    assert len(first) == 6 * 6 + 1
    for one, other, value in zip(first, second, distance, strict=True):
        pair = [held[answers.item[row], answers.annotator[row]] for row in (one, other)]
        assert value == pytest.approx(disagreement(*pair, relaxed=relaxed), abs=1e-12)


def test_annotators_are_judged_by_hand():
    rows = []
    for item in range(10):
        rows += [(item, who, [A, B]) for who in (0, 1, 2)]
        rows.append((item, 3, [(0, 5, 1), (10, 15, 1), (30, 40, 0)]))
    judged = JaccardClusters().fit_predict(answers_of(rows, 10, 4, 2)).annotators
    assert judged.precision.tolist() == [1, 1, 1, 0]
    assert judged.recall.tolist() == [1, 1, 1, 0]
    assert judged.relaxed_precision[3] == pytest.approx(1 / 3)
    assert judged.relaxed_recall[3] == pytest.approx(0.25)
    assert judged.label_confusion[3].tolist() == [[0, 10], [0, 10]]
    assert judged.length_bias[3] == pytest.approx(np.log(0.5) / 2)
    assert judged.n_spans.tolist() == [20, 20, 20, 30]


def test_a_word_supports_a_span_that_few_marked():
    rng = np.random.default_rng(0)
    rows, texts = [], []
    for item in range(80):
        word = ["zebra", "stone"][item % 2]
        texts.append(f"here a {word} lies")
        seen = rng.random(4) < 0.5
        marks = [(7, 12, 0)] if word == "zebra" else []
        rows += [(item, who, marks if seen[who] or rng.random() < 0.05 else []) for who in range(4)]
    answers = answers_of(rows, 80, 4, 1)
    without = BayesianSequenceCombination().fit_predict(answers)
    with_words = BayesianSequenceCombination(word_weight=1.0).fit_predict(answers, texts=texts)
    zebras = set(range(0, 80, 2))
    assert set(with_words.item) >= set(without.item)
    assert len(set(with_words.item) & zebras) >= len(set(without.item) & zebras)
    weak = with_words.support == 1
    assert with_words.confidence[weak].mean() > 0.5

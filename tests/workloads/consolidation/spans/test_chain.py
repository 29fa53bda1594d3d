"""The chain under the sequence model: units, sequences, and brute-force twins."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from surelabel.consolidation.spans import bayesian_sequence_combination as model
from surelabel.consolidation.spans.decode import runs, span_probability
from surelabel.consolidation.spans.forward_backward import Lattice
from surelabel.consolidation.spans.layers import assign_layers
from surelabel.consolidation.spans.overlap import Marks, covered, overlaps
from surelabel.consolidation.spans.sequences import build_sequences
from surelabel.consolidation.spans.units import Units, words
from workloads.consolidation.spans.crowds import answers_of, made_up


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

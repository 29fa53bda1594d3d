"""How far answers depend on each other is seen in the answers, and only the confidence minds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from surelabel.consolidation.spans import BayesianSequenceCombination, SpanAnnotators
from surelabel.consolidation.spans.dependence import damping
from surelabel.consolidation.spans.forward_backward import Lattice
from surelabel.consolidation.spans.layers import assign_layers
from surelabel.consolidation.spans.sequences import build_sequences
from surelabel.consolidation.spans.units import Units
from workloads.consolidation.spans.crowds import answers_of, made_up

N_ITEMS, PEOPLE = 400, 6


def people_who_miss(shared: float, seed: int = 0):
    """Rows and truth: six people who see each span with a chance of one half.

    ``shared``: the share of spans that are hard, which people see with a chance of .15, and as
    many easy ones with .85; the others are seen independently.
    """
    rng = np.random.default_rng(seed)
    rows, truth = [], []
    for item in range(N_ITEMS):
        true = [(s, s + 6, 0) for s in (5, 30, 60) if rng.random() < 0.7]
        chance = np.where(rng.random(3) < shared, np.where(rng.random(3) < 0.5, 0.15, 0.85), 0.5)
        false = [(45, 50, 0)] if rng.random() < 0.5 else []
        truth.append(true)
        for who in range(PEOPLE):
            held = [span for span, p in zip(true, chance, strict=False) if rng.random() < p]
            held += [span for span in false if rng.random() < 0.25]
            rows.append((item, who, sorted(held)))
    return rows, truth


def off(result, truth) -> float:
    """Mean confidence less the share of spans that are right."""
    right = [
        span in truth[item]
        for item in range(N_ITEMS)
        for span in result.spans_of(item)
    ]  # fmt: skip
    return float(result.confidence.mean() - np.mean(right))


def test_independent_annotators_are_found_to_be_or_nearly() -> None:
    rows, _ = people_who_miss(shared=0.0)
    found = BayesianSequenceCombination().fit_predict(answers_of(rows, N_ITEMS, PEOPLE, 1))
    assert found.annotators.dependence <= 0.02


def test_annotators_who_miss_the_same_spans_are_found_to_depend_on_each_other() -> None:
    rows, truth = people_who_miss(shared=1.0)
    answers = answers_of(rows, N_ITEMS, PEOPLE, 1)
    found = BayesianSequenceCombination().fit_predict(answers)
    assert found.annotators.dependence > 0.05
    assert abs(off(found, truth)) < 0.1


def test_only_the_confidence_changes_by_it() -> None:
    rows, _ = people_who_miss(shared=1.0)
    answers = answers_of(rows, N_ITEMS, PEOPLE, 1)
    known = BayesianSequenceCombination().fit_predict(answers).annotators
    results = [
        BayesianSequenceCombination().fit_predict(
            answers, frozen_annotators=with_dependence(known, value)
        )
        for value in (0.0, 0.5)
    ]
    np.testing.assert_array_equal(results[0].start, results[1].start)
    assert results[1].confidence.mean() < results[0].confidence.mean() - 0.05


def with_dependence(known: SpanAnnotators, value: float) -> SpanAnnotators:
    stored = known.to_json().replace(
        f'"dependence":{known.dependence}'.encode(), f'"dependence":{value}'.encode()
    )
    return SpanAnnotators.from_json(stored)


def test_parameters_from_before_it_was_known_take_answers_for_independent() -> None:
    rows, _ = made_up(2)
    known = BayesianSequenceCombination().fit_predict(answers_of(rows, 25, 4, 3)).annotators
    old = known.to_json().replace(b'"dependence":0.0,', b"")
    assert old != known.to_json()
    assert SpanAnnotators.from_json(old).dependence == 0


@pytest.mark.parametrize("change", [lambda i, a: (N_ITEMS - 1 - i, a), lambda i, a: (i, 5 - a)])
def test_no_order_of_items_or_annotators_changes_it(change) -> None:
    rows, _ = people_who_miss(shared=1.0)
    moved = sorted((*change(item, who), held) for item, who, held in rows)
    found = [
        BayesianSequenceCombination().fit_predict(answers_of(each, N_ITEMS, PEOPLE, 1))
        for each in (rows, moved)
    ]
    assert found[0].annotators.dependence == found[1].annotators.dependence > 0


def test_answers_are_worth_as_many_as_the_design_effect_says() -> None:
    n = np.array([0, 1, 2, 6])
    np.testing.assert_allclose(n * damping(n, 0.2), [0, 1, 2 / 1.2, 6 / 2.0])
    np.testing.assert_array_equal(damping(n, 0.0), 1.0)


def lattice_of(rows, compiled: bool) -> Lattice:
    answers = answers_of(rows, 25, 4, 3)
    sequences = build_sequences(answers, Units.of_pieces(answers), assign_layers(answers))
    return Lattice(sequences, compiled)


def test_chance_of_all_that_was_said_equals_enumeration() -> None:
    rows = [(0, 0, [(0, 3, 0), (5, 8, 1)]), (0, 1, [(0, 5, 0)]), (3, 2, [(1, 3, 1)])]
    lattice = lattice_of(rows, compiled=False)
    s, rng = lattice.sequences, np.random.default_rng(0)
    log_likelihood = rng.normal(size=(lattice.n_units, s.n_tags)) - 3
    initial, transition = rng.uniform(0.1, 1, s.n_tags), rng.uniform(0.1, 1, (s.n_tags,) * 2)
    expected = np.zeros(len(s.item))
    for sequence in np.flatnonzero(s.length):
        unit = np.arange(s.first[sequence], s.first[sequence + 1])
        paths = np.array(list(itertools.product(range(s.n_tags), repeat=len(unit))))
        weight = initial[paths[:, 0]] * np.exp(log_likelihood[unit, paths].sum(axis=1))
        weight *= transition[paths[:, :-1], paths[:, 1:]].prod(axis=1)
        expected[sequence] = np.log(weight.sum())
    found = lattice.log_chance(log_likelihood, initial, transition)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("compiled", [False, True])
def test_parts_of_sequences_say_what_they_say_in_the_whole(compiled: bool) -> None:
    lattice = lattice_of(made_up(0)[0], compiled)
    s, rng = lattice.sequences, np.random.default_rng(0)
    emission = rng.normal(size=(4, s.n_tags, s.n_tags, s.n_tags))
    whole = lattice.emissions(emission)
    kept = np.array([1, 4, 5, 20])
    part = s.only(kept)
    units = np.isin(np.repeat(np.arange(len(s.item)), s.length), kept)
    np.testing.assert_allclose(Lattice(part, compiled).emissions(emission), whole[units])
    np.testing.assert_array_equal(part.start, s.start[units])
    odd = np.arange(len(s.sequence)) % 2 == 1
    halves = [
        Lattice(s.readings(np.flatnonzero(rows)), compiled).emissions(emission)
        for rows in (odd, ~odd)
    ]
    np.testing.assert_allclose(sum(halves), whole)

"""Texts: distances beside a slower twin, tokens of any script, and the words that people mean."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surelabel.agreement import alpha_by_distance
from surelabel.consolidation.texts import (
    METHODS,
    ClosestToCentre,
    Rover,
    TextAnnotators,
    TextAnswers,
    disagreement,
    edit_distance,
    level_of,
    normalised,
    text_of,
    tokens_of,
)
from surelabel.consolidation.texts.edit_distance import pair_distances
from workloads.consolidation.texts.crowds import made_up_transcripts

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)


def table_distance(first, second) -> int:
    """By the table of all prefixes (Wagner and Fischer 1974)."""
    above = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        row = [i]
        for j, b in enumerate(second, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
        above = row
    return above[-1]


def one_item(*texts, **options):
    return TextAnswers.of([0] * len(texts), range(len(texts)), texts, 1, len(texts), **options)


@settings(max_examples=150, deadline=None)
@given(st.text("abc", max_size=90), st.text("abcd", max_size=90))
def test_edit_distance_is_that_of_the_full_table(first, second):
    assert edit_distance(first, second) == table_distance(first, second)


def test_the_kernel_and_the_long_integers_find_the_same():
    rng = np.random.default_rng(0)
    lengths = np.array([0, 1, 2, 63, 64, 65, 127, 128, 129, 200, 5, 7])
    starts = np.concatenate(([0], np.cumsum(lengths)))
    codes = rng.integers(5, size=lengths.sum())
    first, second = (axis.ravel() for axis in np.indices((12, 12)))
    plain = pair_distances(codes, starts, first, second)
    kernel = pair_distances(codes, starts, first, second, many=0)
    np.testing.assert_array_equal(plain, kernel)
    some = (3 * 12 + 9, 6 * 12 + 8)
    for pair in some:
        a, b = (codes[starts[t] : starts[t + 1]].tolist() for t in divmod(pair, 12))
        assert plain[pair] == table_distance(a, b)


def test_disagreement_is_edits_over_the_longer_text():
    assert disagreement("", "") == 0
    assert disagreement("", "ab") == disagreement("ab", "") == 1
    assert disagreement("kitten", "sitting") == disagreement("sitting", "kitten") == 3 / 7
    assert disagreement(("a", "b"), ("a", "b")) == 0


def test_white_space_and_ways_to_write_an_accent_make_no_difference():
    assert normalised("  caf\u0065\u0301\t\n noir ") == "café noir"
    decomposed = unicodedata.normalize("NFD", "café noir")
    result = Rover().fit_predict(one_item("café noir", decomposed, "cafe noir"))
    assert result.text == ("café noir",)
    assert result.support.tolist() == [2]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("日本語", 3),
        # A family of three joined by joiners, a thumb with a skin colour, a flag and half of one.
        ("👨‍👩‍👧👍🏽🇫🇷🇩", 4),
        # A base with a mark that no single code point has, and a Thai consonant with two marks.
        ("q\u0307ที่", 2),
        ("a b", 3),
    ],
)
def test_a_character_is_what_a_reader_calls_one(text, count):
    tokens = tokens_of(normalised(text), "characters")
    assert len(tokens) == count
    assert text_of(tokens, "characters") == normalised(text)


def test_scripts_without_spaces_are_compared_by_characters():
    assert level_of(["今日は良い天気です", "ok"]) == "characters"
    assert level_of(["a good day 今日"]) == "words"
    assert level_of([]) == "words"
    result = Rover().fit_predict(one_item("今日は良い天気", "今日は良い天季", "今日良い天気"))
    assert result.text == ("今日は良い天気",)
    assert result.support.tolist() == [1]


def test_rover_makes_a_text_that_nobody_wrote():
    result = Rover().fit_predict(
        one_item("the cat sat on a mat", "the hat sat on the mat", "cat sat on the mat now")
    )
    assert result.text == ("the cat sat on the mat",)
    assert result.support.tolist() == [0]
    chance = result.token_confidence[0]
    assert len(chance) == 6
    # All three say "sat", two of three say "cat".
    assert chance[2] > chance[1] > 0.5
    assert result.confidence[0] < chance.min()


def test_words_are_dropped_and_added_where_most_do():
    texts = ("a b c d", "a c d", "a c d e", "a c d e", "a c d e")
    assert Rover().fit_predict(one_item(*texts)).text == ("a c d e",)


def test_the_centre_is_an_answer_as_it_stands():
    result = ClosestToCentre().fit_predict(one_item("a b c d", "a b c x", "a b y d", "q"))
    assert result.text == ("a b c d",)


def test_rover_is_nearer_to_the_truth_than_the_centre_and_that_than_one_annotator():
    rates, sure, right = [], [], []
    for seed in range(3):
        answers, truth = made_up_transcripts(seed)
        words = sum(len(t.split()) for t in truth)
        found = [m().fit_predict(answers) for m in (Rover, ClosestToCentre)]
        wrong = [
            sum(edit_distance(r.tokens[i], t.split()) for i, t in enumerate(truth)) for r in found
        ]
        single = sum(
            edit_distance(answers.tokens[row], truth[item].split())
            for row, item in enumerate(answers.item.tolist())
        )
        rates.append([*(w / words for w in wrong), single / 5 / words])
        sure.append(found[0].confidence.mean())
        right.append(np.mean([a == b for a, b in zip(found[0].text, truth, strict=True)]))
    rover, centre, one = np.mean(rates, axis=0)
    assert rover < 0.7 * centre < 0.7 * one
    assert np.mean(sure) == pytest.approx(np.mean(right), abs=0.12)


def test_error_rates_tell_the_careful_from_the_careless():
    answers, truth = made_up_transcripts(1, n_items=150)
    found = Rover().fit_predict(answers).annotators
    edits = [
        edit_distance(answers.tokens[row], truth[item].split())
        for row, item in enumerate(answers.item.tolist())
    ]
    length = np.array([len(t.split()) for t in truth])[answers.item]
    real = np.bincount(answers.annotator, edits) / np.bincount(answers.annotator, length)
    assert np.corrcoef(found.error_rate, real)[0, 1] > 0.95
    np.testing.assert_allclose(found.error_rate, real, atol=0.08)


@methods
def test_order_and_names_do_not_matter(method):
    answers, _ = made_up_transcripts(2, n_items=30)
    rng = np.random.default_rng(0)
    items, people = rng.permutation(30), rng.permutation(15)
    order = rng.permutation(len(answers.item))
    texts = [text_of(each, "words") for each in answers.tokens]
    moved = TextAnswers.of(
        items[answers.item][order], people[answers.annotator][order],
        [texts[row] for row in order], 30, 15,
    )  # fmt: skip
    one, other = method.fit_predict(answers), method.fit_predict(moved)
    assert [other.text[items[i]] for i in range(30)] == list(one.text)
    np.testing.assert_allclose(one.confidence, other.confidence[items], atol=1e-9)
    np.testing.assert_allclose(
        one.annotators.error_rate, other.annotators.error_rate[people], atol=1e-9
    )


@methods
def test_empty_texts_no_answers_and_one_mind(method):
    nothing = method.fit_predict(TextAnswers.of([], [], [], 2, 0))
    assert nothing.text == (None, None)
    assert np.isnan(nothing.confidence).all()
    silent = method.fit_predict(one_item("", " ", ""))
    assert silent.text == ("",)
    assert silent.confidence[0] > 0.9
    alone = method.fit_predict(one_item("only I heard it"))
    assert alone.text == ("only I heard it",)
    same = method.fit_predict(one_item("x y", "x y", "x y"))
    assert same.text == ("x y",)
    assert same.confidence[0] > 0.9
    assert method.fit_predict(one_item("", "", "x")).text == ("",)


@methods
def test_the_last_answer_counts_and_known_annotators_judge(method):
    answers, _ = made_up_transcripts(3, n_items=10)
    names = [f"a{i}" for i in range(15)]
    known = method.fit_predict(answers).annotators.named(names)
    again = TextAnnotators.from_json(known.to_json())
    assert again.to_json() == known.to_json()
    assert again.for_annotators(["a2", "new"]).error_rate.tolist() == [
        known.error_rate[2], known.average,
    ]  # fmt: skip
    together = method.fit_predict(answers, frozen_annotators=again)
    assert together.n_iter == 0
    own = np.flatnonzero(answers.item == 7)
    alone = TextAnswers.of(
        np.zeros(len(own), int), answers.annotator[own],
        [text_of(answers.tokens[row], "words") for row in own], 1, 15,
    )  # fmt: skip
    found = method.fit_predict(alone, frozen_annotators=again)
    assert found.text[0] == together.text[7]
    assert found.confidence[0] == pytest.approx(together.confidence[7])
    twice = TextAnswers.of([0, 0, 0], [0, 1, 0], ["a b", "c", "c"], 1, 2)
    assert method.fit_predict(twice).text == ("c",)


def test_agreement_over_texts_is_that_of_their_distance():
    answers, _ = made_up_transcripts(4, n_items=20)

    def far(first: int, second: int) -> float:
        return disagreement(answers.tokens[first], answers.tokens[second])

    found = alpha_by_distance(answers.item, far, draws=50)
    assert 0.5 < found.value < 0.95


def test_what_is_no_text_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"text must hold strings; got None at position 1"):
        TextAnswers.of([0, 0], [0, 1], ["a", None], 1, 2)
    with pytest.raises(ValueError, match=r"must have the same length; got 2, 2 and 1"):
        TextAnswers.of([0, 0], [0, 1], ["a"], 1, 2)

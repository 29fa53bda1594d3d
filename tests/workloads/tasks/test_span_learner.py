"""How spans are learned."""

from __future__ import annotations

import random

import numpy as np
import pytest

from surelabel.tasks.named_entity_recognition.learner import SpanLearner, allowed, spans_of, tags_of
from surelabel.tasks.named_entity_recognition.tokens import token_features, token_spans
from surelabel.tasks.values import Span, Spans

LEARNER = SpanLearner()
FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald")
CITIES = ("Berlin", "Lima", "Oslo", "Quito", "Accra", "Hanoi")


def sentences(n: int, seed: int = 1) -> tuple[list[str], list[Spans]]:
    """People (class 0) in cities (class 1), with an emoji before them."""
    rng = random.Random(seed)
    texts, values = [], []
    for _ in range(n):
        person, city = rng.choice(FIRST), rng.choice(CITIES)
        words = rng.choices(("we", "saw", "a", "boat", "yesterday"), k=rng.randrange(4))
        text = " ".join(["🙂", *words, "met", person, "Xu", "in", city])
        start = text.index(person)
        texts.append(text)
        values.append(
            Spans(
                (
                    Span(0, start, start + len(person) + 3),
                    Span(1, text.index(city), len(text)),
                )
            )
        )
    return texts, values


def test_spans_of_unseen_texts_are_found() -> None:
    texts, values = sentences(60)
    learned = LEARNER.fit(LEARNER.features(texts).features, values, 2, tolerance=0.5, seed=1)
    fresh, truth = sentences(40, seed=2)
    guesses = learned.model.predict(LEARNER.features(fresh).features)
    assert [guess.value for guess in guesses] == truth
    assert all(len(guess.confidences) == 2 for guess in guesses)
    assert min(guess.confidence for guess in guesses) > 0.6
    right = [guess.value == value for guess, value in zip(learned.held_out, values, strict=True)]
    assert np.mean(right) > 0.9


def test_a_guess_depends_on_no_other_text() -> None:
    texts, values = sentences(30)
    model = LEARNER.fit(LEARNER.features(texts).features, values, 2, tolerance=0.5, seed=1).model
    together = model.predict(LEARNER.features(texts).features)
    for place in (0, 7, 29):
        (alone,) = model.predict(LEARNER.features(texts[place : place + 1]).features)
        assert alone == together[place]


def test_a_model_comes_back_from_its_file() -> None:
    texts, values = sentences(20)
    features = LEARNER.features(texts).features
    model = LEARNER.fit(features, values, 2, tolerance=0.5, seed=1).model
    again = LEARNER.load(model.save())
    assert again.predict(features) == model.predict(features)
    assert LEARNER.fit(features, values, 2, tolerance=0.5, seed=1).model.save() == model.save()


@pytest.mark.parametrize("n", [1, 6])
def test_texts_without_spans_teach_that_there_are_none(n: int) -> None:
    features = LEARNER.features(["nothing is here"] * n).features
    learned = LEARNER.fit(features, [Spans(())] * n, 2, tolerance=0.5, seed=1)
    assert [guess.value for guess in learned.model.predict(features)] == [Spans(())] * n
    assert len(learned.held_out) == n


def test_broken_texts_fail_alone() -> None:
    batch = LEARNER.features(["one", "  ", b"\xff", b"two"])
    assert batch.row.tolist() == [0, 3]
    assert [each.row for each in batch.broken] == [1, 2]
    assert list(batch.features) == [b"one", b"two"]


def test_tags_say_spans_and_spans_tags() -> None:
    words = token_spans("Ada Xu, in Lima")
    value = Spans((Span(0, 0, 6), Span(1, 11, 15)))
    tag = tags_of(value, words)
    assert tag.tolist() == [1, 2, 0, 0, 3]
    assert spans_of(tag, words) == list(value.spans)


def test_spans_within_words_and_overlapping_ones_become_whole_words() -> None:
    words = token_spans("Ada Xu in Lima")
    value = Spans((Span(1, 0, 3), Span(0, 1, 6), Span(1, 11, 13)))
    assert spans_of(tags_of(value, words), words) == [Span(0, 0, 6), Span(1, 10, 14)]


def test_an_entity_is_gone_on_with_only_where_it_began() -> None:
    may = allowed(2)
    assert may[0].tolist() == [True, True, False, True, False]
    assert may[1 + 2].tolist() == [True, True, True, True, False]
    assert may[1 + 3].tolist() == [True, True, False, True, True]


def test_words_are_counted_in_code_points() -> None:
    assert token_spans("é🙂 a") == [(0, 1), (1, 2), (3, 4)]
    assert token_features([]).shape[0] == 0
    assert token_features(["", "a b"]).shape[0] == 2

"""Input that is none: what the library says of it, with the next step, and that it says it."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.consolidation import (
    AnnotatorParameters,
    Answers,
    Auto,
    value_of_another_answer,
    value_of_closer_answers,
    value_of_two_answers,
)
from surelabel.consolidation.another_answer import who_needs_another
from surelabel.consolidation.masks import METHODS as MASKS
from surelabel.consolidation.masks import MaskAnnotators, MaskAnswers
from surelabel.consolidation.masks.instance_result import InstanceAnnotators
from surelabel.consolidation.multi_label import METHODS as SETS
from surelabel.consolidation.multi_label import MultiLabelAnnotators, MultiLabelAnswers
from surelabel.consolidation.objects import METHODS as OBJECTS
from surelabel.consolidation.objects import Boxes, KeyPoints, ObjectAnnotators, ObjectAnswers
from surelabel.consolidation.preferences import METHODS as PAIRS
from surelabel.consolidation.preferences import (
    RANKING_METHODS,
    PreferenceAnswers,
    RankingAnnotators,
    RankingAnswers,
)
from surelabel.consolidation.ratings import METHODS as RATINGS
from surelabel.consolidation.ratings import RatingAnnotators, RatingAnswers
from surelabel.consolidation.spans import METHODS as SPANS
from surelabel.consolidation.spans import SpanAnnotators, SpanAnswers
from surelabel.consolidation.texts import METHODS as TEXTS
from surelabel.consolidation.texts import TextAnnotators, TextAnswers

ONE = ([0, 0], [0, 1], [0, 1], 1, 2, 2)
BOX = Boxes.of([[0.0, 0.0, 4.0, 4.0]])


def test_a_code_out_of_range_is_told_as_it_is_with_what_to_do():
    with pytest.raises(ValueError, match=r"item must lie in 0 .. 2; got 5 at position 1.* pass "):
        Answers.of([0, 5], [0, 1], [0, 1], 3, 2, 2)
    large = np.array([2**63], np.uint64)
    with pytest.raises(ValueError, match=r"item must lie in 0 .. 2; got 9223372036854775808 at"):
        Answers.of(large, [0], [0], 3, 2, 2)


def test_columns_of_unequal_length_are_told_with_what_to_do():
    with pytest.raises(ValueError, match=r"must have the same length.* give each row an entry"):
        Answers.of([0], [0, 1], [0, 1], 1, 2, 2)


def test_gold_of_another_length_is_told_with_what_to_do():
    with pytest.raises(ValueError, match=r"gold must have 1 entries \(n_items\); got 2. Put -1"):
        Auto().fit(*ONE, gold=[0, 1])


@pytest.mark.parametrize(
    ("field", "size"), [("item_ids", r"1 entries \(n_items\)"), ("label_names", "2 entries")]
)
def test_names_that_are_too_few_or_many_are_refused(field, size):
    for names in ([], ["a", "b", "c"]):
        with pytest.raises(ValueError, match=f"{field} must have {size}.*got {len(names)}"):
            Auto().fit(*ONE, **{field: names})


@pytest.mark.parametrize("field", ["start", "frozen_annotators"])
@pytest.mark.parametrize("given", [{}, [0.5], "annotators", np.ones((2, 2, 2))])
def test_annotators_of_another_type_are_refused(field, given):
    with pytest.raises(TypeError, match=f"{field} must be AnnotatorParameters; got "):
        Auto().fit(*ONE, **{field: given})


FAMILIES = {
    "label sets": (SETS, MultiLabelAnswers.of([0], [0], [0], [0], 1, 1, 1)),
    "objects": (OBJECTS, ObjectAnswers.of([0], [0], [0], BOX, [0], 1, 1, 1)),
    "masks": (MASKS, MaskAnswers.of([0], [0], [np.ones((2, 2), np.uint8)], 1, 1)),
    "comparisons": (PAIRS, PreferenceAnswers.of([0], [0], [0], 1, 1)),
    "rankings": (RANKING_METHODS, RankingAnswers.of([0], [0], [0], [0], [0], [1], 1)),
    "ratings": (RATINGS, RatingAnswers.of([0], [0], [3.0], 1, 1)),
    "spans": (SPANS, SpanAnswers.of_lists([(0, 0, [(0, 1, 0)])], 1, 1, 1)),
    "texts": (TEXTS, TextAnswers.of([0], [0], ["a"], 1, 1)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_annotators_of_another_family_are_refused_by_every_method(family):
    methods, answers = FAMILIES[family]
    for method in methods.values():
        with pytest.raises(TypeError, match=r"frozen_annotators must be .*Annotator.*; got dict"):
            method().fit(answers, frozen_annotators={"accuracy": [0.5]})


READERS = (
    AnnotatorParameters, MultiLabelAnnotators, ObjectAnnotators, MaskAnnotators,
    InstanceAnnotators, RankingAnnotators, RatingAnnotators, SpanAnnotators, TextAnnotators,
)  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("data", [b"{}", b"[]", b"7", b"no json", b'{"annotators": [{}]}'])
def test_annotators_are_read_from_their_own_json_alone(kind, data):
    with pytest.raises(ValueError, match=f"data must be what {kind.__name__}.to_json wrote"):
        kind.from_json(data)


def test_gold_of_another_geometry_is_refused():
    points = KeyPoints(np.array([[1.0, 1.0]]), np.array([1.0]))
    answers = ObjectAnswers.of([0], [0], [0], BOX, [0], 1, 1, 1)
    for method in OBJECTS.values():
        with pytest.raises(TypeError, match="gold must be Boxes as the answers are; got KeyPoints"):
            method().fit(answers, gold={0: (points, [0])})


def test_a_rating_whose_square_is_no_number_is_refused():
    with pytest.raises(ValueError, match=r"value must lie within .*1e\+300 at position 1"):
        RatingAnswers.of([0, 0], [0, 1], [1.0, 1e300], 1, 2)


@pytest.mark.parametrize("name", RATINGS)
def test_known_ratings_lie_on_a_scale_that_was_told(name):
    told = RatingAnswers.of([0, 0], [0, 1], [2.0, 4.0], 1, 2, low=1, high=5)
    with pytest.raises(ValueError, match=r"gold must lie on the scale, 1 .. 5; got 9 for item 0"):
        RATINGS[name]().fit(told, gold=[9.0])
    if name == "RoundedNormal":  # It needs the steps, of which 5 is none without an end.
        return
    # Where the answers alone tell the scale, the truth may lie beyond them.
    seen = RatingAnswers.of([0, 0], [0, 1], [2.0, 4.0], 1, 2)
    assert RATINGS[name]().fit_predict(seen, gold=[5.0]).value.tolist() == [5]


CHANCES = {
    "nan": [[np.nan, 1.0]],
    "no sum of 1": [[0.5, 0.1]],
    "negative": [[-0.5, 1.5]],
    "one row": [0.5, 0.5],
    "no class": np.empty((1, 0)),
}


@pytest.mark.parametrize("score", [value_of_another_answer, value_of_two_answers,
                                   who_needs_another])  # fmt: skip
def test_a_posterior_is_chances(score):
    people = Auto().fit_predict(*ONE).annotators
    for posterior in CHANCES.values():
        with pytest.raises(ValueError, match="posterior must have"):
            score(posterior, people)
    # Lists will do.
    rows = [[0.6, 0.4]]
    np.testing.assert_array_equal(score(rows, people), score(np.array(rows), people))


@pytest.mark.parametrize("n", [0, -1, np.nan])
def test_an_item_without_answers_has_no_distance_between_them(n):
    with pytest.raises(ValueError, match=r"n_answers must be at least 1; got .* at position 1"):
        value_of_closer_answers(np.array([0.5, 0.5]), np.array([2.0, n]))
    with pytest.raises(ValueError, match=r"disagreement must lie in 0 .. 1; got 7 at position 0"):
        value_of_closer_answers([7.0], [2.0])

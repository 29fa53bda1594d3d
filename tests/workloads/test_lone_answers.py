"""How sure a label is that one person alone gave, as docs/guides/consolidation.md says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from surelabel.consolidation.spans import METHODS, SpanAnnotators, SpanAnswers
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.valued import ValueAnswers, ValueTask, classes_of
from surelabel.tasks.values import Boxes, Instances, LabelSet, Span, Spans
from workloads.value_cases import LABELS

NOTHING: dict[str, Any] = {
    "NamedEntityRecognition": Spans(()),
    "BoundingBox": Boxes(()),
    "ImageClassificationMultiLabel": LabelSet(()),
    "InstanceSegmentation": Instances((), np.full((6, 8), -1, np.int32)),
}
NEW_YORK = (0, 8, 0)


def alone(task_type: str, value: Any, source: str | None = None) -> Consolidated[Any]:
    """The label of one item of which one person said ``value``."""
    task = TASK_TYPES[task_type]
    assert isinstance(task, ValueTask)
    answers = ValueAnswers((0,), (0,), (value,), 1, (source,), classes_of(LABELS))
    ((_, label),) = task.consolidate(answers)
    return label


def crowd(rows: list[tuple[int, int]], n_items: int) -> SpanAnswers:
    """Everybody marks the first eight letters."""
    n_annotators = 1 + max(who for _, who in rows)
    return SpanAnswers.of_lists([(i, w, [NEW_YORK]) for i, w in rows], n_items, n_annotators, 1)


@pytest.mark.parametrize("task_type", NOTHING)
def test_that_there_is_nothing_is_sure_to_85_percent(task_type: str) -> None:
    assert alone(task_type, NOTHING[task_type]).confidence == pytest.approx(0.85, abs=0.005)


@pytest.mark.parametrize("source", [None, "New York is a city."])
def test_a_span_is_as_likely_wrong_as_right(source: str | None) -> None:
    label = alone("NamedEntityRecognition", Spans((Span(0, 0, 8),)), source)
    assert label.value == Spans((Span(0, 0, 8),))
    assert label.confidence == label.confidences[0] == pytest.approx(0.5)


def test_it_does_not_get_surer_by_how_much_one_person_marks() -> None:
    many = METHODS["Auto"]().fit_predict(crowd([(item, 0) for item in range(300)], 300))
    assert len(many.item) == 300
    assert many.confidence == pytest.approx(0.5)
    assert many.annotators.n_compared.tolist() == [0]


def test_who_was_compared_with_others_is_believed_alone() -> None:
    def lone_span(n_compared: int) -> float:
        # Ann and Bob agree on some items, and Ann answers one more; Cid's only item is his own.
        rows = [(item, who) for item in range(n_compared) for who in (0, 1)]
        n = n_compared + 2
        result = METHODS["Auto"]().fit_predict(crowd([*rows, (n - 2, 0), (n - 1, 2)], n))
        ann, cid = result.confidence[-2:].tolist()
        assert cid == pytest.approx(0.5)
        return float(ann)

    assert 0.5 < lone_span(1) < lone_span(10) < lone_span(200)
    assert lone_span(200) > 0.9


def test_who_is_held_against_the_truth_is_believed_too() -> None:
    answers = crowd([(item, 0) for item in range(101)], 101)
    known = {item: [NEW_YORK] for item in range(100)}
    result = METHODS["Auto"]().fit_predict(answers, gold=known)
    assert result.annotators.n_compared.tolist() == [100]
    assert result.confidence[-1] > 0.85


def test_known_annotators_are_believed_as_when_they_were_learned() -> None:
    rows = [(item, who) for item in range(30) for who in (0, 1)]
    answers = crowd([*rows, (30, 0), (31, 2)], 32)
    learned = METHODS["Auto"]().fit_predict(answers)
    read = SpanAnnotators.from_json(learned.annotators.to_json())
    again = METHODS["Auto"]().fit_predict(answers, frozen_annotators=read)
    assert again.confidence[-2:] == pytest.approx(learned.confidence[-2:], abs=0.02)
    named = read.named(("ann", "bob", "cid")).for_annotators(("eve", "cid"))
    assert named.n_compared.tolist() == [20, 0]


def test_parameters_from_before_it_was_counted_are_read() -> None:
    learned = METHODS["Auto"]().fit_predict(crowd([(0, 0), (1, 0)], 2)).annotators
    old = json.loads(learned.to_json())
    del old["n_compared"]
    assert SpanAnnotators.from_json(json.dumps(old).encode()).n_compared.tolist() == [2]

"""What must not matter to any consolidation, and what none may do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surelabel.consolidation import METHODS, AnnotatorParameters
from workloads.consolidation.crowds import made_up_crowd, relabeled

methods = pytest.mark.parametrize("method", [m() for m in METHODS.values()], ids=METHODS)
seeds = pytest.mark.parametrize("seed", range(5))


@methods
@seeds
def test_the_order_of_answers_of_different_annotators_does_not_matter(method, seed):
    crowd = made_up_crowd(seed)
    order = np.random.default_rng(seed).permutation(len(crowd.item))
    shuffled = replace(
        crowd,
        item=crowd.item[order],
        annotator=crowd.annotator[order],
        label=crowd.label[order],
    )
    np.testing.assert_array_equal(crowd.fit(method).posterior, shuffled.fit(method).posterior)


@methods
@seeds
def test_the_order_of_items_does_not_matter(method, seed):
    crowd = made_up_crowd(seed)
    order = np.random.default_rng(seed).permutation(crowd.n_items)
    moved = replace(crowd, item=order[crowd.item])
    names = [f"item-{i}" for i in range(crowd.n_items)]
    moved_names = [""] * crowd.n_items
    for old, new in enumerate(order):
        moved_names[new] = names[old]
    first = crowd.fit(method, item_ids=names)
    second = moved.fit(method, item_ids=moved_names)
    np.testing.assert_array_equal(first.label, second.label[order])
    np.testing.assert_allclose(first.confidence, second.confidence[order], atol=1e-9)


@methods
@seeds
def test_the_names_of_annotators_do_not_matter(method, seed):
    crowd = made_up_crowd(seed)
    order = np.random.default_rng(seed).permutation(crowd.n_annotators)
    renamed = replace(crowd, annotator=order[crowd.annotator])
    first, second = crowd.fit(method), renamed.fit(method)
    np.testing.assert_array_equal(first.label, second.label)
    np.testing.assert_allclose(
        first.annotators.accuracy, second.annotators.accuracy[order], atol=1e-9
    )


@methods
@seeds
def test_renaming_the_classes_renames_the_answer(method, seed):
    crowd = made_up_crowd(seed)
    order = np.random.default_rng(seed).permutation(crowd.n_classes)
    names = ["ant", "bee", "cat", "dog"]
    moved_names = [""] * 4
    for old, new in enumerate(order):
        moved_names[new] = names[old]
    first = crowd.fit(method, label_names=names)
    second = relabeled(crowd, order).fit(method, label_names=moved_names)
    np.testing.assert_array_equal(order[first.label], second.label)
    np.testing.assert_allclose(first.confidence, second.confidence, atol=1e-9)


@methods
def test_inputs_are_never_changed(method):
    crowd = made_up_crowd(1)
    gold = np.full(crowd.n_items, -1)
    gold[3] = 2
    before = [a.copy() for a in (crowd.item, crowd.annotator, crowd.label, gold)]
    crowd.fit(method, gold=gold)
    for old, new in zip(before, (crowd.item, crowd.annotator, crowd.label, gold), strict=True):
        np.testing.assert_array_equal(old, new)


@methods
def test_an_item_without_answers_has_no_label(method):
    result = method.fit_predict(np.array([0, 0]), np.array([0, 1]), np.array([1, 1]), 2, 2, 2)
    assert result.label.tolist() == [1, -1]
    assert np.isnan(result.confidence[1])
    assert result.n_answers.tolist() == [2, 0]
    assert not result.tied[1]


@methods
def test_no_answers_at_all_give_no_labels(method):
    none = np.empty(0, np.int64)
    result = method.fit_predict(none, none, none, 3, 0, 2)
    assert result.label.tolist() == [-1, -1, -1]


@methods
def test_an_abstention_does_not_count(method):
    crowd = made_up_crowd(2)
    more = replace(
        crowd,
        item=np.append(crowd.item, 0),
        annotator=np.append(crowd.annotator, _absent(crowd, 0)),
        label=np.append(crowd.label, -1),
    )
    np.testing.assert_array_equal(crowd.fit(method).posterior, more.fit(method).posterior)


@methods
def test_the_last_answer_of_an_annotator_to_an_item_counts(method):
    crowd = made_up_crowd(3)
    first = 0
    corrected = crowd.label.copy()
    corrected[first] = (corrected[first] + 1) % crowd.n_classes
    twice = replace(
        crowd,
        item=np.append(crowd.item, crowd.item[first]),
        annotator=np.append(crowd.annotator, crowd.annotator[first]),
        label=np.append(crowd.label, corrected[first]),
    )
    once = replace(crowd, label=corrected)
    np.testing.assert_array_equal(twice.fit(method).posterior, once.fit(method).posterior)


@methods
def test_a_single_class_is_certain(method):
    result = method.fit_predict(np.array([0, 0, 1]), np.array([0, 1, 0]), np.zeros(3, int), 2, 2, 1)
    assert result.label.tolist() == [0, 0]
    np.testing.assert_allclose(result.confidence, 1.0)


@methods
def test_gold_stands_whatever_people_say(method):
    crowd = made_up_crowd(4)
    gold = np.full(crowd.n_items, -1)
    gold[:5] = (crowd.truth[:5] + 1) % crowd.n_classes
    result = crowd.fit(method, gold=gold)
    np.testing.assert_array_equal(result.label[:5], gold[:5])
    np.testing.assert_array_equal(result.confidence[:5], 1.0)


@methods
def test_frozen_annotators_make_every_item_independent(method):
    crowd = made_up_crowd(5)
    frozen = crowd.fit(method).annotators
    together = crowd.fit(method, frozen_annotators=frozen)
    for item in range(5):
        alone = crowd.item == item
        result = method.fit_predict(
            np.zeros(alone.sum(), int),
            crowd.annotator[alone],
            crowd.label[alone],
            1,
            crowd.n_annotators,
            crowd.n_classes,
            frozen_annotators=frozen,
        )
        np.testing.assert_allclose(result.posterior[0], together.posterior[item], atol=1e-12)


@methods
def test_annotator_parameters_survive_the_store(method):
    crowd = made_up_crowd(6)
    names = [f"a{i}" for i in range(crowd.n_annotators)]
    parameters = crowd.fit(method).annotators.named(names)
    data = parameters.to_json()
    again = AnnotatorParameters.from_json(data)
    assert again.to_json() == data
    np.testing.assert_array_equal(again.confusion, parameters.confusion)
    known = again.for_annotators(["a3", "stranger", "a0"])
    np.testing.assert_array_equal(known.confusion[0], parameters.confusion[3])
    np.testing.assert_array_equal(known.confusion[1], parameters.pooled)
    # Everybody's, not that of those who happen to be named beside the stranger.
    assert known.agreement[1] == again.average_agreement
    result = crowd.fit(method, frozen_annotators=again)
    assert result.n_iter == 0


@methods
@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (([0, 2], [0, 0], [0, 0]), r"item must lie in 0 \.\. 1; got 2 at position 1"),
        (([0, 1], [0, -1], [0, 0]), r"annotator must lie in 0 \.\. 0; got -1 at position 1"),
        (([0, 1], [0, 0], [0, 3]), r"label must lie in -1 \.\. 2; got 3 at position 1"),
        (([0, 1], [0, 0], [0]), r"must have the same length; got 2, 2 and 1"),
        (([0, 1], [0, 0], [0.5, 1.0]), r"label must hold integers; got float64"),
    ],
)
def test_impossible_codes_are_refused_with_their_place(method, answers, message):
    with pytest.raises(ValueError, match=message):
        method.fit_predict(*(np.array(a) for a in answers), 2, 1, 3)


def _absent(crowd, item: int) -> int:
    answered = set(crowd.annotator[crowd.item == item].tolist())
    return next(a for a in range(crowd.n_annotators) if a not in answered)

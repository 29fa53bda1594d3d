"""Answers from files as the algorithms want them: items and annotators by number."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.answer_files.given import GivenAnswers
from surelabel.answer_table import AnswerTable
from surelabel.tasks.base import Choosing
from surelabel.tasks.class_codes import codes_of, codes_of_label, recoded, recoded_label, without
from surelabel.tasks.valued import ValueAnswers
from surelabel.tasks.values import Value

Ints = NDArray[np.int64]


def as_table(given: GivenAnswers, task: Choosing, also: Collection[int] = ()) -> AnswerTable:
    """Answers that name one of a few choices, in the order in which they came.

    ``also``: codes of choices that there are though nobody made them.
    """
    items, annotators = _codes(given.items), _codes(given.annotators)
    rows = [
        (
            items[each.item],
            annotators[each.annotator],
            -1 if each.value is None else task.code_of(each.value),
        )
        for each in given.answers
    ]
    item, annotator, label = np.array(rows, np.int64).reshape(-1, 3).T
    names = task.choices(given.classes, {*label.tolist(), *also})
    return AnswerTable(item, annotator, label, given.items, given.annotators, names)


def as_values(
    given: GivenAnswers, gold: Mapping[str, Value] = MappingProxyType({})
) -> ValueAnswers[Any]:
    """The last answer of each annotator to each item; an abstention takes an earlier one back.

    ``gold``: known truths by item; of items that nobody answered they are left out.
    """
    items, annotators = _codes(given.items), _codes(given.annotators)
    last = {(items[each.item], annotators[each.annotator]): each.value for each in given.answers}
    kept = [(*pair, value) for pair, value in sorted(last.items(), key=_pair) if value is not None]
    return ValueAnswers(
        item=tuple(item for item, _, _ in kept),
        annotator=tuple(annotator for _, annotator, _ in kept),
        value=tuple(value for _, _, value in kept),
        n_annotators=len(annotators),
        sources=tuple(given.texts.get(item) for item in given.items),
        classes=given.classes,
        gold={items[item]: value for item, value in gold.items() if item in items},
    )


def without_classes(given: GivenAnswers, gaps: Collection[int]) -> GivenAnswers:
    """The same without those of the classes ``gaps`` that neither answers nor labels use.

    A manifest's class numbers may have gaps: classes that the job had and nobody ever named.
    """
    if not gaps:
        return given
    used = {code for each in given.answers for code in codes_of(each.value)}
    for label in given.labels.values():
        used.update(codes_of_label(label))
    unused = set(gaps) - used
    new = without(unused, len(given.classes))
    names = tuple(n for code, n in enumerate(given.classes.names) if code not in unused)
    return replace(
        given,
        classes=replace(given.classes, names=names),
        answers=tuple(replace(a, value=recoded(a.value, new)) for a in given.answers),
        labels={item: recoded_label(label, new) for item, label in given.labels.items()},
    )


def seconds_of(
    given: GivenAnswers, item: Sequence[int] | Ints, annotator: Sequence[int] | Ints
) -> NDArray[np.float64]:
    """(n,): the time of the answer that counts of each pair of codes; nan where it is not known."""
    items, annotators = _codes(given.items), _codes(given.annotators)
    last = {
        (items[each.item], annotators[each.annotator]): each.seconds
        for each in given.answers
        if each.value is not None
    }
    pairs = zip(np.asarray(item).tolist(), np.asarray(annotator).tolist(), strict=True)
    found = (last.get(pair) for pair in pairs)
    return np.array([np.nan if each is None else each for each in found], np.float64)


def _pair(entry: tuple[tuple[int, int], Any]) -> tuple[int, int]:
    # Values have no order.
    return entry[0]


def _codes(names: tuple[str, ...]) -> dict[str, int]:
    return {name: code for code, name in enumerate(names)}

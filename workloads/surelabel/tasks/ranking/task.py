"""Ranking: candidates in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from surelabel.consolidation.nothing_there import chance_of_nothing
from surelabel.consolidation.preferences import RANKING_METHODS, RankingAnswers
from surelabel.consolidation.preferences import ranking_disagreement as apart
from surelabel.tasks.base import Random
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.ranking.format import RankingFormat
from surelabel.tasks.valued import ValueAnswers, ValueTask
from surelabel.tasks.values import Order


@dataclass(frozen=True)
class Ranking(ValueTask[Order]):
    """The best first."""

    format: LabelFormat[Order] = field(default_factory=RankingFormat)
    takes_any_source: ClassVar[bool] = True
    methods: ClassVar[Mapping[str, Any]] = RANKING_METHODS

    def disagreement(self, first: Order, second: Order) -> float:
        """See ``ValueTask``; Kendall's tau distance over the pairs that both have."""
        ids = sorted({*first.order, *second.order})
        return apart(_ranks(first, ids), _ranks(second, ids))

    def consolidate(
        self, answers: ValueAnswers[Order], method: str = "Auto"
    ) -> Iterator[tuple[int, Consolidated[Order]]]:
        """See ``ValueTask``; an item's candidates are those that somebody named."""
        by_item = answers.by_item()
        candidates: list[list[str]] = [[] for _ in range(answers.n_items)]
        for item, positions in by_item:
            known = answers.gold.get(item, Order(()))
            told = [*(answers.value[p] for p in positions), known]
            candidates[item] = sorted({name for value in told for name in value.order})
        marks = [
            (row, option, rank)
            for row, (item, value) in enumerate(zip(answers.item, answers.value, strict=True))
            for option, rank in _ranks(value, candidates[item]).items()
        ]
        answer, option, rank = np.array(marks, np.int64).reshape(-1, 3).T
        coded = RankingAnswers.of(
            np.array(answers.item, np.int64),
            np.array(answers.annotator, np.int64),
            answer,
            option,
            rank,
            np.array([len(names) for names in candidates], np.int64),
            max(answers.n_annotators, 1),
        )
        gold = {
            item: _whole(truth, candidates[item])
            for item, truth in answers.gold.items()
            if candidates[item]
        }
        result = self.methods[method]().fit_predict(coded, gold=gold)
        said = np.array([len(value.order) > 0 for value in answers.value], bool)
        nothing = chance_of_nothing(np.array(answers.item, np.int64), said, answers.n_items)
        for item, _ in by_item:
            order = tuple(candidates[item][code] for code in result.order_of(item))
            # Without a candidate every order is right, if there is really none.
            confidence = float((result.confidence if order else nothing)[item])
            yield item, Consolidated(Order(order), confidence, (confidence,))
        answers.fit.note(result)

    def vary(self, truth: Order, accuracy: float, rng: Random, n_classes: int) -> Order:
        """See ``ValueTask``; neighbours that look alike change places."""
        order = list(truth.order)
        for place in range(len(order) - 1):
            if rng.random() > accuracy:
                order[place : place + 2] = order[place + 1], order[place]
        return Order(tuple(order))


def _whole(value: Order, ids: Sequence[str]) -> list[int]:
    """All candidates by their position in ``ids``, those that the order leaves out at its end."""
    named = [ids.index(name) for name in value.order]
    return named + [code for code in range(len(ids)) if code not in named]


def _ranks(value: Order, ids: Sequence[str]) -> dict[int, int]:
    """The rank of each candidate by its position in ``ids``."""
    position = {name: code for code, name in enumerate(ids)}
    return {position[name]: rank for rank, name in enumerate(value.order)}

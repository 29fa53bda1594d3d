"""Ranking: candidates in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from surelabel.consolidation.preferences import RANKING_METHODS, RankingAnswers
from surelabel.consolidation.preferences import ranking_disagreement as apart
from surelabel.tasks.base import Random
from surelabel.tasks.label_format import LabelFormat
from surelabel.tasks.ranking.format import RankingFormat
from surelabel.tasks.valued import Consolidated, ValueAnswers, ValueTask
from surelabel.tasks.values import Order


@dataclass(frozen=True)
class Ranking(ValueTask[Order]):
    """The best first."""

    format: LabelFormat[Order] = field(default_factory=RankingFormat)

    def disagreement(self, first: Order, second: Order) -> float:
        """See ``ValueTask``; Kendall's tau distance over the pairs that both have."""
        ids = sorted({*first.order, *second.order})
        return apart(_ranks(first, ids), _ranks(second, ids))

    def consolidate(
        self, answers: ValueAnswers[Order]
    ) -> Iterator[tuple[int, Consolidated[Order]]]:
        """See ``ValueTask``; an item's candidates are those that somebody named."""
        by_item = answers.by_item()
        candidates: list[list[str]] = [[] for _ in range(answers.n_items)]
        for item, positions in by_item:
            named = {name for p in positions for name in answers.value[p].order}
            candidates[item] = sorted(named)
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
        result = RANKING_METHODS["Auto"]().fit_predict(coded)
        for item, _ in by_item:
            order = tuple(candidates[item][code] for code in result.order_of(item))
            confidence = float(result.confidence[item])
            yield item, Consolidated(Order(order), confidence, (confidence,))
        answers.fit.note(result)

    def vary(self, truth: Order, accuracy: float, rng: Random, n_classes: int) -> Order:
        """See ``ValueTask``; neighbours that look alike change places."""
        order = list(truth.order)
        for place in range(len(order) - 1):
            if rng.random() > accuracy:
                order[place : place + 2] = order[place + 1], order[place]
        return Order(tuple(order))


def _ranks(value: Order, ids: Sequence[str]) -> dict[int, int]:
    """The rank of each candidate by its position in ``ids``."""
    position = {name: code for code, name in enumerate(ids)}
    return {position[name]: rank for rank, name in enumerate(value.order)}

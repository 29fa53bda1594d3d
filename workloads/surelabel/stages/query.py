"""The batch that people label next: what a model learns most from, and a uniform share.

The uniform share is drawn first and never touched again: it alone may estimate anything about the
pool. The rest goes by ``autoLabeling.query``, a part of it to classes with few labels, and holds no
near-duplicate of an item that is labeled or asked about already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader, stacked
from surelabel.labels import Kind, LabelState
from surelabel.querying import (
    RARE_SHARE,
    badge_batch,
    coreset_batch,
    margin_batch,
    rare_rows,
    without_duplicates,
)
from surelabel.selection import UNIFORM_SHARE
from surelabel.stages.context import StageContext
from surelabel.stages.first_batch import MAX_CANDIDATES, thinned
from surelabel.stages.predicted import PREDICTIONS, Predicted
from surelabel.stages.scoring import Scores
from surelabel.stages.selected import Selection
from surelabel.tasks import value_learner
from surelabel_contract.stages import AutoLabeling

Rows = NDArray[np.int64]

# Labeled items that a candidate may be a near-duplicate of; of more a uniform part is looked at.
MAX_KNOWN = 5_000
# Of the least certain items, how many times as many as wanted are looked at: room for duplicates.
_WIDER = 8


@dataclass(frozen=True)
class Query:
    """Lines of the batch, and why each was chosen."""

    lines: list[int] = field(default_factory=list)
    selection: Selection = field(default_factory=Selection)


def choose_query(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    pool: Scores,
    promise: AutoLabeling,
    *,
    is_whole_pool: bool,
) -> Query:
    """The next batch from ``pool``; fewer than wanted where the rest are near-duplicates.

    ``is_whole_pool``: whether no region takes the other items, so that the uniform share is one of
    the whole pool.
    """
    wanted = min(promise.items_per_round, len(pool.line))
    if wanted == 0:
        return Query()
    rng = context.rng("querying")
    n_uniform = wanted if promise.query == "Random" else int(np.ceil(wanted * UNIFORM_SHARE))
    uniform = np.sort(rng.choice(len(pool.line), n_uniform, replace=False))
    queried = np.empty(0, np.int64)
    if n_uniform < wanted:
        chooser = _Chooser(context, reader, state, pool, promise.query, rng)
        queried = chooser.choose(uniform, wanted - n_uniform)
    lines = np.sort(np.concatenate((pool.line[uniform], pool.line[queried])))
    # Uniform among what a region left over is not uniform in the pool.
    told = tuple(pool.line[uniform].tolist()) if is_whole_pool else ()
    return Query(lines.tolist(), Selection(uniform=told))


@dataclass(frozen=True)
class _Chooser:
    context: StageContext
    reader: ItemReader
    state: LabelState
    pool: Scores
    query: str
    rng: np.random.Generator

    def choose(self, uniform: Rows, n: int) -> Rows:
        """Positions in the pool beside the uniform ones."""
        pool = self.pool
        rest = np.setdiff1d(np.arange(len(pool.line)), uniform)
        human = self.state.lines(Kind.HUMAN)
        counts = np.bincount(self.state.label[human], minlength=len(self.context.config.labels))
        share = int(np.ceil(n * RARE_SHARE))
        # Labels that are no classes are all of class 0, and none is rare.
        rare = rest[rare_rows(pool.label[rest], pool.confidence[rest], counts, share)]
        candidates = np.concatenate((rare, self._candidates(np.setdiff1d(rest, rare), n)))
        features = self._features(pool.line[candidates])
        # An earlier job's model asks before anybody has labeled anything.
        asked = (thinned(human, MAX_KNOWN, self.rng), pool.line[uniform])
        known = stacked([self._features(lines) for lines in asked if len(lines)])
        fresh = without_duplicates(features, known, len(candidates))
        of_rare = fresh[fresh < len(rare)]
        others = fresh[fresh >= len(rare)]
        lines = pool.line[candidates[others]]
        ranked = self._ranked(lines, features[others], known, n - len(of_rare))
        return np.concatenate((candidates[of_rare], candidates[others[ranked]]))

    def _candidates(self, rest: Rows, n: int) -> Rows:
        """Those whose features are looked at, the least certain first."""
        if self.query in ("Coreset", "BADGE"):
            return thinned(rest, max(MAX_CANDIDATES, 4 * n), self.rng)
        # Stable, so that equal margins keep the pool's order.
        return rest[np.argsort(self.pool.margin[rest], kind="stable")[: _WIDER * n]]

    def _ranked(self, lines: Rows, features: Any, known: Any, n: int) -> Rows:
        if features.shape[0] <= n:
            return np.arange(features.shape[0])
        if self.query == "Coreset":
            return coreset_batch(features, known, n, self.rng)
        if self.query == "BADGE":
            return badge_batch(self._probability(lines, features), features, n, self.rng)
        return margin_batch(features, n, self.rng)

    def _features(self, lines: Rows) -> Any:
        """One row for each of ``lines``, in their order."""
        order = np.argsort(lines, kind="stable")
        found = self.reader.features_of(lines[order])[np.argsort(order, kind="stable")]
        learner = value_learner(self.context.config.task_type)
        return found if learner is None else learner.overview(found)

    def _probability(self, lines: Rows, features: Any) -> NDArray[np.float64]:
        if value_learner(self.context.config.task_type) is None:
            if self.context.has(PREDICTIONS):
                return Predicted(self.context, self.reader).of(lines)
            # Late: it imports scikit-learn.
            from surelabel.models import load

            return load(self.context.read("model")).predict_proba(features)
        place = np.searchsorted(self.pool.line, lines)
        sure = self.pool.confidence[place].astype(np.float64)
        # As two classes whose margin is how sure the model is.
        return np.stack(((1 + sure) / 2, (1 - sure) / 2), axis=1)

"""The items that people label where there is no model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState
from surelabel.selection import first_batch
from surelabel.stages.context import StageContext
from surelabel.stages.selected import Selection
from surelabel.tasks import value_learner

# Items whose features are in memory at once to choose among; a larger pool is thinned uniformly.
MAX_CANDIDATES = 8_000


def choose_without_model(
    context: StageContext, reader: ItemReader, state: LabelState, wanted: int, seed: int
) -> tuple[list[int], Selection]:
    """The lines of a batch that no model had a say in, and which were drawn uniformly."""
    rng = context.rng("querying", seed)
    pool = thinned(state.lines(Kind.OPEN), max(MAX_CANDIDATES, 4 * wanted), rng)
    if len(pool) == 0:
        return [], Selection()
    features = reader.features_of(pool)
    learner = value_learner(context.config.task_type)
    overview = features if learner is None else learner.overview(features)
    batch = first_batch(len(pool), wanted, rng, overview)
    uniform = pool[batch.position[batch.uniform]]
    return pool[batch.position].tolist(), Selection(uniform=tuple(uniform.tolist()))


def thinned(pool: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A uniform part of the pool that fits into memory; ascending."""
    if len(pool) <= n:
        return pool
    return np.sort(rng.choice(pool, n, replace=False))

"""The pool's points: made by the first model's step, read by those of later rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from surelabel.items import ItemReader, stacked
from surelabel.stages.context import StageContext
from surelabel_contract.stages import ObjectRef

if TYPE_CHECKING:
    from surelabel.models.points import Points

POINTS = "points"


def find_points(context: StageContext, reader: ItemReader) -> tuple[Points, ObjectRef]:
    """Points of all items that have features, and where they are kept.

    Of a pool that is too large for a neighbour graph a uniform part, for the axes alone.
    """
    # Late: this imports scikit-learn.
    from surelabel.models.points import MAX_POINTS, Points, fit_points

    if context.has(POINTS):
        return Points.from_bytes(context.read(POINTS)), context.input(POINTS)
    n_lines = reader.index.n_lines
    rng = context.rng("training")
    chosen = None
    if n_lines > MAX_POINTS:
        chosen = np.sort(rng.choice(n_lines, MAX_POINTS, replace=False))
    lines, parts = [], []
    for number in range(len(reader.index.shards)):
        line, features = reader.features(number)
        wanted = np.arange(len(line)) if chosen is None else np.flatnonzero(np.isin(line, chosen))
        if wanted.size:
            lines.append(line[wanted])
            parts.append(features[wanted])
    seed = int(rng.integers(2**31))
    points = fit_points(np.concatenate(lines), stacked(parts), seed, is_all=chosen is None)
    return points, context.write("points.npz", points.to_bytes(), role=POINTS)

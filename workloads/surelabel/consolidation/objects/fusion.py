"""One geometry from several: a mean that trusts precise annotators and no outlier.

Every annotator has an error of their own, relative to the object's size, estimated against the
mean of the others (leave one out: a mean that contains the mark flatters whoever made it). Marks
count by the inverse of the squared error, and less the farther they are out (P. J. Huber, "Robust
Estimation of a Location Parameter", Annals of Mathematical Statistics 35 (1964),
doi:10.1214/aoms/1177703732). Errors and means are found in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.objects.geometry import Aligned, Codes, Floats
from surelabel.consolidation.objects.groups import medians, sums

# Beyond this distance, relative to the object's size, a mark's pull no longer grows.
HUBER = 0.05
# Pseudo-marks that draw an annotator's squared error towards everybody's; its least value.
_PRIOR, _LEAST_SQUARE = 5.0, 1e-4
# A mark that is out by more than half of the object says no more about the annotator.
MOST_SQUARE = 0.25
# With two marks each is as far from the other: nobody's error shows.
TELLING = 3
# Others that weigh next to nothing beside a mark are rounding.
LEAST_WEIGHT = 1e-12
_MAX_ITER = 5
# Squared error of what is known: far below anybody's, so that it decides alone.
_KNOWN = 1e-12
# Values from which compiling the loops pays.
_MANY = 1_000_000


Flags = NDArray[np.bool_]


class Marks(NamedTuple):
    """``values``: (n_marks, n_values). ``annotator``, ``cluster``: (n_marks,), of each mark.

    ``scale``: (n_clusters, n_scales), what errors in each cluster are measured against.
    """

    values: Floats
    annotator: Codes
    cluster: Codes
    scale: Floats


Step = Callable[[Marks, Floats, Floats, Flags], tuple[Floats, Floats, Floats]]
Middle = Callable[[Floats, Codes, int], Floats]


class Errors(NamedTuple):
    """``sigma``: (n_annotators,), relative error. ``pooled``: everybody's.

    ``relative``: (n_marks, n_values), the marks' errors against the others; 0 where nothing shows.
    ``n_marks``: (n_annotators,), marks that show something.
    """

    sigma: Floats
    pooled: float
    relative: Floats
    n_marks: Codes


def fuse(
    aligned: Aligned, annotator: Codes, cluster: Codes, n_annotators: int, sigma: Floats | None
) -> tuple[Floats, Errors]:
    """(n_clusters, n_values) fused coordinates, and the annotators' errors.

    ``sigma``: (n_annotators,), errors known from before; then nothing is learned and each cluster
    is fused by itself. A single mark is its own mean. Marks of annotator ``n_annotators`` are known
    to be right: errors are measured by them, also that of a single other mark.
    """
    values, n = aligned.values, len(aligned.reference)
    step: Step = robust_step
    middle: Middle = medians
    if values.size > _MANY:
        from surelabel.consolidation.objects import fusion_kernels

        step, middle = fusion_kernels.compiled_fusion(cluster, n)
    fused = middle(values, cluster, n)
    marks = Marks(values, annotator, cluster, middle(aligned.scale, cluster, n))
    telling = (np.bincount(cluster, minlength=n) >= TELLING)[cluster]
    looks = [telling] * _MAX_ITER
    known = annotator == n_annotators
    if known.any():
        on_gold = (np.bincount(cluster[known], minlength=n) > 0)[cluster] & ~known
        # Where errors begin decides whom the means believe: by what is known alone.
        looks = [on_gold, *[(telling | on_gold) & ~known] * (_MAX_ITER - 1)]
    n_marks = np.bincount(annotator[looks[-1]], minlength=n_annotators)
    square = np.ones(n_annotators) if sigma is None else np.square(sigma)
    pooled, relative = float(np.sqrt(_LEAST_SQUARE)), np.empty_like(values)
    for shown in looks:
        fused, out, relative = step(marks, 1 / np.append(square, _KNOWN), fused, shown)
        if sigma is None:
            here = n_marks
            if shown is not looks[-1]:
                here = np.bincount(annotator[shown], minlength=n_annotators)
            everybody = max(float(out.sum() / max(here.sum(), 1)), _LEAST_SQUARE)
            square = (out[:n_annotators] + _PRIOR * everybody) / (here + _PRIOR)
            square = np.maximum(square, _LEAST_SQUARE)
            pooled = float(np.sqrt(everybody))
    return fused, Errors(np.sqrt(square), pooled, relative, n_marks)


def robust_step(
    marks: Marks, trust: Floats, centre: Floats, telling: Flags
) -> tuple[Floats, Floats, Floats]:
    """The weighted mean of each cluster about ``centre``, and the errors of its marks.

    ``trust``: (n_annotators + 1,), weights. ``telling``: (n_marks,), marks whose errors count.
    Errors, (n_marks, n_values), are distances to the mean of the cluster's other marks over the
    scale, 0 for marks that are not telling; before them, (n_annotators + 1,), the sums of their
    mean squares, each at most .25, by annotator.
    """
    values, annotator, cluster, scale = marks
    n = len(centre)
    size = np.tile(scale, values.shape[1] // scale.shape[1])[cluster]
    # About the centre, since sums of large coordinates would lose digits.
    away = values - centre[cluster]
    weight = trust[annotator, None] * (HUBER / np.maximum(np.abs(away) / size, HUBER))
    total, moved = sums(weight, cluster, n), sums(weight * away, cluster, n)
    others = total[cluster] - weight
    shown = telling[:, None] & (others > LEAST_WEIGHT * total[cluster])
    mean = (moved[cluster] - weight * away) / np.where(shown, others, 1.0)
    error = np.where(shown, (away - mean) / size, 0.0)
    out = np.minimum(error * error, MOST_SQUARE).mean(axis=1)
    return centre + moved / total, sums(out, annotator, len(trust)), error

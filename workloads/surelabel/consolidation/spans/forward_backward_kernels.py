"""Forward-backward and Viterbi over many sequences, compiled; see ``forward_backward``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.compiled import compiled

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@compiled
def emissions(
    first: Codes,
    reading_first: Codes,
    annotator: Codes,
    place: Codes,
    tags: NDArray[np.uint16],
    log_confusion: Floats,
    out: Floats,
) -> None:
    """out[u, t] = sum over readings of log P(own tag at u | own tag before, true t)."""
    n_tags = out.shape[1]
    for s in range(len(first) - 1):
        begin, length = first[s], first[s + 1] - first[s]
        for r in range(reading_first[s], reading_first[s + 1]):
            table = log_confusion[annotator[r]]
            before = 0
            at = place[r]
            for u in range(length):
                own = tags[at + u]
                for t in range(n_tags):
                    out[begin + u, t] += table[before, own, t]
                before = own


@compiled
def count(
    first: Codes,
    reading_first: Codes,
    annotator: Codes,
    place: Codes,
    tags: NDArray[np.uint16],
    posterior: Floats,
    out: Floats,
) -> None:
    """out[a, before, own, t] += posterior of t, over everything that annotator a said."""
    n_tags = posterior.shape[1]
    for s in range(len(first) - 1):
        begin, length = first[s], first[s + 1] - first[s]
        for r in range(reading_first[s], reading_first[s + 1]):
            table = out[annotator[r]]
            before = 0
            at = place[r]
            for u in range(length):
                own = tags[at + u]
                for t in range(n_tags):
                    table[before, own, t] += posterior[begin + u, t]
                before = own


@compiled
def forward_backward(
    first: Codes,
    likelihood: Floats,
    initial: Floats,
    transition: Floats,
    alpha: Floats,
    beta: Floats,
    scale: Floats,
    pairs: Floats,
) -> None:
    """Fill alpha, beta (both scaled), scale, and add the expected transitions to pairs."""
    n_tags = likelihood.shape[1]
    for s in range(len(first) - 1):
        begin, end = first[s], first[s + 1]
        if begin == end:
            continue
        for u in range(begin, end):
            total = 0.0
            for t in range(n_tags):
                if u == begin:
                    reach = initial[t]
                else:
                    reach = 0.0
                    for p in range(n_tags):
                        reach += alpha[u - 1, p] * transition[p, t]
                alpha[u, t] = reach * likelihood[u, t]
                total += alpha[u, t]
            scale[u] = total
            for t in range(n_tags):
                alpha[u, t] /= total
        for t in range(n_tags):
            beta[end - 1, t] = 1.0
        for u in range(end - 2, begin - 1, -1):
            for p in range(n_tags):
                beta[u, p] = 0.0
                for t in range(n_tags):
                    flow = transition[p, t] * likelihood[u + 1, t] * beta[u + 1, t] / scale[u + 1]
                    beta[u, p] += flow
                    pairs[p, t] += alpha[u, p] * flow


@compiled
def _first_best(score: Floats, tolerance: float) -> int:
    """Place of the best, of equals (within the tolerance) the first."""
    best = score.max()
    for place in range(len(score)):
        if score[place] >= best - tolerance:
            return place
    return 0


@compiled
def viterbi(
    first: Codes,
    log_likelihood: Floats,
    log_initial: Floats,
    log_transition: Floats,
    tolerance: float,
    back: NDArray[np.uint16],
    path: NDArray[np.uint16],
) -> None:
    """Fill path with the likeliest tags; of equals the lower tag. ``back`` is scratch."""
    n_tags = log_likelihood.shape[1]
    score, following, reach = np.empty(n_tags), np.empty(n_tags), np.empty(n_tags)
    for s in range(len(first) - 1):
        begin, end = first[s], first[s + 1]
        if begin == end:
            continue
        for t in range(n_tags):
            score[t] = log_initial[t] + log_likelihood[begin, t]
        for u in range(begin + 1, end):
            for t in range(n_tags):
                for p in range(n_tags):
                    reach[p] = score[p] + log_transition[p, t]
                origin = _first_best(reach, tolerance)
                following[t] = reach[origin] + log_likelihood[u, t]
                back[u, t] = origin
            score[:] = following
        tag = _first_best(score, tolerance)
        path[end - 1] = tag
        for u in range(end - 1, begin, -1):
            tag = back[u, tag]
            path[u - 1] = tag

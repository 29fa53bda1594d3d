"""From tags to spans, and the chance that a whole span is right."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans.forward_backward import Lattice, Posterior
from surelabel.consolidation.spans.overlap import Marks
from surelabel.consolidation.spans.sequences import Sequences
from surelabel.consolidation.spans.units import ranges

_LEAST = 1e-300


def runs(sequences: Sequences, tags: Codes) -> tuple[Codes, Codes, Codes]:
    """First unit, unit after the last, and class of each span; (n_spans,) each.

    ``tags``: (n_units,). A tag that goes on with what did not begin begins it.
    """
    kind = (tags - 1) // 2
    before = np.concatenate(([-1], kind[:-1])) if len(kind) else kind
    start_of_sequence = np.zeros(len(tags), dtype=bool)
    start_of_sequence[sequences.first[:-1][sequences.length > 0]] = True
    inside = tags > 0
    opens = inside & ((tags % 2 == 1) | start_of_sequence | (before != kind))
    before_inside = np.concatenate(([False], inside[:-1])) if len(tags) else inside
    opens |= inside & ~before_inside
    first = np.flatnonzero(opens)
    stops = np.flatnonzero(opens | ~inside | start_of_sequence)
    after = np.append(stops, len(tags))[np.searchsorted(stops, first, side="right")]
    return first, after, kind[first]


def marks_of(sequences: Sequences, first: Codes, after: Codes, label: Codes) -> Marks:
    """The spans in code points, grouped by item."""
    sequence = np.searchsorted(sequences.first, first, side="right") - 1
    return Marks(sequences.item[sequence], sequences.start[first], sequences.end[after - 1], label)


def span_probability(
    lattice: Lattice, posterior: Posterior, transition: Floats, runs: tuple[Codes, Codes, Codes]
) -> Floats:
    """(n_spans,): the chance that the tags begin, go on and end just there.

    The sum over all sequences of tags that have this span, by forward-backward.
    """
    first, after, label = runs
    begin, inside = 1 + 2 * label, 2 + 2 * label
    chance = posterior.alpha[first, begin].copy()
    log_step = np.log(np.maximum(posterior.likelihood / posterior.scale[:, None], _LEAST))
    rest = ranges(first + 1, after - first - 1)
    span = np.repeat(np.arange(len(first)), after - first - 1)
    came_from = np.where(rest == first[span] + 1, begin[span], inside[span])
    with np.errstate(divide="ignore"):
        step = log_step[rest, inside[span]] + np.log(transition)[came_from, inside[span]]
    chance *= np.exp(np.bincount(span, step, minlength=len(first)))
    # Anything but going on may follow; nothing does where the sequence ends.
    at_end = np.append(lattice.begins, True)[after]
    following = np.where(at_end, 0, after)
    last = np.where(after - first > 1, inside, begin)
    flow = transition[last] * posterior.likelihood[following] * posterior.beta[following]
    flow[np.arange(len(first)), inside] = 0.0
    ends = np.where(at_end, 1.0, flow.sum(axis=1) / posterior.scale[following])
    return np.clip(chance * ends, 0.0, 1.0)

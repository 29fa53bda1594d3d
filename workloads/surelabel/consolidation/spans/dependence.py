"""How far answers to one item depend on each other, and so how sure of a span one may be.

The chain takes annotators for independent, given the truth. Real ones overlook the same spans and
fall for the same words, so that n of them say as much as n / (1 + d (n - 1)) independent ones (the
design effect of L. Kish, "Survey Sampling", 1965). Nobody has to choose d: it is the one with which
the others' answers foretell each answer best. Which spans there are does not change by it, only
how sure they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans.forward_backward import Lattice
from surelabel.consolidation.spans.sequences import Sequences
from surelabel.consolidation.spans.units import ranges

# What is tried, until it foretells answers worse than the one before; 0 is independence.
_TRIED = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0)
# Standard errors by which another value must foretell answers better than independence.
_EVIDENCE = 2.0
# Tags that annotators gave in what is looked at: seconds for more would not change d.
_MOST_TAGS = 100_000


def damping(n_answers: Codes, dependence: float) -> Floats:
    """Factors for the log evidence of so many answers; shaped as ``n_answers``, in (0, 1]."""
    return np.asarray(1 / (1 + dependence * np.maximum(n_answers - 1, 0)))


def learn_dependence(
    lattice: Lattice,
    beside: Floats | None,
    log_emission: Floats,
    initial: Floats,
    transition: Floats,
    oracle: int | None = None,
) -> float:
    """The d that foretells answers best, each by the others to its item; 0 without evidence.

    ``log_emission[a, before, own, true]``: of the annotators; ``beside``: (n_units, n_tags), what
    words say, which is never damped. Items of ``oracle``, who knows the truth, are left out: next
    to that nothing else counts. Of much input an even part is looked at, the same whatever the
    order of items and annotators.
    """
    kept = _looked_at(lattice.sequences, oracle)
    part = Lattice(lattice.sequences.only(kept), lattice.is_compiled)
    s = part.sequences
    if beside is not None:
        beside = beside[ranges(lattice.sequences.first[kept], s.length)]
    everybody = part.emissions(log_emission)
    held_out = [
        (rows, Lattice(s.readings(rows), lattice.is_compiled).emissions(log_emission))
        for rows in _one_reading_each(s)
    ]
    others = np.repeat(s.n_readings - 1, s.length)

    def foretold(dependence: float) -> Floats:
        """(n_sequences,): log chance of each reading by the others, summed."""
        total = np.zeros(len(s.item))
        for rows, own in held_out:
            said = (everybody - own) * damping(others, dependence)[:, None]
            if beside is not None:
                said += beside
            gain = part.log_chance(said + own, initial, transition)
            gain -= part.log_chance(said, initial, transition)
            total[s.sequence[rows]] += gain[s.sequence[rows]]
        return total

    found, best = 0.0, foretold(0.0)
    independent = best
    for tried in _TRIED:
        now = foretold(tried)
        if now.sum() <= best.sum():
            break
        found, best = tried, now
    gain = best - independent
    error = gain.std() * np.sqrt(max(len(gain), 1)) if found else 0.0
    return found if gain.sum() > _EVIDENCE * error else 0.0


def _looked_at(sequences: Sequences, oracle: int | None) -> Codes:
    """Sequences of two readings or more, none by ``oracle``, ascending.

    Of many every k-th by their content.
    """
    s = sequences
    is_known = np.zeros(len(s.item), bool)
    if oracle is not None:
        is_known[s.sequence[s.annotator == oracle]] = True
    several = np.flatnonzero((s.n_readings > 1) & (s.length > 0) & ~is_known)
    tags = (s.length * s.n_readings)[several]
    step = -(-int(tags.sum()) // _MOST_TAGS)
    if step <= 1:
        return several
    ends = s.end[s.first[several + 1] - 1]
    marked = np.add.reduceat(np.append(s.tags > 0, False), s.place)
    marked = np.bincount(s.sequence, marked, minlength=len(s.item))[several]
    order = np.lexsort((s.start[s.first[several]], ends, marked, s.n_readings[several], tags))
    return np.sort(several[order[step // 2 :: step]])


def _one_reading_each(sequences: Sequences) -> list[NDArray[np.int64]]:
    """The first reading of every sequence, then the second of those that have two, ..."""
    first = np.searchsorted(sequences.sequence, np.arange(len(sequences.item)))
    rank = np.arange(len(sequences.sequence)) - first[sequences.sequence]
    return [np.flatnonzero(rank == place) for place in range(int(rank.max(initial=-1)) + 1)]

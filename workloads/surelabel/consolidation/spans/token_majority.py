"""Every unit by itself: the tag that most annotators gave it. A baseline that users expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.checked import Codes, Floats, NotApplicableError
from surelabel.consolidation.spans import decode
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.base import Learned, SpanMethod
from surelabel.consolidation.spans.forward_backward import Lattice
from surelabel.consolidation.spans.layers import assign_layers
from surelabel.consolidation.spans.overlap import Marks
from surelabel.consolidation.spans.result import SpanAnnotators
from surelabel.consolidation.spans.sequences import build_sequences
from surelabel.consolidation.spans.units import Units

_TIE = 1e-9
# Above it tables by tag would not fit into memory.
_MAX_CELLS = 100_000_000


@dataclass
class TokenMajority(SpanMethod):
    """Of tags with equally many votes O is taken, then the lower class, then its beginning.

    A span's confidence is the lowest vote share of a tag in it.
    """

    def _learn(
        self,
        answers: SpanAnswers,
        texts: Sequence[str] | None,
        frozen: SpanAnnotators | None,
    ) -> Learned:
        sequences = build_sequences(answers, Units.of(answers, texts), assign_layers(answers))
        lattice = Lattice(sequences)
        check_size(lattice, answers.n_annotators, power=1)
        share = vote_shares(lattice)
        tags = (share >= share.max(axis=1, keepdims=True, initial=0) - _TIE).argmax(axis=1)
        runs = decode.runs(sequences, tags)
        marks, confidence = unique_marks(
            decode.marks_of(sequences, *runs), lowest(runs, share[np.arange(len(tags)), tags])
        )
        return Learned.without_model(marks, confidence, answers)


def check_size(lattice: Lattice, n_annotators: int, power: int = 1) -> None:
    """Raise ValueError where a column per tag (and a table per annotator) would be too many."""
    per_tag = lattice.n_units
    n_tags = lattice.sequences.n_tags
    if max(per_tag * n_tags, n_annotators * n_tags**power) > _MAX_CELLS:
        most = max((_MAX_CELLS // max(per_tag, 1) - 1) // 2, 1)
        raise NotApplicableError(
            f"n_classes must be at most about {min(most, 1000)} for a method that looks at every "
            f"tag by itself, with so many units and annotators; got {lattice.sequences.n_classes}. "
            "Take Auto or JaccardClusters."
        )


def vote_shares(lattice: Lattice) -> Floats:
    """(n_units, n_tags): the share of annotators that gave each tag."""
    s = lattice.sequences
    unit, own = lattice.said
    votes = np.bincount(unit * s.n_tags + own, minlength=lattice.n_units * s.n_tags)
    votes = votes.reshape(-1, s.n_tags)
    return np.asarray(votes / np.maximum(votes.sum(axis=1, keepdims=True), 1))


def lowest(runs: tuple[Codes, Codes, Codes], value: Floats) -> Floats:
    """(n_spans,): the lowest value among the units of each span."""
    first, after, _ = runs
    if not len(first):
        return np.empty(0)
    # reduceat takes pairs; the stretches between spans are thrown away.
    edges = np.stack((first, after), axis=1).ravel()
    return np.asarray(np.minimum.reduceat(np.append(value, np.inf), edges)[::2])


def unique_marks(marks: Marks, confidence: Floats) -> tuple[Marks, Floats]:
    """Each span once, where two layers came to the same one; the surer stays."""
    order = np.lexsort((-confidence, *marks[::-1]))
    rows = np.stack([column[order] for column in marks])
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (rows[:, 1:] != rows[:, :-1]).any(axis=0)
    kept = order[fresh]
    return Marks(*(column[kept] for column in marks)), confidence[kept]

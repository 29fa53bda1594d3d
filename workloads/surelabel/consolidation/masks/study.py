"""What a look at an image shows before it is decided."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from surelabel.consolidation.masks.drawing import neighbours
from surelabel.consolidation.masks.patterns import Coded, Ints, Patterns
from surelabel.consolidation.masks.voting import Voting, weighted_shares, winner


@dataclass(frozen=True)
class Study:
    """What one look at an image shows. ``annotator``: (n_annotators_here,), their codes.

    ``border``: edges between pixels whose majorities differ, 0 where it was not asked for.
    ``is_known``: whether the last of the annotators is what is known.
    """

    item: int
    rows: slice
    annotator: Ints
    shape: tuple[int, int]
    patterns: Patterns
    border: int
    ready: Coded | None
    is_known: bool = False

    @property
    def n_people(self) -> int:
        """How many annotators there are here, without what is known."""
        return len(self.annotator) - self.is_known

    @property
    def classes(self) -> Ints:
        """The classes that somebody gave some pixel, and the background; ascending."""
        return np.union1d([0], np.unique(self.patterns.votes)).astype(np.int64)


def as_known(study: Study) -> Voting:
    """What is known, the last of the masks, decides alone."""
    n = len(study.annotator)
    shares = partial(weighted_shares, weights=np.eye(n)[-1], classes=study.classes)
    return Voting(study.classes, shares, counted=np.ones(n, bool))


def majority_borders(piece: Coded, tile: tuple[slice, slice]) -> int:
    """Edges between pixels whose majorities differ."""
    votes = piece.patterns.votes
    classes = np.unique(votes)
    majority = winner(weighted_shares(votes, np.ones(votes.shape[1]), classes))
    labels = np.empty(piece.code.shape, np.uint8 if len(classes) <= 256 else np.uint16)
    piece.spread(majority.astype(labels.dtype), labels)
    return sum(int(np.count_nonzero(here != there)) for here, there in neighbours(labels, tile))

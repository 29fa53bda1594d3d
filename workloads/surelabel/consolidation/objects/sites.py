"""Candidates for objects: clusters of marks, and for each who marked it of those who looked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.objects.answers import ObjectAnswers
from surelabel.consolidation.objects.geometry import NO_PAIRS, Codes, Floats, Pairs
from surelabel.consolidation.objects.matching import match


@dataclass(frozen=True)
class Sites:
    """``item``: (n_sites,). ``cluster``: (n_marks,), the site of each mark. ``pairs``: marks of
    one item that are alike, if their geometry needs to know.

    A view is one annotator's look at one site, sorted by site; ``site``, ``annotator``, ``hit``:
    (n_views,), and whether the annotator marked it. Whoever answered the item looked.
    """

    item: Codes
    cluster: Codes
    pairs: Pairs
    site: Codes
    annotator: Codes
    hit: NDArray[np.bool_]
    n_annotators: int

    @classmethod
    def of(cls, answers: ObjectAnswers, threshold: float) -> Sites:
        """Match the marks, and put down who looked."""
        cluster, heads, pairs = match(answers, threshold)
        if not answers.geometry.needs_pairs:
            pairs = NO_PAIRS
        item = answers.mark_item[heads]
        seen = answers.n_answers[item]
        start = np.cumsum(seen) - seen
        site = np.repeat(np.arange(len(item)), seen)
        # Views of a site lie as the item's answers do.
        shift = answers.starts[item] - start
        annotator = answers.annotator[np.arange(len(site)) + shift[site]]
        hit = np.zeros(len(site), dtype=bool)
        hit[answers.answer - shift[cluster]] = True
        return cls(item, cluster, pairs, site, annotator, hit, answers.n_annotators)

    def __len__(self) -> int:
        return len(self.item)

    @cached_property
    def n_seen(self) -> Codes:
        """(n_sites,): how many looked."""
        return np.bincount(self.site, minlength=len(self))

    @cached_property
    def support(self) -> Codes:
        """(n_sites,): how many marked it, at least 1."""
        return np.bincount(self.cluster, minlength=len(self))

    @cached_property
    def n_views(self) -> Codes:
        """(n_annotators,): candidates that each annotator saw."""
        return np.bincount(self.annotator, minlength=self.n_annotators)

    @cached_property
    def n_hits(self) -> Codes:
        """(n_annotators,): candidates that each annotator marked."""
        return np.bincount(self.annotator[self.hit], minlength=self.n_annotators)

    def share(self, weight: Floats) -> Floats:
        """(n_sites,): share of those who looked that marked it, each worth ``weight``, positive."""
        worth = weight[self.annotator]
        marked = np.bincount(self.site, weights=worth * self.hit, minlength=len(self))
        share: Floats = marked / np.bincount(self.site, weights=worth, minlength=len(self))
        return share

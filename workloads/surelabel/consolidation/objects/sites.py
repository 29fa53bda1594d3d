"""Candidates for objects: clusters of marks, and for each who marked it of those who looked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.objects.answers import ObjectAnswers
from surelabel.consolidation.objects.geometry import NO_PAIRS, Codes, Floats, Pairs
from surelabel.consolidation.objects.matching import match


@dataclass(frozen=True)
class Sites:
    """``item``: (n_sites,). ``cluster``: (n_marks,), the site of each mark. ``pairs``: marks of
    one item that are alike, if their geometry needs to know. ``truth``: (n_sites,), 1 for known
    objects and 0 for other candidates of their items, nan where nothing is known.

    A view is one annotator's look at one site, sorted by site; ``site``, ``annotator``, ``hit``:
    (n_views,), and whether the annotator marked it. Whoever answered the item looked. A known
    object is there also if nobody marked it, or looked; who knows the truth is not counted.
    """

    item: Codes
    cluster: Codes
    pairs: Pairs
    truth: Floats
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
        truth = np.full(len(item), np.nan)
        if answers.oracle is None:
            return cls(item, cluster, pairs, truth, site, annotator, hit, answers.n_annotators)
        truth[np.isin(item, answers.item[answers.annotator == answers.oracle])] = 0.0
        truth[cluster[~answers.by_people]] = 1.0
        people = annotator != answers.oracle
        site, annotator, hit = site[people], annotator[people], hit[people]
        # The one who knows has the last code.
        return cls(item, cluster, pairs, truth, site, annotator, hit, answers.oracle)

    def __len__(self) -> int:
        return len(self.item)

    @cached_property
    def n_seen(self) -> Codes:
        """(n_sites,): how many looked."""
        return np.bincount(self.site, minlength=len(self))

    @cached_property
    def support(self) -> Codes:
        """(n_sites,): how many marked it, at least 1 unless it is a known object."""
        marks: Codes = np.bincount(self.cluster, minlength=len(self))
        marks -= self.truth == 1
        return marks

    @cached_property
    def n_views(self) -> Codes:
        """(n_annotators,): candidates that each annotator saw."""
        return np.bincount(self.annotator, minlength=self.n_annotators)

    @cached_property
    def n_hits(self) -> Codes:
        """(n_annotators,): candidates that each annotator marked."""
        return np.bincount(self.annotator[self.hit], minlength=self.n_annotators)

    def share(self, weight: Floats) -> Floats:
        """(n_sites,): share of those who looked that marked it, each worth ``weight``, positive.

        0 where nobody looked.
        """
        worth = weight[self.annotator]
        marked = np.bincount(self.site, weights=worth * self.hit, minlength=len(self))
        total = np.bincount(self.site, weights=worth, minlength=len(self))
        share: Floats = np.divide(marked, total, out=np.zeros(len(self)), where=total > 0)
        return share

    @property
    def known(self) -> Sites:
        """The same with only those looks at candidates of which it is known what they are."""
        told = ~np.isnan(self.truth[self.site])
        site, annotator, hit = self.site[told], self.annotator[told], self.hit[told]
        return replace(self, site=site, annotator=annotator, hit=hit)

    def held(self, posterior: Floats) -> Floats:
        """(n_sites,) chances with those of the candidates that are known."""
        return np.where(np.isnan(self.truth), posterior, self.truth)

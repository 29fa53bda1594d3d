"""Who answered what: the columns that the answers of every family have, and counts of them."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from surelabel.consolidation.checked import Codes


class Answered:
    """``item``, ``annotator``: (n_answers,), by item and annotator, at most one per pair.

    The base of frozen dataclasses, which have these as fields of their own.
    """

    item: Codes
    annotator: Codes
    n_items: int
    n_annotators: int

    @cached_property
    def n_answers(self) -> Codes:
        """(n_items,): answers per item, those among them that mark nothing."""
        return np.bincount(self.item, minlength=self.n_items)

    @cached_property
    def by_annotator(self) -> Codes:
        """(n_annotators,): answers per annotator."""
        return np.bincount(self.annotator, minlength=self.n_annotators)

    @cached_property
    def starts(self) -> Codes:
        """(n_items + 1,): where each item's answers begin, and the number of all."""
        return np.concatenate(([0], np.cumsum(self.n_answers)))

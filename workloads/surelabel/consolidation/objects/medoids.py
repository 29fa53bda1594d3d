"""Whose form is taken where forms cannot simply be averaged."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.objects.geometry import Codes, Pairs
from surelabel.consolidation.objects.groups import first_of_each


def medoids(cluster: Codes, n_clusters: int, pairs: Pairs) -> Codes:
    """(n_clusters,): the mark of each cluster that is most like its others; of equals the first."""
    within = np.flatnonzero(cluster[pairs.first] == cluster[pairs.second])
    first, second, similarity = (column[within] for column in pairs)
    n = len(cluster)
    alike = np.bincount(first, similarity, n) + np.bincount(second, similarity, n)
    # Rounded, so that the order of a sum decides nothing.
    order = np.lexsort((np.arange(n), -np.round(alike, 9), cluster))
    return order[first_of_each(cluster[order], n_clusters)]

"""Whose form is taken where forms cannot simply be averaged."""

from __future__ import annotations

import numpy as np

from surelabel.consolidation.objects.geometry import Codes, Geometry
from surelabel.consolidation.objects.groups import first_of_each, pairs_within, starts_of


def medoids(geometry: Geometry, cluster: Codes, n_clusters: int) -> Codes:
    """(n_clusters,): the mark of each cluster that is most like its others; of equals the first."""
    member = np.argsort(cluster, kind="stable")
    first, second = pairs_within(starts_of(cluster, n_clusters))
    first, second = member[first], member[second]
    similarity = geometry.similarity(first, geometry, second)
    n = len(cluster)
    alike = np.bincount(first, similarity, n) + np.bincount(second, similarity, n)
    # Rounded, so that the order of a sum decides nothing.
    order = np.lexsort((np.arange(n), -np.round(alike, 9), cluster))
    return order[first_of_each(cluster[order], n_clusters)]

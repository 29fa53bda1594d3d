"""A World of a cluster in a folder, for what needs no real one."""

from __future__ import annotations

from typing import Any

from surelabel_operator.folder_cluster import FolderCluster
from surelabel_operator.metrics import Metrics
from surelabel_operator.settings import Settings
from surelabel_operator.stores import Stores
from surelabel_operator.world import World


def world_of(cluster: FolderCluster, settings: Settings, backends: Any) -> World:
    """The world whose stages run on ``backends``, as much of them as the test needs."""
    return World(
        cluster=cluster,
        settings=settings,
        stores=Stores(cluster, settings),
        backends=backends,
        metrics=Metrics("test"),
        installation=lambda: "here",
    )

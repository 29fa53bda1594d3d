"""All images that a node of ours must have before its pods can run."""

from __future__ import annotations

from pathlib import Path

from e2e import object_store
from e2e.images import build_operator_image, build_workloads_image, default_cache
from e2e.tools import NodeTools


def build_node_images(tools: NodeTools) -> list[Path]:
    """Their docker-archives, built where the cache has them not (minutes); ImagesError."""
    cache = default_cache()
    built = [build_operator_image(cache), build_workloads_image(cache)]
    versitygw = tools.toolchain.require("versitygw")
    return [*built, object_store.write_image(cache, versitygw)]

"""All images that the suite's pods are made of: ``PYTHONPATH=tests python -m e2e.node_images``
prints each one's name and archive, for the registry of a cluster that is not ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

from e2e import object_store
from e2e.cluster import PROBE_IMAGE, write_probe_image
from e2e.images import build_operator_image, build_workloads_image, default_cache
from e2e.installed import OPERATOR_IMAGE
from e2e.ray_objects import WORKLOADS_IMAGE
from e2e.root import ImagesError
from e2e.tools import NodeTools, build_node_tools
from surelabel_cli.go_build import GoBuildError


def build_node_images(tools: NodeTools) -> dict[str, Path]:
    """Their docker-archives by name, built where the cache has them not (minutes); ImagesError."""
    cache = default_cache()
    return {
        OPERATOR_IMAGE: build_operator_image(cache),
        WORKLOADS_IMAGE: build_workloads_image(cache),
        object_store.IMAGE: object_store.write_image(cache, tools.toolchain.require("versitygw")),
        PROBE_IMAGE: write_probe_image(cache, tools),
    }


def main() -> int:
    """Build them and print where they are."""
    try:
        for name, archive in build_node_images(build_node_tools()).items():
            print(name, archive)
    except (GoBuildError, ImagesError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

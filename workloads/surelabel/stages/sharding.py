"""A function over shards: as Ray tasks inside a Ray job, else here, one after the other.

The only module that knows Ray. A function must be importable by name, depend on its arguments
alone, and leave its result in the store before it returns, so that a retry finds it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from surelabel.stages.context import StageContext
from surelabel_contract.stages import StageConfig
from surelabel_contract.store import Storage

S = TypeVar("S")
R = TypeVar("R")

# Tasks that wait in Ray beyond those that run; more would only fill its object store.
_WAITING = 8


def map_shards(
    function: Callable[[StageContext, S], R], context: StageContext, shards: Sequence[S]
) -> list[R]:
    """``function(context, shard)`` for every shard, results in the shards' order.

    Ray sets RAY_ADDRESS for the entrypoints of its jobs; a single shard is not worth a task.
    """
    if len(shards) > 1 and os.environ.get("RAY_ADDRESS"):
        return _on_ray(function, context, shards)
    return [function(context, shard) for shard in shards]


def _on_ray(
    function: Callable[[StageContext, S], R], context: StageContext, shards: Sequence[S]
) -> list[R]:
    import ray as untyped

    ray: Any = untyped
    if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level=logging.WARNING)
    remote = ray.remote(max_retries=2)(_run_shard)
    config = context.config.to_json()
    limit = int(ray.cluster_resources().get("CPU", 1)) + _WAITING
    results: dict[int, Any] = {}
    waiting: dict[Any, int] = {}
    for number, shard in enumerate(shards):
        while len(waiting) >= limit:
            _collect(ray, waiting, results)
        waiting[remote.remote(function, config, shard)] = number
    while waiting:
        _collect(ray, waiting, results)
    return [results[number] for number in range(len(shards))]


def _collect(ray: Any, waiting: dict[Any, int], results: dict[int, Any]) -> None:
    done, _ = ray.wait(list(waiting), num_returns=1)
    for reference in done:
        try:
            results[waiting.pop(reference)] = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            # The cause is what happened; the wrapper's class does not exist before run time.
            raise error.cause from error


def _run_shard(function: Callable[[StageContext, S], R], config: bytes, shard: S) -> R:
    parsed = StageConfig.from_json(config)
    return function(StageContext.open(parsed, Storage(parsed.storage)), shard)

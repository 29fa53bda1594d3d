"""Reads what a lost status is rebuilt from: every commit, and what was recorded after them.

It folds nothing: what the reports mean is progress.py's.
"""

from __future__ import annotations

import asyncio

from surelabel_contract.keys import (
    COMMIT_FILE,
    CONFIG_FILE,
    StateKeys,
    attempt_of_rest,
    step_of_key,
)
from surelabel_contract.stages import StageConfig, StageReport
from surelabel_contract.steps import Step
from surelabel_contract.store import Folder
from surelabel_operator.observed import Rebuilt
from surelabel_operator.records import R, read_record

_READS_AT_ONCE = 8


async def read_rebuilt(folder: Folder, keys: StateKeys) -> Rebuilt:
    """Every commit, and of the steps without one the highest attempt's config."""
    committed: set[Step] = set()
    recorded: dict[Step, int] = {}
    for entry in await folder.entries_async(keys.rounds):
        place = step_of_key(entry.key)
        if place is None:
            continue
        step, rest = place
        attempt = attempt_of_rest(rest)
        if rest == COMMIT_FILE:
            committed.add(step)
        elif attempt is not None and rest.endswith(f"/{CONFIG_FILE}"):
            recorded[step] = max(attempt, recorded.get(step, 0))
    limit = asyncio.Semaphore(_READS_AT_ONCE)

    async def read(key: str, kind: type[R]) -> R | None:
        async with limit:
            return await read_record(folder, key, kind)

    reports = await asyncio.gather(
        *(read(keys.commit(step), StageReport) for step in sorted(committed, key=_order))
    )
    configs = await asyncio.gather(
        *(
            read(keys.config(step, recorded[step]), StageConfig)
            for step in sorted(recorded.keys() - committed, key=_order)
        )
    )
    return Rebuilt(
        reports=tuple(report for report in reports if report is not None),
        recorded=tuple(config for config in configs if config is not None),
    )


def _order(step: Step) -> tuple[int, int, int]:
    return step.order

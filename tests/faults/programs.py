"""What the fork server's processes run: the real programs, with an observer of their calls."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from faults.call_points import CallLog, Point
from faults.forked_backend import ForkedBackend
from surelabel.stages import runner
from surelabel_contract.keys import step_of_key
from surelabel_operator import __main__ as operator_program
from surelabel_operator.backends.choice import ClosingBackends
from surelabel_operator.backends.ray_clusters import RayClusters
from surelabel_operator.calls import observed_calls, store_observer
from surelabel_operator.local import run_in_folder
from surelabel_operator.logging import SecretText


def stage(config_uri: str) -> int:
    """``python -m surelabel.stages``; it waits while the folder of holds has its stage's code."""
    holds = os.environ.get("SURELABEL_TEST_HOLD")
    if holds is not None:
        place = step_of_key(config_uri)
        while place is not None and (Path(holds) / place[0].stage.code).exists():
            time.sleep(0.02)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    return runner.main([config_uri], os.environ, lambda _operation, _uri, _result: None)


def watched_stage(config_uri: str, log: str, own: list[list[str]], kill: str) -> int:
    """The same, killed at one of its requests to the store."""
    with observed_calls(_log(log, own, kill)):
        return runner.main([config_uri], os.environ, store_observer)


def operator(
    arguments: list[str], stages: Mapping[str, str], log: str, own: list[list[str]], kill: str
) -> int:
    """``python -m surelabel_operator``, killed at a point.

    ``stages``: ``jobs`` and ``address`` of plain processes, or ``token_file`` of a real Ray;
    nothing: as in a cluster.
    """

    async def token(_name: str) -> SecretText:
        return SecretText(Path(stages["token_file"]).read_text())

    def build(changed: Callable[[str, str], None]) -> ClosingBackends:
        if "token_file" in stages:
            # This machine's interpreter, which is not the first one on everybody's PATH.
            return RayClusters(token, changed, sys.executable)
        return ForkedBackend(Path(stages["jobs"]), stages["address"], changed)

    with observed_calls(_log(log, own, kill)):
        return operator_program.main(arguments, build if stages else None)


def local_run(
    folder: str,
    resources: list[Mapping[str, Any]],
    address: str,
    stage_time: str,
    log: str,
    own: list[list[str]],
    kill: str,
) -> int:
    """The loop of ``surelabel run``; its last status goes to standard output."""

    def build(changed: Callable[[str, str], None]) -> tuple[ForkedBackend, ForkedBackend]:
        backend = ForkedBackend(Path(folder) / "jobs", address, changed)
        return backend, backend

    logging.basicConfig(level=logging.INFO)
    with observed_calls(_log(log, own, kill)):
        job = asyncio.run(
            run_in_folder(
                Path(folder) / "cluster",
                resources,
                build,
                stage_time=datetime.fromisoformat(stage_time),
            )
        )
    sys.stdout.write(json.dumps(job.status.to_dict()) + "\n")
    succeeded = job.status.condition("Succeeded")
    return 0 if succeeded is not None and succeeded.status == "True" else 1


def _log(log: str, own: list[list[str]], kill: str) -> CallLog:
    pairs = [(text, name) for text, name in own]
    return CallLog(Path(log), pairs, Point.from_json(kill) if kill else None)

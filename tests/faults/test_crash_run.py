"""``surelabel run``'s loop killed with -9 around calls of its own log, and started again."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

import pytest

from faults.call_points import cuts_of
from faults.crash_local import LocalLane
from faults.crash_result import Result
from faults.fork_server import ForkServer
from faults.matrix import run_matrix

_LANES = 3
_DRAWN = 24


@pytest.fixture(scope="module")
def lanes(fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> list[LocalLane]:
    return [LocalLane(tmp_path_factory.mktemp("run"), fork_server.address) for _ in range(_LANES)]


@pytest.fixture(scope="module")
def whole(lanes: list[LocalLane]) -> Result:
    """The run that nobody kills."""
    result = lanes[0].run(None)
    assert result.problems == []
    assert len(result.steps) == 8
    assert result.status["labelCounters"]["machineLabeled"] > 0
    return result


@pytest.mark.timeout(400)
def test_a_run_killed_at_drawn_calls_goes_on_to_the_same_manifest(
    lanes: list[LocalLane], whole: Result, say_at_end: Callable[[str], None]
) -> None:
    seed = secrets.randbelow(10**6)
    points = random.Random(seed).sample(cuts_of(whole.calls), _DRAWN)
    outcome = run_matrix(f"surelabel run killed, seed {seed}", points, lanes, whole)
    say_at_end(outcome.summary())
    outcome.check()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_run_killed_around_every_call_goes_on_to_the_same_manifest(
    lanes: list[LocalLane], whole: Result, say_at_end: Callable[[str], None]
) -> None:
    outcome = run_matrix("surelabel run killed", cuts_of(whole.calls), lanes, whole)
    say_at_end(outcome.summary())
    outcome.check()

"""The operator killed with -9 before and after every call that it makes to the outside.

The calls are those of a run that nobody kills. After each kill the operator starts again and the
job must end as if nothing had happened: same manifest, one commit per step, nothing left running,
no attempt that was not recorded, nothing lost of the status.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator

import pytest

from conftest import SharedControlPlane, SharedRay
from faults.admin import Admin
from faults.call_points import cuts_of, without_polls
from faults.crash_result import Result
from faults.crash_run import Lane
from faults.fork_server import ForkServer
from faults.lane_stages import ForkedStages, LaneStages, RayStages
from faults.matrix import run_matrix

pytestmark = [pytest.mark.cluster]

# More than cores: a lane often waits for the API server or for a stage to be noticed.
_LANES = 4
# A Ray job takes two seconds of a core before its stage begins.
_RAY_LANES = 2
_RAY_POINTS = 8

MakeLanes = Callable[[int, LaneStages], list[Lane]]


@pytest.fixture(scope="module")
def make_lanes(
    control_plane: SharedControlPlane,
    fork_server: ForkServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[MakeLanes]:
    made: list[Lane] = []
    admin = Admin(control_plane.kubeconfig)
    admin.install_crds()
    admin.close()

    def make(count: int, stages: LaneStages) -> list[Lane]:
        lanes = [
            Lane(
                f"crash-{secrets.token_hex(4)}",
                tmp_path_factory.mktemp("lane"),
                control_plane.kubeconfig,
                fork_server.address,
                stages,
            )
            for _ in range(count)
        ]
        made.extend(lanes)
        return lanes

    yield make
    for lane in made:
        lane.close()


@pytest.fixture(scope="module")
def process_lanes(make_lanes: MakeLanes, fork_server: ForkServer) -> list[Lane]:
    return make_lanes(_LANES, ForkedStages(fork_server.address))


@pytest.fixture(scope="module")
def whole(process_lanes: list[Lane]) -> Result:
    """The run that nobody kills."""
    result = process_lanes[0].run(None)
    assert result.problems == []
    stages = {step.rpartition("/")[2].partition("-")[0] for step in result.steps}
    assert stages == {"pre", "ann", "con", "tra", "inf", "exp"}
    return result


@pytest.fixture(scope="module")
def ray_lanes(make_lanes: MakeLanes, ray_head: SharedRay) -> list[Lane]:
    return make_lanes(_RAY_LANES, RayStages(ray_head.url, ray_head.token_file))


@pytest.fixture(scope="module")
def whole_on_ray(ray_lanes: list[Lane]) -> Result:
    """The same with Ray."""
    result = ray_lanes[0].run(None)
    assert result.problems == []
    return result


@pytest.mark.timeout(1500)
def test_operator_killed_around_every_external_call_ends_as_if_nothing_had_happened(
    process_lanes: list[Lane], whole: Result, say_at_end: Callable[[str], None]
) -> None:
    outcome = run_matrix("operator killed", cuts_of(whole.calls), process_lanes, whole)
    say_at_end(outcome.summary())
    outcome.check()


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_operator_with_real_ray_killed_at_drawn_calls_ends_as_if_nothing_had_happened(
    ray_lanes: list[Lane], whole_on_ray: Result, say_at_end: Callable[[str], None]
) -> None:
    seed = secrets.randbelow(10**6)
    points = random.Random(seed).sample(without_polls(cuts_of(whole_on_ray.calls)), _RAY_POINTS)
    outcome = run_matrix(f"operator with Ray killed, seed {seed}", points, ray_lanes, whole_on_ray)
    say_at_end(outcome.summary())
    outcome.check()


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
def test_operator_with_real_ray_killed_around_every_external_call(
    ray_lanes: list[Lane], whole_on_ray: Result, say_at_end: Callable[[str], None]
) -> None:
    points = without_polls(cuts_of(whole_on_ray.calls))
    outcome = run_matrix("operator with Ray killed", points, ray_lanes, whole_on_ray)
    say_at_end(outcome.summary())
    outcome.check()


@pytest.mark.ray
@pytest.mark.long
def test_ray_and_plain_processes_write_the_same_manifest(
    whole: Result, whole_on_ray: Result
) -> None:
    assert whole.manifest == whole_on_ray.manifest

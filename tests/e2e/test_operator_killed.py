"""The operator's process ends by SIGKILL, again and again, while a job runs."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator

import pytest

from e2e.clocked import clocked
from e2e.labeling import Labeling, operator_values
from e2e.object_store import ObjectStore
from e2e.operator_pod import OperatorPod, running_operators
from e2e.real_cluster import RealCluster
from e2e.undisturbed import Undisturbed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]

KILLS = 20
# Every third one hits an operator at work; the small job has one step more than these are, and
# each of them ends at most one.
AT_WORK = 3


def test_the_operator_is_killed_20_times(
    labeling: Labeling, undisturbed: Undisturbed, say_at_end: Callable[[str], None]
) -> None:
    seed = secrets.randbelow(10_000)
    draw = random.Random(seed)
    labeling.apply(labeling.body())
    at_work = 0
    for number in range(KILLS):
        pod = next_operator(labeling)
        # After one that worked the next one waits for the Lease: most are killed while they start
        # and wait, the others as soon as they work, or a moment later.
        if number % AT_WORK == 0:
            labeling.until("an operator at work", pod.holds_lease)
            time.sleep(draw.uniform(0, 0.8))
        else:
            time.sleep(draw.uniform(0, 3))
        at_work += pod.holds_lease()
        pod.kill()
        assert "completionTime" not in labeling.job().get("status", {}), "The job was too short."
    say_at_end(f"e2e: operator killed {KILLS} times, {at_work} of them at work; seed {seed}")
    assert at_work >= KILLS // AT_WORK
    job = undisturbed.equals(labeling)
    assert job["status"]["step"]["failures"] == 0
    assert labeling.attempts() == {1}


def next_operator(labeling: Labeling) -> OperatorPod:
    """The operator that runs now; there is one at a time."""
    found: list[OperatorPod] = labeling.until("an operator", lambda: running_operators(labeling))
    (pod,) = found
    return pod


@pytest.fixture
def two_replicas(real_cluster: RealCluster, place: str, s3: ObjectStore) -> Iterator[Labeling]:
    """A namespace with two operators."""
    values = {**operator_values(real_cluster, place), "replicas": 2}
    with clocked(Labeling(real_cluster, place, s3), values) as found:
        yield found


def test_of_two_replicas_the_other_one_goes_on(
    two_replicas: Labeling, undisturbed: Undisturbed
) -> None:
    both: list[OperatorPod] = two_replicas.until(
        "two operators",
        lambda: found if len(found := running_operators(two_replicas)) == 2 else None,
    )
    two_replicas.apply(two_replicas.body())
    two_replicas.started("con")
    working = [pod for pod in both if pod.holds_lease()]
    assert len(working) == 1
    working[0].kill()
    (other,) = [pod for pod in both if pod not in working]
    two_replicas.until("the take-over", other.holds_lease)
    undisturbed.equals(two_replicas)
    # Until its end: nobody took it away again.
    assert other.holds_lease()

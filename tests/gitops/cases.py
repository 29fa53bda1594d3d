"""LabelingJobs as they look in every kind of situation, and what GitOps tools must say of each.

Every status is made by the operator's own code, most by its whole loop in ``decide_world``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from decide_world import Choice, World, tick
from job_factories import JOB, NOW, observed_of, spec_of, status_at, step
from surelabel_operator.actions import Block, Stall
from surelabel_operator.observed import AttemptState, FailureClass, Problem
from surelabel_operator.resources import JobStatus
from surelabel_operator.status import status_of, status_of_invalid

API = "surelabel.dev/v1alpha1"
SPEC = {"stopping": {"maxRounds": 3}}


def job_with(status: JobStatus, generation: int = 1, *, suspend: bool = False) -> dict[str, Any]:
    """The LabelingJob as the API server has it; of the spec only what matters to GitOps."""
    return {
        "apiVersion": API,
        "kind": "LabelingJob",
        "metadata": {"name": JOB.name, "namespace": JOB.namespace, "generation": generation},
        "spec": {"suspend": suspend, "taskType": "ImageClassification"},
        "status": status.to_dict(),
    }


def shown(world: World) -> dict[str, Any]:
    """The world's LabelingJob."""
    return job_with(world.status, world.generation, suspend=world.spec.suspend)


def looks(world: World, count: int = 4, seconds: float = 1) -> World:
    """The world after so many looks of the operator."""
    for _ in range(count):
        world.reconcile()
        tick(world, seconds)
    return world


def running(world: World) -> list[str]:
    """Names of the attempts that run."""
    return [name for name, attempt in world.attempts.items() if attempt.runs]


def started() -> World:
    """Prepare runs."""
    return looks(World(spec_of(**SPEC)))


def at(code: str) -> World:
    """The stage of this code runs."""
    world = started()
    for _ in range(100):
        done = world.status.step
        if done is not None and done.stage.code == code and running(world):
            return world
        commit(world)
    raise AssertionError(f"no {code}")


def commit(world: World) -> World:
    """What runs commits, and the next step is there."""
    for name in running(world):
        world.commit(name, Choice())
    return looks(world)


def ended() -> World:
    """The job has ended well."""
    world = started()
    while not world.is_ended():
        commit(world)
    return world


def failing(failure: FailureClass, times: int) -> World:
    """The running stage failed so often."""
    world = at("tra")
    for _ in range(times):
        for name in running(world):
            world.fail(name, failure)
        # Long enough for the next attempt, except after the last failure.
        looks(world, 2)
        if times > 1:
            looks(world, 3, seconds=601)
    return world


def away(**which: bool) -> World:
    """Storage or Ray cannot be asked while a stage runs."""
    world = at("tra")
    for name, value in which.items():
        setattr(world, name, value)
    return looks(world)


def suspended(code: str = "tra") -> World:
    """Suspended, and nothing runs any more."""
    world = at(code)
    world.change_spec(suspend=True)
    return looks(world)


def suspending() -> World:
    """The operator has seen the suspension, and what runs is about to be stopped."""
    world = at("tra")
    world.change_spec(suspend=True)
    world.reconcile()
    return world


def resumed() -> World:
    """Goes on after a suspension."""
    world = suspended()
    world.change_spec(suspend=False)
    return looks(world)


def deadline() -> World:
    """The deadline has passed, and what there is was exported."""
    world = at("tra")
    world.change_spec(active_deadline_seconds=1)
    tick(world, 10)
    while not world.is_ended():
        commit(world)
    return world


def changed(world: World, **spec: Any) -> dict[str, Any]:
    """The world's job after a change that the operator has not seen."""
    world.change_spec(**spec)
    return shown(world)


def just_created() -> dict[str, Any]:
    """With the status that the schema gives it."""
    return {**job_with(JobStatus()), "status": {"observedGeneration": -1}}


def stalled(reason: str) -> dict[str, Any]:
    """A job that something outside it stalls."""
    action = Stall(Problem(reason, f"why it is {reason}."))
    return job_with(status_of(spec_of(), status_at(step("tra")), observed_of(), action, NOW))


def blocked(reason: str) -> dict[str, Any]:
    """A job that waits for something outside it to come back."""
    action = Block(Problem(reason, f"why it is {reason}."))
    return job_with(status_of(spec_of(), status_at(step("tra")), observed_of(), action, NOW))


def invalid() -> dict[str, Any]:
    """A spec that an older CRD let through."""
    problem = Problem("InvalidSpec", "spec.labels: needs at least 2 labels.")
    return job_with(status_of_invalid(JobStatus(), 1, problem, NOW))


def queued() -> dict[str, Any]:
    """Ray has accepted the attempt and has no room for it."""
    world = at("tra")
    for _ in range(40):
        looks(world, 1)
    (name,) = running(world)
    assert world.attempts[name].state is AttemptState.PENDING
    return shown(world)


@dataclass(frozen=True)
class Case:
    """A LabelingJob, and what it is for Argo CD and for both kinds of Flux expressions."""

    name: str
    job: Callable[[], dict[str, Any]]
    argocd: str
    # Part of Argo CD's message.
    message: str
    flux: str
    flux_finished: str


def _case(name: str, job: Callable[[], Any], *said: str) -> Case:
    def build() -> dict[str, Any]:
        made = job()
        return shown(made) if isinstance(made, World) else made

    return Case(name, build, *said)


# What it is for Flux: by the expressions of the example repository, by those that wait for the end.
GOES_ON = ("Current", "InProgress")
WAITS = ("InProgress", "InProgress")
FAILED = ("Failed", "Failed")
FINISHED = ("Current", "Current")

# fmt: off
CASES = [
    _case("just created", just_created,
          "Progressing", "has not seen this spec", *WAITS),
    _case("first step recorded", lambda: looks(World(spec_of(**SPEC)), 2),
          "Progressing", "Progressing: Round 0, prepare", *WAITS),
    _case("prepare runs", started, "Progressing", "Progressing: Round 0, prepare", *GOES_ON),
    _case("people annotate", lambda: at("ann"), "Progressing", "Round 1, annotate", *GOES_ON),
    _case("answers are consolidated", lambda: at("con"), "Progressing", "consolidate", *GOES_ON),
    _case("a model is trained", lambda: at("tra"), "Progressing", "Round 1, train", *GOES_ON),
    _case("the pool is scored", lambda: at("inf"), "Progressing", "Round 1, infer", *GOES_ON),
    _case("results are exported", lambda: at("exp"), "Progressing", "export", *GOES_ON),
    _case("waits for room on Ray", queued, "Progressing", "WaitingForRoom", *GOES_ON),
    _case("an attempt failed", lambda: failing(FailureClass.APPLICATION, 1),
          "Progressing", "StageFailed: ", *WAITS),
    _case("no attempt is left", lambda: failing(FailureClass.APPLICATION, 3),
          "Degraded", "BackoffLimitExceeded: ", *FAILED),
    _case("stalled and then suspended", lambda: looks(_suspended_when_stalled()),
          "Degraded", "BackoffLimitExceeded: ", *FAILED),
    _case("the configuration is at fault", lambda: failing(FailureClass.CONFIGURATION, 1),
          "Degraded", "all lines are broken.", *FAILED),
    _case("Git has mended a stalled job",
          lambda: changed(failing(FailureClass.CONFIGURATION, 1), active_deadline_seconds=10**9),
          "Progressing", "has not seen this spec", *WAITS),
    _case("a mended job goes on", lambda: looks(_mended(), 5),
          "Progressing", "Round 1, train", *GOES_ON),
    _case("Ray is away", lambda: away(backend_away=True),
          "Progressing", "RayUnreachable: ", *WAITS),
    _case("the store is away", lambda: away(storage_away=True),
          "Progressing", "StorageUnavailable: ", *WAITS),
    _case("the spec cannot be read", invalid, "Degraded", "InvalidSpec: spec.labels", *FAILED),
    _case("Git has just suspended it", lambda: changed(at("tra"), suspend=True),
          "Progressing", "has not seen this spec", *WAITS),
    _case("suspending", suspending, "Progressing", "Suspending: Something still runs.", *WAITS),
    _case("suspending while Ray is away", lambda: looks(_suspended_without_ray()),
          "Progressing", "RayUnreachable: ", *WAITS),
    _case("suspended in train", suspended, "Suspended", "Suspended: Nothing runs.", *GOES_ON),
    _case("suspended while people annotate", lambda: suspended("ann"),
          "Suspended", "Suspended: Nothing runs.", *GOES_ON),
    _case("created suspended", lambda: looks(World(spec_of(suspend=True))),
          "Suspended", "Suspended: Nothing runs.", *GOES_ON),
    _case("resumed", resumed, "Progressing", "Round 1, train", *GOES_ON),
    _case("ended well", ended, "Healthy", "items labeled", *FINISHED),
    _case("ended well and Git changed it after that", lambda: changed(ended(), suspend=True),
          "Healthy", "items labeled", *WAITS),
    _case("ended well and the change was seen", lambda: looks(_changed_after_end()),
          "Healthy", "items labeled", *FINISHED),
    _case("the deadline has passed", deadline, "Degraded", "DeadlineExceeded: ", *FAILED),
]
# fmt: on


def _suspended_without_ray() -> World:
    world = at("tra")
    world.backend_away = True
    world.change_spec(suspend=True)
    return world


def _suspended_when_stalled() -> World:
    world = failing(FailureClass.APPLICATION, 3)
    world.change_spec(suspend=True)
    return world


def _mended() -> World:
    world = failing(FailureClass.CONFIGURATION, 1)
    world.change_spec(active_deadline_seconds=10**9)
    return world


def _changed_after_end() -> World:
    world = ended()
    world.change_spec(suspend=True)
    return world

"""The whole loop of decide against a model world that fails, loses, suspends and kills at will."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from decide_world import PARTS, Choice, World, tick
from job_factories import spec_of
from surelabel_contract.steps import Stage
from surelabel_operator.observed import AttemptState, FailureClass
from surelabel_operator.resources import JobStatus, Stopping

CHOICES = st.builds(
    Choice,
    labeled=st.integers(0, 12),
    certified=st.integers(0, 12),
    pays=st.booleans(),
    trainable=st.booleans(),
    proposes=st.booleans(),
    unsure=st.booleans(),
    recheck=st.booleans(),
)


# A look that is cut off (fewer parts) is an operator that was killed.
LOOKS = st.lists(st.integers(0, PARTS) | st.just(PARTS), min_size=1, max_size=4)
AWAY = st.sampled_from([(False, False), (False, False), (True, False), (False, True)])


class JobLife(RuleBasedStateMachine):
    """Everything that can happen to a job, in any order; then all is well again and it ends."""

    def __init__(self) -> None:
        super().__init__()
        stages = [{"name": stage.value, "maxAttempts": 2} for stage in Stage]
        compute = {"ray": {"address": {"name": "shared"}}, "stages": stages}
        self.world = World(
            spec_of(stopping={"maxRounds": 3}, activeDeadlineSeconds=10**9, compute=compute)
        )
        self.look([PARTS] * 4)

    def look(self, looks: list[int]) -> None:
        for parts in looks:
            self.world.reconcile(parts)

    def running(self) -> list[str]:
        return [name for name, attempt in self.world.attempts.items() if attempt.runs]

    @rule(seconds=st.sampled_from([31, 601, 7_300]), looks=LOOKS)
    def time_passes(self, seconds: int, looks: list[int]) -> None:
        tick(self.world, seconds)
        self.look(looks)

    @precondition(lambda self: self.running())
    @rule(choices=st.lists(CHOICES, min_size=1, max_size=5), looks=LOOKS)
    def some_steps_go_well(self, choices: list[Choice], looks: list[int]) -> None:
        for choice in choices:
            for name in self.running():
                self.world.commit(name, choice)
            self.look([*looks, PARTS, PARTS])

    @precondition(lambda self: self.running())
    @rule(choice=CHOICES, looks=LOOKS)
    def an_attempt_commits_and_fails_by_rays_word(self, choice: Choice, looks: list[int]) -> None:
        self.world.commit(self.running()[0], choice, AttemptState.FAILED)
        self.look(looks)

    @precondition(lambda self: self.running())
    @rule(choice=CHOICES, looks=LOOKS)
    def an_attempt_commits_and_hangs(self, choice: Choice, looks: list[int]) -> None:
        self.world.commit(self.running()[0], choice, AttemptState.RUNNING)
        self.look(looks)

    @precondition(lambda self: self.running())
    @rule(looks=LOOKS)
    def an_attempt_runs_for_too_long(self, looks: list[int]) -> None:
        self.world.run(self.running()[0])
        tick(self.world, 7_300)
        self.look(looks)
        tick(self.world, 31)
        self.look(looks)

    @precondition(lambda self: self.running())
    @rule(failure=st.sampled_from(list(FailureClass)), looks=LOOKS)
    def an_attempt_fails(self, failure: FailureClass, looks: list[int]) -> None:
        self.world.fail(self.running()[0], failure)
        for _ in range(3):
            tick(self.world, 1)
            self.look(looks)

    @rule(looks=LOOKS)
    def ray_forgets_everything(self, looks: list[int]) -> None:
        self.world.lose_all_attempts()
        self.look(looks)
        tick(self.world, 31)
        self.look(looks)

    @precondition(lambda self: not self.world.is_ended())
    @rule(looks=LOOKS)
    def status_is_lost(self, looks: list[int]) -> None:
        self.world.status = JobStatus()
        self.look(looks)

    @rule(away=AWAY, looks=LOOKS)
    def storage_or_ray_goes_away_or_comes_back(
        self, away: tuple[bool, bool], looks: list[int]
    ) -> None:
        self.world.storage_away, self.world.backend_away = away
        self.look(looks)

    @rule(suspend=st.booleans(), looks=LOOKS)
    def user_suspends_or_resumes(self, suspend: bool, looks: list[int]) -> None:
        self.world.change_spec(suspend=suspend)
        self.look(looks)

    @precondition(lambda self: len(self.world.commits) > 6)
    @rule(looks=LOOKS)
    def user_stops(self, looks: list[int]) -> None:
        self.world.change_spec(stopping=Stopping(max_rounds=3, stop_now=True))
        self.look(looks)

    @precondition(lambda self: len(self.world.commits) > 4)
    @rule(looks=LOOKS)
    def user_sets_a_deadline_that_has_passed(self, looks: list[int]) -> None:
        self.world.change_spec(active_deadline_seconds=1)
        tick(self.world, 2)
        self.look(looks)
        tick(self.world, 31)
        self.look(looks)

    @invariant()
    def rules_hold(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        world = self.world
        world.storage_away = world.backend_away = False
        world.change_spec(suspend=False)
        run_to_the_end(world)


def run_to_the_end(world: World, choice: Choice | None = None, parts: int = PARTS) -> None:
    """Everything works: the job ends within a bounded number of looks."""
    choice = choice or Choice()
    for look in range(2_000):
        # With ``parts`` the operator is killed in every look but each third one.
        world.reconcile(parts if look % 3 else PARTS)
        tick(world, 2)
        for name, attempt in list(world.attempts.items()):
            if attempt.runs:
                world.commit(name, choice)
        if world.is_ended():
            break
    assert world.is_ended(), f"no end: {world.rows[-5:]}"
    for _ in range(5):
        world.reconcile()
    assert not world.attempts, "something was left behind"
    before = world.status
    world.reconcile()
    assert world.status == before, "a write in steady state"


JobLife.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestJobLife = JobLife.TestCase


def test_an_undisturbed_job_takes_two_writes_a_step() -> None:
    world = World(spec_of(stopping={"maxRounds": 3}))
    writes, before = 0, world.status
    for _ in range(1_000):
        world.reconcile()
        writes += world.status != before
        before = world.status
        tick(world, 1)
        for name, attempt in list(world.attempts.items()):
            step = world.status.step
            if attempt.runs and step is not None and step.submitted_time is not None:
                world.commit(name, Choice())
        if world.is_ended():
            break
    assert world.is_ended()
    assert writes <= 2 * len(world.commits) + 1
    assert world.submitted == list(dict.fromkeys(world.submitted))
    stages = [report.step.stage for report in world.commits.values()]
    assert stages[:6] == [
        Stage.PREPARE,
        Stage.ANNOTATE,
        Stage.CONSOLIDATE,
        Stage.TRAIN,
        Stage.INFER,
        Stage.ANNOTATE,
    ]
    assert stages[-1] is Stage.EXPORT


def test_killed_between_every_two_parts_each_child_is_created_once() -> None:
    plain = World(spec_of(stopping={"maxRounds": 3}))
    run_to_the_end(plain)
    for parts in range(PARTS):
        world = World(spec_of(stopping={"maxRounds": 3}))
        run_to_the_end(world, parts=parts)
        # Without a status a rebuilt first step takes another number; else not even that differs.
        assert [_step_of(name) for name in world.submitted] == [
            _step_of(name) for name in plain.submitted
        ]
        assert world.submitted[1:] == plain.submitted[1:]
        assert world.commits.keys() == plain.commits.keys()
        assert world.status.label_counters == plain.status.label_counters


def _step_of(name: str) -> str:
    return name.rpartition("-a")[0]


def test_every_way_a_stage_can_answer_ends_the_job() -> None:
    for choice in (
        Choice(labeled=0),
        Choice(certified=12, proposes=True),
        Choice(pays=False),
        Choice(trainable=False),
        Choice(unsure=True),
        Choice(recheck=True),
        Choice(proposes=True),
        Choice(labeled=0, recheck=True, unsure=True, trainable=False),
    ):
        for auto in ({}, None):
            world = World(spec_of(stopping={"maxRounds": 5}, autoLabeling=auto))
            run_to_the_end(world, choice)


def test_stop_now_while_no_attempt_of_annotate_runs_lets_the_next_one_close() -> None:
    for lose in (False, True):
        world = World(spec_of(stopping={"maxRounds": 3}))
        while world.status.step is None or world.status.step.stage is not Stage.ANNOTATE:
            world.reconcile()
            tick(world, 2)
            for name, attempt in list(world.attempts.items()):
                if attempt.runs and attempt.step.stage is not Stage.ANNOTATE:
                    world.commit(name, Choice())
        if lose:
            for _ in range(3):
                world.reconcile()
            world.lose_all_attempts()
        world.change_spec(stopping=Stopping(max_rounds=3, stop_now=True))
        run_to_the_end(world)
        succeeded = world.status.condition("Succeeded")
        assert succeeded is not None
        assert succeeded.reason == "StoppedByUser"

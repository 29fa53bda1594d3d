"""A model of everything around decide, in memory: store, backend, API server, people, clock.

It carries out actions as reconcile does, and can be killed between any two of their parts. It
also watches: each broken rule of the operator is an AssertionError where it happens.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from job_factories import FOLDER, JOB, NOW, UID, counters, observed_of, ref, spec_of
from surelabel_contract.keys import StateKeys
from surelabel_contract.people import Progress
from surelabel_contract.stages import (
    NextFacts,
    Progressed,
    StageConfig,
    StageFailure,
    StageReport,
)
from surelabel_contract.steps import Stage, Step, step_name
from surelabel_operator.actions import (
    Action,
    Advance,
    ClaimOutput,
    CleanUp,
    CloseWorkforce,
    EndEarly,
    Finish,
    Restore,
    Retry,
    Start,
    StopAttempts,
    SubmitAttempt,
    with_config,
)
from surelabel_operator.advancing import contiguous
from surelabel_operator.conditions import TYPES
from surelabel_operator.decide import row_of
from surelabel_operator.evidence import Evidence
from surelabel_operator.looks import with_evidence
from surelabel_operator.observed import (
    Attempt,
    AttemptState,
    Commit,
    FailureClass,
    Observed,
    Owner,
    OwnerState,
    Problem,
    Rebuilt,
)
from surelabel_operator.progress import fold
from surelabel_operator.resources import JobStatus, LabelingJobSpec
from surelabel_operator.status import progress_noted, status_of

ITEMS = 60
# How a reconcile can be cut off: after so many of its parts (STAGE.json, patch, the rest).
PARTS = 3


@dataclass
class World:
    spec: LabelingJobSpec = field(default_factory=spec_of)
    generation: int = 1
    status: JobStatus = field(default_factory=JobStatus)
    now: datetime = NOW
    evidence: Evidence = field(default_factory=Evidence)
    claimed: bool = False
    configs: dict[tuple[Step, int], StageConfig] = field(default_factory=dict)
    commits: dict[Step, StageReport] = field(default_factory=dict)
    drafts: dict[str, StageFailure] = field(default_factory=dict)
    stop_requests: set[Step] = field(default_factory=set)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    storage_away: bool = False
    backend_away: bool = False
    # What was ever submitted: each name exactly once unless the backend forgot it.
    submitted: list[str] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    rows: list[str] = field(default_factory=list)

    # -- the operator

    def reconcile(self, parts: int = PARTS) -> Action:
        """One look; with fewer parts the operator is killed in between and starts anew."""
        observed = with_evidence(self.spec, self.status, self.observe(), self.now)
        self.evidence = observed.evidence
        row, action = row_of(self.spec, self.status, observed, self.now)
        self.rows.append(row)
        self._carry_out(action, observed, parts)
        if parts < PARTS:
            self.evidence = Evidence()
        self.check()
        return action

    def _carry_out(self, action: Action, observed: Observed, parts: int) -> None:
        if isinstance(action, Advance | Finish):
            self._stop(action.stop)
        if isinstance(action, Start | Restore | Advance | EndEarly | Retry) and action.config:
            place = (action.config.step, action.config.attempt)
            held = self.configs.setdefault(place, action.config)
            action = with_config(action, held)
        if parts == 0:
            return
        self._patch(action, observed)
        if parts > 1:
            self._act(action)

    def _patch(self, action: Action, observed: Observed) -> None:
        before = self.status
        after = status_of(self.spec, before, observed, action, self.now)
        self.evidence = progress_noted(observed, before, after)
        # As it comes back from the API server.
        self.status = JobStatus.model_validate(after.to_dict())
        assert self.status == after
        if before.step is not None and after.step is not None:
            was, is_now = before.step, after.step
            assert is_now.step.order >= was.step.order, "a step went back"
            if is_now.step == was.step:
                assert is_now.attempt >= was.attempt, "an attempt went back"
            assert len(is_now.name) <= 46
        ended = before.condition("Succeeded")
        if ended is not None and ended.status != "Unknown":
            now_ended = after.condition("Succeeded")
            assert now_ended is not None
            assert (now_ended.status, now_ended.reason) == (ended.status, ended.reason)
            assert after.step == before.step

    def _act(self, action: Action) -> None:
        match action:
            case ClaimOutput():
                self.claimed = True
            case StopAttempts(attempts):
                self._stop(attempts)
            case CloseWorkforce(done):
                self.stop_requests.add(done)
            case SubmitAttempt(config):
                self._submit(config)
            case CleanUp(attempts) | Advance(delete=attempts) | Finish(delete=attempts):
                for attempt in attempts:
                    assert not self.attempts[attempt.name].runs
                    self._forget(attempt.name)

    def _submit(self, config: StageConfig) -> None:
        assert config.step not in self.commits, "a committed step was submitted again"
        if config.name in self.attempts:
            return
        again = config.name in self.submitted
        assert not again or config.name in self.forgotten, f"{config.name} was created twice"
        others = [a for a in self.attempts.values() if a.runs and a.step not in self.commits]
        assert not [a for a in others if a.step != config.step], "two steps run"
        self.submitted.append(config.name)
        self.attempts[config.name] = Attempt(
            config.name, config.step, config.attempt, AttemptState.PENDING
        )

    def _stop(self, attempts: tuple[Attempt, ...]) -> None:
        for attempt in attempts:
            if (known := self.attempts.get(attempt.name)) is not None and known.runs:
                self.attempts[attempt.name] = replace(known, state=AttemptState.STOPPED)

    def _forget(self, name: str) -> None:
        self.attempts.pop(name, None)
        self.forgotten.add(name)

    # -- what the operator sees

    def observe(self) -> Observed:
        monotonic = (self.now - NOW).total_seconds()
        changes: dict[str, Any] = {
            "generation": self.generation,
            "monotonic": monotonic,
            "evidence": self.evidence,
            "attempts": () if self.backend_away else tuple(self.attempts.values()),
            "backend": Problem("RayUnreachable", "away") if self.backend_away else None,
        }
        if self.storage_away:
            away = Problem("StorageUnavailable", "away")
            return observed_of(**changes, storage=away, owner=None)
        root = StateKeys.of(UID).root
        owner = Owner(OwnerState.OURS, UID, root, NOW) if self.claimed else Owner(OwnerState.ABSENT)
        return observed_of(**changes, owner=owner, **self._stored())

    def _stored(self) -> dict[str, Any]:
        step = self.status.step
        if step is None:
            open_steps = {s for s, _ in self.configs} - self.commits.keys()
            recorded = tuple(
                max((c for (s, _), c in self.configs.items() if s == done), key=_attempt)
                for done in sorted(open_steps, key=_order)
            )
            return {"rebuilt": Rebuilt(tuple(self.commits.values()), recorded)}
        report = self.commits.get(step.step)
        attempt = self.attempts.get(step.name)
        runs = attempt is not None and attempt.runs
        progress = Progress(1, 10, 0, 30, 30, 3) if runs and step.stage is Stage.ANNOTATE else None
        return {
            "config": self.configs.get((step.step, step.attempt)),
            "commit": None if report is None else Commit(report),
            "draft": self.drafts.get(step.name),
            "progress": progress,
            "stop_requested": step.step in self.stop_requests,
        }

    # -- the world

    def commit(self, name: str, choice: Choice, says: AttemptState | None = None) -> None:
        """The attempt's stage commits; the backend then says what it likes."""
        attempt = self.attempts[name]
        config = self.configs[(attempt.step, attempt.attempt)]
        if attempt.step not in self.commits:
            self.commits[attempt.step] = report_after(config, choice)
        state = says or AttemptState.SUCCEEDED
        self.attempts[name] = replace(attempt, state=state)

    def run(self, name: str) -> None:
        attempt = self.attempts[name]
        self.attempts[name] = replace(attempt, state=AttemptState.RUNNING, started=self.now)

    def fail(self, name: str, failure: FailureClass) -> None:
        attempt = self.attempts[name]
        if failure is FailureClass.CONFIGURATION:
            self.drafts[name] = StageFailure(
                configuration=True, reason="NoUsableLines", message="all lines are broken."
            )
        self.attempts[name] = replace(attempt, state=AttemptState.FAILED, failure=failure)

    def lose_all_attempts(self) -> None:
        """A Ray head restarts with its job table lost, and what ran is gone."""
        for name in list(self.attempts):
            self._forget(name)

    def change_spec(self, **changes: Any) -> None:
        self.spec = self.spec.with_(**changes)
        self.generation += 1

    def is_ended(self) -> bool:
        succeeded = self.status.condition("Succeeded")
        return succeeded is not None and succeeded.status != "Unknown"

    def check(self) -> None:
        """What holds after every look, however it was cut off."""
        running = [a for a in self.attempts.values() if a.runs and a.step not in self.commits]
        assert len({attempt.step for attempt in running}) <= 1, "attempts of two steps run"
        assert len(set(self.submitted) - self.forgotten) <= len(self.configs)
        for step, attempt in self.configs:
            assert self.configs[(step, attempt)].name == step_name(JOB.name, UID, step, attempt)
        in_order = contiguous(tuple(self.commits.values()))
        assert len(in_order) == len(self.commits), "a step was skipped"
        if self.is_ended():
            assert len(self.status.conditions) == len(TYPES)
            self._check_fold(in_order)

    def _check_fold(self, reports: tuple[StageReport, ...]) -> None:
        """The status that grew is the one that the reports rebuild."""
        rebuilt = fold(reports, self.spec, FOLDER)
        for name in ("label_counters", "recent_rounds", "cost", "certificate", "output"):
            assert getattr(self.status, name) == getattr(rebuilt, name), name


@dataclass(frozen=True)
class Choice:
    """What a stage could find out, as the test draws it."""

    labeled: int = 6
    certified: int = 0
    pays: bool = True
    trainable: bool = True
    proposes: bool = False
    unsure: bool = False
    recheck: bool = False


def report_after(config: StageConfig, choice: Choice) -> StageReport:
    """A plausible report: people label some items, an accepted proposal some more."""
    before = config.previous or Progressed(counters=counters(total=ITEMS))
    human, machine = before.counters.human_labeled, before.counters.machine_labeled
    answers, step = before.answers, config.step
    left = ITEMS - human - machine
    unsure = choice.unsure and step.pass_ < 3
    certified = 0
    if step.stage is Stage.ANNOTATE:
        answers += 3 * min(choice.labeled, left)
    elif step.stage is Stage.CONSOLIDATE and not unsure:
        new = min(choice.labeled, left)
        certified = min(choice.certified, left - new)
        human, machine = human + new, machine + certified
    left = ITEMS - human - machine
    key = f"{step.key}/of {human}+{machine}"
    carry = dict(config.inputs)
    carry |= {"index": ref("index"), "remainder": ref(f"remainder {ITEMS - left}")}
    carry |= {"recheck": ref("recheck")}
    if step.stage in (Stage.PREPARE, Stage.INFER, Stage.CONSOLIDATE):
        carry |= {"tasks": ref(f"tasks {key}")}
    return StageReport(
        job=config.job,
        step=step,
        attempt=config.attempt,
        name=config.name,
        generation=config.generation,
        config_digest=config.digest(),
        seed=config.seed or 7,
        carry=carry,
        outputs={"manifest": ref("manifest")} if step.stage is Stage.EXPORT else {},
        progressed=Progressed(
            counters=counters(ITEMS, human, machine), answers=answers, certificate=None
        ),
        next=NextFacts(
            task_items=min(6, left),
            task_answers=3 * min(6, left),
            remainder_items=min(10, left),
            another_pass=step.stage is Stage.CONSOLIDATE and unsure,
            proposal_pending=step.stage is Stage.INFER and choice.proposes,
            newly_certified=certified,
            trainable=choice.trainable,
            does_not_pay=not choice.pays,
            recheck_items=3 if choice.recheck else 0,
        ),
        seconds={"total": 1.6, "fit": 1.2},
    )


def _attempt(config: StageConfig) -> int:
    return config.attempt


def _order(step: Step) -> tuple[int, int, int]:
    return step.order


def tick(world: World, seconds: float) -> None:
    """Time passes."""
    world.now += timedelta(seconds=seconds)

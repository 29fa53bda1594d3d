"""Rows of decide's table that record a step: the first one, a rebuilt one, the next one."""

from __future__ import annotations

from surelabel_contract.keys import StateKeys
from surelabel_contract.stages import Ending, StageConfig, StageReport
from surelabel_contract.steps import Stage, can_follow
from surelabel_operator.actions import Action, Advance, Finish, Restore, Stall, Start, Wait
from surelabel_operator.configs import first_config, following_config, retry_config
from surelabel_operator.next_step import Next, UnfitReportError, next_step
from surelabel_operator.observed import Attempt, AttemptState, Problem, Rebuilt
from surelabel_operator.progress import advance
from surelabel_operator.reasons import Reason
from surelabel_operator.situation import Situation


def no_step(situation: Situation) -> Action | None:
    """Go on from what the store has; nothing there: begin."""
    if situation.step is not None:
        return None
    rebuilt = situation.observed.rebuilt
    if rebuilt is None:
        # The step came and went between two looks; the next one sees what is there.
        return Wait()
    reports = contiguous(rebuilt.reports)
    recorded = _recorded(rebuilt, reports)
    if recorded is not None:
        return _restore(situation, reports, recorded)
    if reports:
        return Restore(reports, None)
    return Start(first_config(situation.spec, situation.observed))


def damaged_commit(situation: Situation) -> Action | None:
    """The step is committed, but the store lacks what the commit names: a person must look."""
    commit = situation.observed.commit
    if situation.step is None or commit is None or not commit.faults:
        return None
    key = StateKeys(_root(situation)).commit(situation.step.step)
    return _corrupted(
        f"{commit.faults[0]} (and {len(commit.faults) - 1} more)"
        if len(commit.faults) > 1
        else commit.faults[0],
        f"Restore it, or delete {key} so that the step is done again.",
    )


def committed(situation: Situation) -> Action | None:
    """Fold the report and record what next_step says; after export the job has ended."""
    report = situation.report
    if situation.step is None or report is None:
        return None
    if situation.stage is Stage.EXPORT:
        stop, delete = _leftovers(situation, report)
        return Finish(_ending(situation), report, stop, delete)
    folded = advance(situation.status, report, situation.spec, situation.observed.folder_uri)
    return advance_to(situation, report, next_step(situation.spec, folded, report))


def config_missing(situation: Situation) -> Action | None:
    """The step's STAGE.json is gone, so no attempt of it can be made."""
    step = situation.step
    if step is None or situation.observed.config is not None:
        return None
    key = StateKeys(_root(situation)).config(step.step, step.attempt)
    return _corrupted(f"{key} is missing", "Restore it from a backup of the bucket.")


def advance_to(situation: Situation, report: StageReport, following: Next) -> Action:
    """Record ``following`` after ``report``; attempts that lost are stopped on the way."""
    try:
        config = following_config(situation.spec, situation.observed, report, following)
    except UnfitReportError as error:
        return _corrupted(str(error), "Delete its COMMITTED.json so that the step is done again.")
    stop, delete = _leftovers(situation, report)
    return Advance(report, config, stop, delete)


def contiguous(reports: tuple[StageReport, ...]) -> tuple[StageReport, ...]:
    """The reports in the order of their steps, up to the first gap; prepare is the first."""
    found: list[StageReport] = []
    for report in sorted(reports, key=lambda report: report.step.order):
        if not can_follow(found[-1].step if found else None, report.step):
            break
        found.append(report)
    return tuple(found)


def _recorded(rebuilt: Rebuilt, reports: tuple[StageReport, ...]) -> StageConfig | None:
    """The step that was recorded last and is not committed; None: the last report has it all.

    An export is final, so nothing that was written down before it counts against it.
    """
    last = reports[-1].step if reports else None
    if last is not None and last.stage is Stage.EXPORT:
        return None
    later = [
        config
        for config in rebuilt.recorded
        if last is None or config.step.order > last.order
        if can_follow(last, config.step) or config.step.stage is Stage.EXPORT
    ]
    exports = [config for config in later if config.step.stage is Stage.EXPORT]
    return max(exports or later, key=lambda config: config.step.order, default=None)


def _restore(
    situation: Situation, reports: tuple[StageReport, ...], recorded: StageConfig
) -> Restore:
    """The recorded step with the attempt that runs, else with one that nothing has seen."""
    seen = [a for a in situation.observed.attempts if a.ours and a.step == recorded.step]
    running = [attempt for attempt in seen if attempt.runs]
    if running:
        newest = max(running, key=lambda attempt: attempt.attempt)
        config = retry_config(situation.spec, situation.observed, recorded, newest.attempt)
        return Restore(reports, config, runs=True)
    highest = max([recorded.attempt, *(attempt.attempt for attempt in seen)])
    return Restore(reports, retry_config(situation.spec, situation.observed, recorded, highest + 1))


def _leftovers(
    situation: Situation, report: StageReport
) -> tuple[tuple[Attempt, ...], tuple[Attempt, ...]]:
    """Twins that still run, and attempts whose end nobody needs to look at."""
    attempts = [a for a in situation.observed.attempts if a.ours]
    # The one that committed is about to end by itself.
    stop = tuple(a for a in attempts if a.runs and a.name != report.name)
    delete = tuple(a for a in attempts if a.state is AttemptState.SUCCEEDED and not a.is_child)
    return stop, delete


def _ending(situation: Situation) -> Ending:
    step, config = situation.step, situation.observed.config
    recorded = step.ending if step is not None else None
    given = config.ending if config is not None else None
    # The same, but only the config has the cause.
    if given is not None and (recorded is None or recorded.reason == given.reason):
        return given
    if recorded is not None:
        return Ending(succeeded=recorded.succeeded, reason=recorded.reason)
    return Ending(succeeded=True, reason=Reason.NOTHING_LEFT_TO_ASK)


def _root(situation: Situation) -> str:
    owner = situation.observed.owner
    root = owner.state_root if owner is not None else None
    return root or StateKeys.of(situation.observed.job.uid).root


def _corrupted(what: str, next_step_for_people: str) -> Stall:
    return Stall(Problem(Reason.STATE_CORRUPTED, f"{what.rstrip('.')}. {next_step_for_people}"))

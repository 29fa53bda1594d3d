"""Rows of decide's table for what is wrong outside the step: nothing new starts meanwhile."""

from __future__ import annotations

from surelabel_operator.actions import Action, Block, ClaimOutput, Stall, TakeOutput
from surelabel_operator.observed import OwnerState, Problem
from surelabel_operator.reasons import Reason
from surelabel_operator.situation import Situation
from surelabel_operator.team_check import team_too_small


def invalid_references(situation: Situation) -> Action | None:
    """Wait for a person; what runs goes on."""
    problem = situation.observed.references or _team_too_small(situation)
    return None if problem is None else Stall(problem)


def _team_too_small(situation: Situation) -> Problem | None:
    team = situation.observed.team
    return None if team is None else team_too_small(situation.spec.workforce, team.active_members)


def cannot_be_asked(situation: Situation) -> Action | None:
    """Unknown is neither running nor failed: look again, later and later."""
    problem = situation.observed.storage or situation.observed.backend
    return None if problem is None else Block(problem)


def output_of_another(situation: Situation) -> Action | None:
    """Leave the other's results alone and say the two ways on."""
    owner = situation.observed.owner
    if owner is None or owner.state is not OwnerState.OTHER:
        return None
    message = (
        f"spec.output.uri: {situation.observed.folder_uri} holds the results of the LabelingJob "
        f"with uid {owner.uid}. "
    )
    others = "create a job of another name, or with another output.uri"
    if owner.refusal is not None:
        message += f"spec.output.takeOver: {owner.refusal} Or {others}."
    else:
        message += (
            f"To go on, {others}; or, if that job is deleted and this one shall continue its "
            f"state, set spec.output.takeOver: {owner.uid}."
        )
    return Stall(Problem(Reason.OUTPUT_IN_USE, message))


def output_of_predecessor(situation: Situation) -> Action | None:
    """Take over what spec.output.takeOver names."""
    owner = situation.observed.owner
    if owner is None or owner.state is not OwnerState.TAKEABLE:
        return None
    return TakeOutput(owner)


def output_unclaimed(situation: Situation) -> Action | None:
    """Claim the output; the claim also fixes the start time."""
    owner = situation.observed.owner
    if owner is None or owner.state is not OwnerState.ABSENT:
        return None
    return ClaimOutput(situation.status.start_time or situation.observed.data_time)

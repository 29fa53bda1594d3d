"""What can be wrong between a LabelingJob and its WorkTeam.

The same words stand in the operator's conditions and in what ``surelabel validate`` says.
"""

from __future__ import annotations

from surelabel_operator.observed import Problem
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import Workforce


def team_not_found(namespace: str, name: str) -> Problem:
    """What to say where the namespace has no WorkTeam of this name."""
    return Problem(
        Reason.WORK_TEAM_NOT_FOUND,
        f"spec.workforce.workTeam: no WorkTeam {name!r} in namespace {namespace!r}. "
        "Create it, or name another.",
    )


def team_too_small(workforce: Workforce, active_members: int) -> Problem | None:
    """Why so few people cannot give an item all of its answers; None: they can."""
    if active_members >= workforce.annotators_per_item:
        return None
    return Problem(
        Reason.WORK_TEAM_TOO_SMALL,
        f"spec.workforce.annotatorsPerItem: must be at most {active_members}, the number of "
        f"active members of WorkTeam {workforce.work_team!r}; got "
        f"{workforce.annotators_per_item}. Add people to the team, or ask fewer for an item.",
    )

"""LabelingJobs held against the WorkTeams of the same files, in the words of the operator.

Without any WorkTeam there nothing is said: the team may well be in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from surelabel_cli.resource_file import FieldPath
from surelabel_operator.configs import team_facts
from surelabel_operator.observed import Problem
from surelabel_operator.resources import Workforce, read_work_team
from surelabel_operator.team_check import team_not_found, team_too_small
from surelabel_operator.validation import validate_object

# What kubectl takes where neither file nor context say another.
_NAMESPACE = "default"


@dataclass(frozen=True)
class KnownTeam:
    """A WorkTeam of the files."""

    # None: the file leaves it to kubectl.
    namespace: str | None
    name: str
    # None: its spec is wrong, which is told where it stands.
    members: int | None


def known_teams(objects: Iterable[dict[str, Any]]) -> list[KnownTeam]:
    """The WorkTeams among objects of ours; one without a name is none."""
    found: list[KnownTeam] = []
    for obj in objects:
        namespace, name = _place(obj)
        if obj.get("kind") == "WorkTeam" and name is not None:
            is_valid = not validate_object(obj)
            members = team_facts(read_work_team(obj)).active_members if is_valid else None
            found.append(KnownTeam(namespace, name, members))
    return found


def team_problem(
    job: dict[str, Any], teams: Sequence[KnownTeam]
) -> tuple[FieldPath, Problem] | None:
    """What is wrong between a LabelingJob and the teams, and the field where it shows."""
    spec = job.get("spec")
    try:
        workforce = Workforce.model_validate(spec["workforce"] if isinstance(spec, dict) else None)
    except (KeyError, ValidationError):
        # The schema says so already.
        return None
    if not teams:
        return None
    namespace, _ = _place(job)
    named = [
        team
        for team in teams
        if team.name == workforce.work_team
        and (team.namespace == namespace or team.namespace is None or namespace is None)
    ]
    if not named:
        problem = team_not_found(namespace or _NAMESPACE, workforce.work_team)
        return ("spec", "workforce", "workTeam"), problem
    members = named[-1].members
    too_small = None if members is None else team_too_small(workforce, members)
    return None if too_small is None else (("spec", "workforce", "annotatorsPerItem"), too_small)


def _place(obj: dict[str, Any]) -> tuple[str | None, str | None]:
    """Namespace and name, each None where the object does not say it in words."""
    metadata = obj.get("metadata")
    found = metadata if isinstance(metadata, dict) else {}
    namespace, name = found.get("namespace"), found.get("name")
    return (
        namespace if isinstance(namespace, str) and namespace else None,
        name if isinstance(name, str) and name else None,
    )

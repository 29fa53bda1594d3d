"""Keeps the status of WorkTeams: how many people there are, or why the team cannot be used.

Nothing is decided from it; LabelingJobs read the team itself.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Protocol

from surelabel_operator.cluster import ClusterError
from surelabel_operator.conditions import State, set_condition
from surelabel_operator.configs import team_facts
from surelabel_operator.reasons import Reason
from surelabel_operator.resources import InvalidSpecError, TeamStatus, WorkTeam
from surelabel_operator.workqueue import WorkQueue

LOG = logging.getLogger(__name__)


class TeamCluster(Protocol):
    """The part of a cluster that has WorkTeams with a status."""

    async def get_work_team(self, namespace: str, name: str) -> WorkTeam | None:
        """The WorkTeam now; InvalidSpecError where its spec cannot be read."""
        ...

    async def patch_team_status(self, team: WorkTeam, status: TeamStatus) -> None:
        """Write the status, if nobody changed the team since it was read."""
        ...


def status_of_team(team: WorkTeam, now: datetime) -> TeamStatus:
    """The team's status; equal to the one that it has if nothing is to be written."""
    generation = team.metadata.generation
    members = team_facts(team).active_members
    state = State("True", Reason.AVAILABLE, f"{members} people can be asked.")
    ready = set_condition(
        team.status.conditions, "Ready", state, generation, now.replace(microsecond=0)
    )
    return team.status.with_(
        observed_generation=generation, active_members=members, conditions=[ready]
    )


class Teams:
    """Refreshes the teams that ``seen`` names, one at a time."""

    def __init__(self, cluster: TeamCluster) -> None:
        self._cluster = cluster
        self._queue: WorkQueue[tuple[str, str]] = WorkQueue()

    def seen(self, namespace: str, name: str) -> None:
        """The WorkTeam was listed, created, changed or deleted."""
        self._queue.add((namespace, name))

    async def run(self, active: asyncio.Event) -> None:
        """Work until cancelled, while ``active`` is set."""
        while True:
            key = await self._queue.get()
            try:
                await active.wait()
                await refresh_team(*key, self._cluster, datetime.now(UTC))
            except ClusterError as error:
                LOG.warning("a WorkTeam's status was not written: %s", error)
                self._queue.add_rate_limited(key)
            else:
                self._queue.forget(key)
            finally:
                self._queue.done(key)


async def refresh_team(namespace: str, name: str, cluster: TeamCluster, now: datetime) -> None:
    """Bring the status of the WorkTeam up to date."""
    try:
        team = await cluster.get_work_team(namespace, name)
    except InvalidSpecError:
        # The jobs that use it say so; a team that cannot be read has no status to compare with.
        return
    if team is None:
        return
    status = status_of_team(team, now)
    if status != team.status:
        await cluster.patch_team_status(team, status)

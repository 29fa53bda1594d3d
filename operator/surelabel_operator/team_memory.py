"""WorkTeams between two events of the watch: every look at a job wants its team."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from surelabel_operator.cache import Key
from surelabel_operator.resources import WorkTeam

# A watch may be broken without a word; then a change acts this late.
MAX_AGE_SECONDS = 30.0
# Each may name hundreds of people.
_MAX_TEAMS = 256

Fetch = Callable[[str, str], Awaitable[WorkTeam | None]]
"""Reads a WorkTeam by namespace and name."""


class TeamMemory:
    """Asks ``fetch``, and remembers what it answers until ``forget``, at most 30 s.

    That there is no team is never remembered: one that comes must be found at once.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[Key, tuple[float, WorkTeam]] = {}
        self._changes = 0

    async def get(self, namespace: str, name: str) -> WorkTeam | None:
        """The WorkTeam; None: there is none. Raises what ``fetch`` raises."""
        key = namespace, name
        asked, team = self._known.get(key, (0.0, None))
        if team is not None and time.monotonic() - asked < MAX_AGE_SECONDS:
            return team
        asked, changes = time.monotonic(), self._changes
        found = await self._fetch(namespace, name)
        self._known.pop(key, None)
        # What was read while some team changed may be older than the change.
        if found is not None and changes == self._changes:
            if len(self._known) >= _MAX_TEAMS:
                self._known.clear()
            self._known[key] = asked, found
        return found

    def forget(self, namespace: str, name: str) -> None:
        """The WorkTeam was created, changed or deleted."""
        self._changes += 1
        self._known.pop((namespace, name), None)

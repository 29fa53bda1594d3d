"""WorkTeams are read once between two events of the watch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from operator_bench import team_of
from surelabel_operator import team_memory
from surelabel_operator.resources import InvalidSpecError, WorkTeam, read_work_team
from surelabel_operator.team_memory import TeamMemory


def work_team(name: str = "team") -> WorkTeam:
    body = team_of(Path("/"), name)
    return read_work_team({**body, "metadata": {"name": name, "namespace": "ns", "uid": "u"}})


class Server:
    """Answers with ``team``, and counts how often it is asked."""

    def __init__(self, team: WorkTeam | None) -> None:
        self.team = team
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, namespace: str, name: str) -> WorkTeam | None:
        self.asked += 1
        found = self.team
        await self.gate.wait()
        if found is not None and found.metadata.name == "broken":
            raise InvalidSpecError("spec: no source")
        return found


async def test_a_team_is_read_once_until_the_watch_tells_of_it() -> None:
    server = Server(work_team())
    memory = TeamMemory(server.fetch)
    assert await memory.get("ns", "team") is await memory.get("ns", "team")
    assert server.asked == 1
    await memory.get("ns", "other")
    assert server.asked == 2
    memory.forget("ns", "team")
    server.team = None
    assert await memory.get("ns", "team") is None
    assert await memory.get("ns", "other") is not None
    assert server.asked == 3


async def test_a_team_that_is_missing_or_cannot_be_read_is_asked_for_again() -> None:
    server = Server(None)
    memory = TeamMemory(server.fetch)
    assert await memory.get("ns", "team") is None
    server.team = work_team(name="broken")
    for _ in range(2):
        with pytest.raises(InvalidSpecError):
            await memory.get("ns", "team")
    server.team = work_team()
    assert await memory.get("ns", "team") is server.team


async def test_an_answer_from_before_the_change_is_not_remembered() -> None:
    server = Server(work_team())
    memory = TeamMemory(server.fetch)
    server.gate.clear()
    asking = asyncio.create_task(memory.get("ns", "team"))
    await asyncio.sleep(0)
    memory.forget("ns", "team")
    before, server.team = server.team, work_team()
    server.gate.set()
    assert await asking is before
    assert await memory.get("ns", "team") is server.team


async def test_a_team_is_read_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(work_team())
    memory = TeamMemory(server.fetch)
    await memory.get("ns", "team")
    monkeypatch.setattr(team_memory, "MAX_AGE_SECONDS", 0.0)
    await memory.get("ns", "team")
    assert server.asked == 2


async def test_there_is_an_end_to_the_teams_that_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(team_memory, "_MAX_TEAMS", 2)
    server = Server(work_team())
    memory = TeamMemory(server.fetch)
    for name in ("a", "b", "c", "c", "b"):
        await memory.get("ns", name)
    assert server.asked == 4

"""How many requests a watched Ray cluster gets, counted at a server that answers as Ray does."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aiohttp
from page import Section, publish, say

from fake_ray import FakeRay
from surelabel_operator.backends.ray_jobs import JobDraft, RayJobs
from surelabel_operator.backends.ray_watch import YOUNG_SECONDS, RayWatch

_SECONDS = 15.0
# Running jobs, their age, requests per tick, seconds of a tick.
_CASES = (
    (0, "young", "nothing", 0.0),
    (1, "young", "1 GET", 2.0),
    (20, "young", "20 GETs", 40.0),
    (20, "old", "20 GETs", 20 / 3),
    (21, "young", "1 list", 1 / 3),
    (1_000, "young", "1 list", 1 / 3),
)


async def requests_per_second(jobs: int, age: str) -> float:
    """What the Jobs API gets while so many jobs of ours run there."""
    async with FakeRay() as ray, aiohttp.ClientSession() as session:
        api = RayJobs(session, ray.url)
        for number in range(jobs):
            await api.submit(JobDraft(f"job-{number}", "true", {}, {}))
        watch = RayWatch(api)
        for number in range(jobs):
            watch.watch(f"job-{number}", lambda _name: None)
        if age == "old":
            await asyncio.sleep(YOUNG_SECONDS + 1)
        ray.requests.clear()
        await asyncio.sleep(_SECONDS)
        count = len(ray.requests)
        await watch.close()
        return count / _SECONDS


async def measure() -> Section:
    """The section of Ray's requests."""
    section = Section(
        "ray_requests",
        "Requests to Ray",
        f"The real watch of the operator against a server with Ray's answers, {_SECONDS:.0f} s "
        "each. A tick is 0.5 s while a job is younger than 30 s and at most 20 run, else 3 s.",
    )
    say("ray_requests: all cases at once")
    found = await asyncio.gather(*(requests_per_second(jobs, age) for jobs, age, *_ in _CASES))
    for (jobs, age, a_tick, target), got in zip(_CASES, found, strict=True):
        what = f"{jobs:,} running jobs" + (f", all {age}" if jobs else "")
        section.add(what, f"{got:.2f} requests/s", f"{target:.2f} ({a_tick} a tick)",
                    got <= target * 1.05 + 0.01)  # fmt: skip
    return section


if __name__ == "__main__":
    publish(asyncio.run(measure()))

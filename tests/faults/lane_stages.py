"""Where the stages of a lane run: plain processes of the fork server, or a real Ray."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from faults.forked_backend import ForkedBackend

_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")


class RunStages(Protocol):
    """The attempts of one run."""

    def started(self) -> Sequence[str]:
        """Names of those that ever ran, as far as is known afterwards."""
        ...

    def running(self) -> Sequence[str]:
        """Names of those that run."""
        ...

    def may_have_exported(self) -> bool:
        """False only if it is cheap to know that the job has not come to its end."""
        ...

    def kill_all(self) -> None:
        """End what runs, after a test that failed."""
        ...


class LaneStages(Protocol):
    """Where all runs of a lane have their stages."""

    # How long a run may take.
    seconds: float
    ray_settings: dict[str, Any]

    def of_run(self, folder: Path, uid: str) -> RunStages:
        """Those of one run."""
        ...

    def program(self, folder: Path) -> dict[str, str]:
        """What ``programs.operator`` needs to know of them."""
        ...


class ForkedRun(ForkedBackend):
    """The processes of one run."""

    def may_have_exported(self) -> bool:
        """Whether export has ended."""
        return any((path / "rc").exists() for path in self._root.glob("*-exp-p*"))


class ForkedStages:
    """Plain processes, forked by the server at ``address``."""

    seconds = 90.0
    ray_settings: dict[str, Any] = {}

    def __init__(self, address: str) -> None:
        self._address = address

    def of_run(self, folder: Path, uid: str) -> ForkedRun:
        del uid
        return ForkedRun(folder / "jobs", self._address)

    def program(self, folder: Path) -> dict[str, str]:
        return {"jobs": str(folder / "jobs"), "address": self._address}


@dataclass(frozen=True)
class RayRun:
    """The Ray jobs of one run."""

    url: str
    token_file: Path
    uid: str

    def started(self) -> list[str]:
        """Those that Ray still knows."""
        return [job["submission_id"] for job in self._jobs()]

    def running(self) -> list[str]:
        return [j["submission_id"] for j in self._jobs() if j["status"] not in _ENDED]

    def may_have_exported(self) -> bool:
        return True

    def kill_all(self) -> None:
        for name in self.running():
            self._request("POST", f"/api/jobs/{name}/stop")

    def _jobs(self) -> list[dict[str, Any]]:
        found = self._request("GET", "/api/jobs/")
        return [job for job in found if (job.get("metadata") or {}).get("uid") == self.uid]

    def _request(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token_file.read_text()}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.loads(answer.read())


class RayStages:
    """Jobs of a real Ray head."""

    seconds = 240.0

    def __init__(self, url: str, token_file: Path) -> None:
        self._url, self._token_file = url, token_file
        self.ray_settings = {"url": url, "tokenSecret": "ray"}

    def of_run(self, folder: Path, uid: str) -> RayRun:
        del folder
        return RayRun(self._url, self._token_file, uid)

    def program(self, folder: Path) -> dict[str, str]:
        del folder
        return {"token_file": str(self._token_file)}

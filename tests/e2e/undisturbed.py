"""What a job left to which nothing happened, and that another one ended the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from e2e.labeling import Labeling
from faults.small_job import NAME


@dataclass(frozen=True)
class Undisturbed:
    """The small job's manifest and its steps with a commit."""

    manifest: bytes
    commits: list[str]

    def equals(self, labeling: Labeling) -> dict[str, Any]:
        """The job, finished as if nothing had happened: the same bytes, one commit a step, no
        child left."""
        job = labeling.wait("Succeeded", "True")
        assert labeling.manifest() == self.manifest
        assert labeling.commits() == self.commits
        labeling.until(
            "the end of its RayCluster", lambda: not labeling.do("get", "rayclusters", "-o=name")
        )
        return job


def forget(labeling: Labeling) -> None:
    """Delete the job and wait until nothing of it is left."""
    labeling.do("delete", f"slj/{NAME}", "--ignore-not-found")
    labeling.until("the end of all children", lambda: not labeling.children())

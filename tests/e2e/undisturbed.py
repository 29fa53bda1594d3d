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
        labeling.until("the end of its children", lambda: not _left(labeling))
        return job


def _left(labeling: Labeling) -> list[str]:
    """Children that should be gone at a job's end: RayJobs that failed stay for people to look at,
    without pods."""
    state = "{range .items[*]}{.status.jobDeploymentStatus}/{.metadata.name} {end}"
    jobs = labeling.do("get", "rayjobs", f"-o=jsonpath={state}").split()
    return [
        *(name for name in labeling.children() if not name.startswith("rayjob.")),
        *(job for job in jobs if not job.startswith("Failed/")),
    ]


def forget(labeling: Labeling) -> None:
    """Delete the job and wait until nothing of it is left."""
    labeling.do("delete", f"slj/{NAME}", "--ignore-not-found")
    labeling.until("the end of all children", lambda: not labeling.children())

"""The backend of ``compute.ray.address``: stages are jobs of a Ray cluster that is there already.

One object per Ray cluster, shared by all its LabelingJobs, so that they share its requests.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from surelabel_contract.stages import JobRef
from surelabel_contract.steps import parse_step_name
from surelabel_operator.backends import STORAGE_VARIABLE, BackendError, Submission, Submitted
from surelabel_operator.backends.ray_jobs import (
    JobDraft,
    RayError,
    RayExistsError,
    RayJob,
    RayJobs,
    RayRefusedError,
)
from surelabel_operator.backends.ray_watch import RayWatch
from surelabel_operator.failure_classes import class_of_exit
from surelabel_operator.observed import Attempt, AttemptState, FailureClass

LOG = logging.getLogger(__name__)

DELETE_AFTER_SECONDS = 4.0
_STATES = {
    "PENDING": AttemptState.PENDING,
    "RUNNING": AttemptState.RUNNING,
    "SUCCEEDED": AttemptState.SUCCEEDED,
    "FAILED": AttemptState.FAILED,
    "STOPPED": AttemptState.STOPPED,
}

JobChanged = Callable[[str, str], None]
"""Called with namespace and name of a LabelingJob whose Ray job changed."""


class RayCluster:
    """Runs attempts as jobs of one Ray cluster.

    ``python`` is the interpreter there; the cluster's own unless it is this machine's.
    """

    def __init__(self, jobs: RayJobs, changed: JobChanged, python: str = "python") -> None:
        self._jobs = jobs
        self._changed = changed
        self._python = python
        self._watch = RayWatch(jobs)
        # Names of jobs to be deleted, with the time; in the order of these times.
        self._doomed: dict[str, float] = {}
        self._deleting: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the cluster is."""
        return self._jobs.url

    async def submit(self, submission: Submission) -> Submitted:
        """Start the attempt; of one that has its name already the metadata says whose it is."""
        job = submission.job
        draft = JobDraft(
            submission_id=submission.name,
            # Ray gives this to a shell, and the URI has parts that a user chose.
            entrypoint=f"{self._python} -m surelabel.stages {shlex.quote(submission.config_uri)}",
            metadata={
                "installation": job.installation,
                "namespace": job.namespace,
                "name": job.name,
                "uid": job.uid,
                "step": submission.step.key,
                "attempt": str(submission.attempt),
            },
            env={STORAGE_VARIABLE: submission.storage.to_json().decode()},
            num_cpus=submission.resources.num_cpus,
            num_gpus=submission.resources.num_gpus,
            memory_bytes=(submission.resources.memory_mib or 0) * 2**20,
        )
        try:
            await self._jobs.submit(draft)
        except RayExistsError:
            return await self._adopt(submission)
        except RayError as error:
            raise _translated(error) from error
        self._follow(job, submission.name)
        return Submitted.CREATED

    async def observe(self, job: JobRef, expected: tuple[str, ...]) -> tuple[Attempt, ...]:
        """The expected attempts; with none expected, all that Ray's list has of the job."""
        try:
            if not expected:
                found: list[RayJob | None] = [
                    entry for entry in await self.list_jobs() if _is_of(entry, job)
                ]
            else:
                callback = self._callback(job)
                found = list(
                    await asyncio.gather(*(self._watch.observe(n, callback) for n in expected))
                )
        except RayError as error:
            raise _translated(error) from error
        return tuple(
            attempt
            for entry in found
            if entry is not None and (attempt := self._attempt(entry, job)) is not None
        )

    def _attempt(self, found: RayJob, job: JobRef) -> Attempt | None:
        attempt = _attempt(found, job)
        since = self._watch.running_since(found.submission_id)
        if attempt is None or since is None or not attempt.runs:
            return attempt
        # Waiting for room is no part of the time that a stage may run.
        return replace(attempt, started=datetime.fromtimestamp(since, UTC))

    async def stop(self, name: str) -> None:
        """Ask the job to end; Ray sends SIGTERM, then SIGKILL."""
        try:
            await self._jobs.stop(name)
        except RayError as error:
            raise _translated(error) from error
        self._watch.outdate(name)

    async def delete(self, name: str) -> None:
        """Let Ray forget the ended job, a few seconds later.

        Ray's own monitor looks at a job once a second; one that is gone by then it writes down
        again as FAILED, without its metadata, for ever.
        """
        self._watch.forget(name)
        self._doomed.setdefault(name, asyncio.get_running_loop().time() + DELETE_AFTER_SECONDS)
        if self._deleting is None or self._deleting.done():
            self._deleting = asyncio.create_task(self._delete_doomed(), name="ray delete")

    async def list_jobs(self) -> list[RayJob]:
        """All jobs of the cluster but those that are about to be deleted."""
        try:
            found = await self._jobs.list()
        except RayError as error:
            raise _translated(error) from error
        return [entry for entry in found if entry.submission_id not in self._doomed]

    def forget(self, name: str) -> None:
        """Nobody asks for this attempt any more."""
        self._watch.forget(name)

    async def close(self) -> None:
        """Stop watching, and finish what has to be deleted."""
        await self._watch.close()
        if self._deleting is not None:
            await asyncio.gather(self._deleting, return_exceptions=True)

    async def _delete_doomed(self) -> None:
        loop = asyncio.get_running_loop()
        while self._doomed:
            name, due = next(iter(self._doomed.items()))
            await asyncio.sleep(max(0.0, due - loop.time()))
            try:
                await self._jobs.delete(name)
            except RayError as error:
                # The sweep finds what stays behind when its LabelingJob has ended.
                LOG.info("%s was not deleted: %s", name, error)
            self._doomed.pop(name, None)

    async def _adopt(self, submission: Submission) -> Submitted:
        try:
            found = await self._jobs.get(submission.name)
        except RayError as error:
            raise _translated(error) from error
        if found is None:
            # Deleted in this very moment: the next look submits again.
            raise BackendError(
                "RayUnreachable", f"Ray job {submission.name} exists and does not; trying again."
            )
        self._follow(submission.job, submission.name)
        ours = _is_of(found, submission.job)
        return Submitted.ADOPTED if ours else Submitted.CONFLICT

    def _follow(self, job: JobRef, name: str) -> None:
        self._watch.watch(name, self._callback(job))
        self._watch.outdate(name)

    def _callback(self, job: JobRef) -> Callable[[str], None]:
        return lambda _name: self._changed(job.namespace, job.name)


def is_ours(job: RayJob, installation: str) -> bool:
    """Whether this installation submitted the job."""
    return bool(installation) and job.metadata.get("installation") == installation


def _is_of(found: RayJob, job: JobRef) -> bool:
    return is_ours(found, job.installation) and found.metadata.get("uid") == job.uid


def _attempt(found: RayJob, job: JobRef) -> Attempt | None:
    parsed = parse_step_name(found.submission_id)
    if parsed is None:
        return None
    step, number = parsed
    state = _STATES.get(found.state, AttemptState.RUNNING)
    failed = state is AttemptState.FAILED
    return Attempt(
        name=found.submission_id,
        step=step,
        attempt=number,
        state=state,
        ours=_is_of(found, job),
        failure=failure_class(found.error_type, found.exit_code) if failed else None,
        message=_message(found) if failed else "",
        started=(
            datetime.fromtimestamp(found.started_ms / 1000, UTC) if found.started_ms else None
        ),
    )


def failure_class(error_type: str, exit_code: int | None) -> FailureClass:
    """Who is at fault, by Ray's error type and the driver's exit status."""
    if error_type == "RUNTIME_ENV_SETUP_FAILURE":
        return FailureClass.CONFIGURATION
    if error_type.startswith("JOB_SUPERVISOR_ACTOR_"):
        return FailureClass.INFRASTRUCTURE
    if exit_code is not None:
        return class_of_exit(exit_code)
    if not error_type.startswith("JOB_ENTRYPOINT_"):
        # No driver ended: a head was replaced, a node was lost.
        return FailureClass.INFRASTRUCTURE
    return FailureClass.APPLICATION


def _message(found: RayJob) -> str:
    what = f"exited {found.exit_code}" if found.exit_code is not None else found.error_type
    return f"{what}: {found.message}" if what else found.message


def _translated(error: RayError) -> BackendError:
    if isinstance(error, RayRefusedError):
        return BackendError("RayRefused", str(error))
    return BackendError(error.reason, str(error))

"""One simulated job: the stages' own code and the operator's own decisions, in this process.

There is no second implementation of the loop here. Left out are Kubernetes, Ray's jobs, retries
and people's clock; what a stage is told and what follows it are as in a cluster.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from surelabel.stages import runner
from surelabel_cli.errors import UserError
from surelabel_contract.keys import StateKeys
from surelabel_contract.stages import (
    JobRef,
    StageConfig,
    StageFailure,
    StageReport,
    StorageAccess,
)
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import NotFoundInStoreError, Storage
from surelabel_operator.configs import first_config, following_config, team_facts
from surelabel_operator.evidence import Evidence
from surelabel_operator.next_step import next_step
from surelabel_operator.observed import Observed, TeamFacts
from surelabel_operator.progress import advance
from surelabel_operator.resources import (
    JobStatus,
    LabelingJob,
    WorkTeam,
    read_labeling_job,
    read_work_team,
)

# Every repetition is the same object, so that items lie under the same keys.
_UID = "00000000-0000-4000-8000-000000000000"
# Data has the time of its step; simulated time stands still.
_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_PREPARE = Step(round=0, stage=Stage.PREPARE)
# Whoever runs this reads with their own rights; there is nobody to be protected from.
_ACCESS = StorageAccess(prefixes=None, local_files=True)


@dataclass(frozen=True)
class Simulated:
    """A LabelingJob with simulated people, both as dicts, valid by the rules of the CRDs."""

    job: Mapping[str, Any]
    team: Mapping[str, Any]
    # What people once answered (``surelabel.stages.recorded``), where a finished job is replayed.
    answers_uri: str | None = None

    def repetition(self, number: int) -> Simulated:
        """The same with other random choices: of the job, and of what people get wrong."""
        seed = int(self.job["spec"].get("seed") or 0) + number
        people = int(self.team["spec"]["simulated"].get("seed") or 0) + number
        simulated = {**self.team["spec"]["simulated"], "seed": people}
        return Simulated(
            {**self.job, "spec": {**self.job["spec"], "seed": seed}},
            {**self.team, "spec": {**self.team["spec"], "simulated": simulated}},
            self.answers_uri,
        )


@dataclass(frozen=True)
class Prepared:
    """Items and features of a prepared job, for others with the same manifest and task type."""

    folder: Path
    config: StageConfig


@dataclass
class Replay:
    """A job in ``folder``, a folder of its own; ``reports``: of the steps so far, in order."""

    folder: Path
    simulated: Simulated
    reports: list[StageReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.job: LabelingJob = read_labeling_job(self._in_folder())
        self.team: WorkTeam = read_work_team(dict(self.simulated.team))

    @property
    def keys(self) -> StateKeys:
        """The keys of the job's state."""
        return StateKeys.of(_UID)

    @property
    def storage(self) -> Storage:
        """Access to everything that this process may read."""
        return Storage(_ACCESS)

    def prepare(self) -> Prepared:
        """Run the first step alone."""
        config = first_config(self.job.spec, self._observed())
        self._run(config)
        return Prepared(self.folder, config)

    def run(self, prepared: Prepared | None = None) -> StageReport:
        """All steps to the end; the report of export. UserError where a stage fails.

        ``prepared``: its items and features are used, none is extracted again.
        """
        observed, spec = self._observed(), self.job.spec
        config, status = first_config(spec, observed), JobStatus()
        if prepared is not None:
            self._take(prepared, config)
        while True:
            report = self._run(config)
            if report.step.stage is Stage.EXPORT:
                return report
            status = advance(status, report, spec, self.job.folder_uri)
            config = following_config(spec, observed, report, next_step(spec, status, report))

    def config_of(self, step: Step) -> StageConfig:
        """What a step was told."""
        folder = self.storage.folder(self.job.folder_uri)
        return StageConfig.from_json(folder.read(self.keys.config(step, 1)))

    def _run(self, config: StageConfig) -> StageReport:
        folder = self.storage.folder(self.job.folder_uri)
        key = self.keys.config(config.step, 1)
        folder.create(key, config.to_json())
        access = {runner.ACCESS_VARIABLE: config.storage.to_json().decode()}
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            status = runner.main([folder.uri_of(key)], access, _unobserved)
        if status != runner.COMMITTED:
            raise UserError(f"{config.step.key} failed: {self._failure(config, said.getvalue())}")
        report = StageReport.from_json(folder.read(self.keys.commit(config.step)))
        self.reports.append(report)
        return report

    def _failure(self, config: StageConfig, said: str) -> str:
        folder = self.storage.folder(self.job.folder_uri)
        try:
            failure = StageFailure.from_json(folder.read(self.keys.draft(config.step, 1)))
        except NotFoundInStoreError:
            return said.strip() or "it left no message."
        return f"{failure.reason}: {failure.message}"

    def _take(self, prepared: Prepared, config: StageConfig) -> None:
        """Link the shards of a prepared job: a prepare that finds them does none of them again."""
        base, here = (
            _state(folder, self.job, self.keys) for folder in (prepared.folder, self.folder)
        )
        shards = self.keys.step(_PREPARE).removeprefix(self.keys.root + "/") + "shards"
        for source, target in (
            (base / "items", here / "items"),
            (base / shards / prepared.config.digest(), here / shards / config.digest()),
        ):
            target.mkdir(parents=True)
            for file in source.iterdir():
                os.link(file, target / file.name)

    def _in_folder(self) -> dict[str, Any]:
        job = dict(self.simulated.job)
        output = {**job["spec"]["output"], "uri": self.folder.absolute().as_uri()}
        metadata = {**job["metadata"], "uid": _UID, "generation": 1}
        metadata.setdefault("namespace", "default")
        return {**job, "metadata": metadata, "spec": {**job["spec"], "output": output}}

    @property
    def people(self) -> TeamFacts:
        """The simulated people, and where their recorded answers lie."""
        facts, uri = team_facts(self.team), self.simulated.answers_uri
        if uri is None or facts.simulated is None:
            return facts
        recorded = facts.simulated.model_copy(update={"answers_uri": uri})
        return replace(facts, simulated=recorded)

    def _observed(self) -> Observed:
        name = self.job.metadata.name
        return Observed(
            job=JobRef(namespace="default", name=name, uid=_UID, installation="simulation"),
            generation=1,
            monotonic=0.0,
            evidence=Evidence(),
            folder_uri=self.job.folder_uri,
            manifest_uri=self.job.spec.input.manifest,
            label_attribute=self.job.label_attribute,
            storage_access=_ACCESS,
            data_time=_TIME,
            team=self.people,
        )


def _state(folder: Path, job: LabelingJob, keys: StateKeys) -> Path:
    return folder / job.metadata.name / keys.root


def _unobserved(_operation: str, _uri: str, _result: str | None) -> None:
    return None

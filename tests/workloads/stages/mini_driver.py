"""A whole job without an operator: configs from reports, stages in this process or in their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from surelabel.stages import runner
from surelabel_contract.keys import StateKeys
from surelabel_contract.stages import (
    AutoLabeling,
    Ending,
    JobRef,
    Label,
    Resources,
    SimulatedAnnotator,
    SimulatedWorkforce,
    StageConfig,
    StageFailure,
    StageReport,
    StorageAccess,
)
from surelabel_contract.steps import Stage, Step, step_name
from surelabel_contract.store import Observer, Storage

UID = "6f1e8a52-0000-4000-8000-000000000001"


def unobserved(_operation: str, _uri: str, _result: str | None) -> None:
    return None


@dataclass
class MiniDriver:
    """Drives one job below ``root``: input.manifest and truth.jsonl lie there, output in out/."""

    root: Path
    labels: Sequence[str] = ("0", "1")
    task_type: str = "TextClassification"
    accuracies: Sequence[int] = (990, 970, 950, 930, 900)
    spec: dict[str, Any] = field(default_factory=dict)
    auto_labeling: AutoLabeling | None = None
    max_rounds: int = 20
    seed: int | None = 7
    in_process: bool = True
    observer: Observer = unobserved
    attempts: dict[str, int] = field(default_factory=dict)
    reports: list[StageReport] = field(default_factory=list)

    @property
    def folder_uri(self) -> str:
        return f"file://{self.root}/out/job"

    @property
    def access(self) -> StorageAccess:
        return StorageAccess(prefixes=(f"file://{self.root}",), local_files=True)

    @property
    def keys(self) -> StateKeys:
        return StateKeys.of(UID)

    @property
    def path(self) -> Path:
        return self.root / "out" / "job"

    def write_input(self, lines: Sequence[Any], truth: Sequence[Any], key: str = "label") -> None:
        encoded = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        (self.root / "input.manifest").write_text("".join(f"{line}\n" for line in encoded))
        (self.root / "truth.jsonl").write_text(
            "".join(json.dumps({key: name}) + "\n" for name in truth)
        )

    def pictures(self, n: int, size: tuple[int, int] = (80, 60)) -> list[str]:
        """The URIs of n pictures below ``root``, for who must have some to look at."""
        paths = [self.root / f"{number}.png" for number in range(n)]
        for path in paths:
            Image.new("L", size).save(path)
        return [path.as_uri() for path in paths]

    def config(
        self, step: Step, before: StageReport | None, ending: Ending | None = None, **changes: Any
    ) -> StageConfig:
        attempt = self.attempts.get(step.key, 0) + 1
        self.attempts[step.key] = attempt
        values: dict[str, Any] = {
            "job": JobRef(namespace="default", name="job", uid=UID, installation="test"),
            "step": step,
            "attempt": attempt,
            "name": step_name("job", UID, step, attempt),
            "generation": 1,
            "stage_time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "seed": self.seed if before is None else before.seed,
            "folder_uri": self.folder_uri,
            "state_root": self.keys.root,
            "storage": self.access,
            "task_type": self.task_type,
            "labels": tuple(Label(name=name) for name in self.labels),
            "label_attribute_name": "job",
            "manifest_uri": f"file://{self.root}/input.manifest",
            "annotators_per_item": 3,
            "max_annotators_per_item": 3,
            "max_open_items": 1000,
            "auto_labeling": self.auto_labeling,
            "simulated": SimulatedWorkforce(
                annotators=tuple(
                    SimulatedAnnotator(name=f"p{number}", accuracy_permille=accuracy)
                    for number, accuracy in enumerate(self.accuracies)
                ),
                truth_uri=f"file://{self.root}/truth.jsonl",
                seed=3,
            ),
            "ending": ending,
            "inputs": {} if before is None else before.carry,
            "previous": None if before is None else before.progressed,
            "resources": Resources(),
            "timeout_seconds": 600,
        }
        return StageConfig(**{**values, **self.spec, **changes})

    def start(self, config: StageConfig) -> int:
        """Exit status of one attempt."""
        folder = Storage(self.access).folder(self.folder_uri)
        key = self.keys.config(config.step, config.attempt)
        folder.create(key, config.to_json())
        uri = folder.uri_of(key)
        access = self.access.to_json().decode()
        if self.in_process:
            return runner.main([uri], {runner.ACCESS_VARIABLE: access}, self.observer)
        environment = {**os.environ, runner.ACCESS_VARIABLE: access}
        command = [sys.executable, "-m", "surelabel.stages", uri]
        return subprocess.run(command, env=environment, check=False, timeout=120).returncode

    def report(self, step: Step) -> StageReport:
        return StageReport.from_json((self.path / self.keys.commit(step)).read_bytes())

    def failure(self, step: Step, attempt: int = 1) -> StageFailure:
        return StageFailure.from_json((self.path / self.keys.draft(step, attempt)).read_bytes())

    def run(
        self,
        round_: int,
        stage: Stage,
        pass_: int = 1,
        before: StageReport | None = None,
        **changes: Any,
    ) -> StageReport:
        step = Step(round=round_, stage=stage, pass_=pass_)
        config = self.config(step, before, **changes)
        status = self.start(config)
        assert status == 0, self.failure(step, config.attempt)
        report = self.report(step)
        self.reports.append(report)
        return report

    def run_job(self, stop: Callable[[StageReport], bool] = lambda report: False) -> StageReport:
        """Prepare to export, as ``next_step`` of the operator would go."""
        report = self.run(0, Stage.PREPARE)
        round_, people_only = 1, self.auto_labeling is None
        role, items = "tasks", report.next.task_items
        while items and not stop(report):
            report = self._ask(round_, report, role)
            if not people_only and report.next.trainable and round_ < self.max_rounds:
                report = self.run(round_, Stage.TRAIN, before=report)
                report = self.run(round_, Stage.INFER, before=report)
                role, items = "tasks", report.next.task_items
                if report.next.does_not_pay and not report.next.proposal_pending:
                    people_only, items = True, 0
            else:
                people_only = people_only or round_ >= self.max_rounds
                items = 0
            if not items:
                role, items = "remainder", report.next.remainder_items
            round_ += 1
        ending = Ending(succeeded=True, reason="Completed")
        return self.run(round_, Stage.EXPORT, before=report, ending=ending)

    def _ask(self, round_: int, report: StageReport, role: str) -> StageReport:
        pass_, changes = 1, {"inputs": {**report.carry, "tasks": report.carry[role]}}
        while True:
            report = self.run(round_, Stage.ANNOTATE, pass_, before=report, **changes)
            report = self.run(round_, Stage.CONSOLIDATE, pass_, before=report)
            if not report.next.another_pass:
                return report
            pass_, changes = pass_ + 1, {}

    def output_lines(self) -> list[bytes]:
        data = (self.path / "manifests/output/output.manifest").read_bytes()
        return data.splitlines()

    def tree(self) -> dict[str, bytes]:
        """Every object but configs and commits (which carry seconds) by key."""
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and path.name not in ("COMMITTED.json", "STAGE.json", "DRAFT.json")
        }

"""Stages with configs as the operator writes them, from the spec of a LabelingJob."""

from __future__ import annotations

from pathlib import Path

import pytest

from job_factories import observed_of, spec_of
from surelabel_contract.keys import StateKeys
from surelabel_contract.stages import SimulatedAnnotator, SimulatedWorkforce, StageReport
from surelabel_contract.steps import Stage
from surelabel_operator.configs import first_config, following_config
from surelabel_operator.next_step import next_step
from surelabel_operator.observed import TeamFacts
from surelabel_operator.resources import JobStatus
from workloads.stages.mini_driver import MiniDriver


def run_job(root: Path, **output: str) -> MiniDriver:
    """A job on four texts, from its spec to its export."""
    driver = MiniDriver(root)
    driver.write_input([{"source": f"text {n}"} for n in range(4)], [str(n % 2) for n in range(4)])
    people = tuple(SimulatedAnnotator(name=name, accuracy_permille=1000) for name in "abc")
    team = SimulatedWorkforce(annotators=people, truth_uri=f"file://{root}/truth.jsonl")
    spec = spec_of(
        taskType="TextClassification",
        labels=[{"name": "0"}, {"name": "1"}],
        input={"manifest": f"file://{root}/input.manifest"},
        output={"uri": f"file://{root}/out", **output},
        autoLabeling=None,
    )
    observed = observed_of(
        folder_uri=driver.folder_uri,
        manifest_uri=spec.input.manifest,
        label_attribute="job",
        storage_access=driver.access,
        team=TeamFacts(team, 3),
        owner=None,
    )
    config = first_config(spec, observed)
    while True:
        assert driver.start(config) == 0
        commit = driver.path / StateKeys(config.state_root).commit(config.step)
        report = StageReport.from_json(commit.read_bytes())
        if report.step.stage is Stage.EXPORT:
            return driver
        following = next_step(spec, JobStatus(), report)
        config = following_config(spec, observed, report, following)


@pytest.mark.parametrize(
    ("output", "writes"),
    [({}, False), ({"layout": "Minimal"}, False), ({"layout": "GroundTruth"}, True)],
)
def test_annotations_are_written_where_the_spec_asks_for_them(
    tmp_path: Path, output: dict[str, str], writes: bool
) -> None:
    driver = run_job(tmp_path, **output)
    responses = list((driver.path / "annotations").glob("worker-response/iteration-1/*/*.json"))
    assert len(responses) == (4 if writes else 0)
    assert (driver.path / "annotations").exists() == writes

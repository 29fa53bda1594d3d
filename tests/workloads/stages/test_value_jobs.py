"""Whole jobs of every task type whose label is more than a class, labeled by people."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from surelabel.stages.verification import verify_job
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.classes import Classes
from surelabel.tasks.instance_segmentation.format import read_instances
from surelabel.tasks.semantic_segmentation.format import read_mask
from surelabel.tasks.values import Instances
from surelabel_contract.steps import Stage
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver
from workloads.value_cases import AUDITED, CASES, EARLIER, LABELS, manifest_type

types = pytest.mark.parametrize("name", CASES)


def driver_of(root: Path, name: str, n: int = 7, **values: object) -> MiniDriver:
    task = TASK_TYPES[name]
    labels = LABELS if task.needs_labels else ()
    earlier = EARLIER.get(name, {})
    driver = MiniDriver(root, labels=labels, task_type=name, **values)  # type: ignore[arg-type]
    if earlier:
        driver.spec = {**driver.spec, "audit_label_attribute_name": AUDITED}
    if task.source_kind == "image":
        lines = [{"source-ref": uri, **earlier} for uri in driver.pictures(n)]
    else:
        # Long enough for every span of the truth.
        texts = [f"a falcon, a heron and a duck are in text {i}" for i in range(n)]
        lines = [{"source": text, **earlier} for text in texts]
    driver.write_input(lines, [CASES[name][0]] * n, key="answer")
    return driver


def in_memory(value: Any) -> Any:
    """A mask that the manifest refers to is read."""
    if getattr(value, "ref", None) is None:
        return value
    png = Path(value.ref.removeprefix("file://")).read_bytes()
    if isinstance(value, Instances):
        return read_instances(value, png)
    return read_mask(value, png, Classes.of(LABELS))


@types
def test_a_job_goes_from_manifest_to_manifest(tmp_path: Path, name: str) -> None:
    driver = driver_of(tmp_path, name, spec={"max_open_items": 3}, accuracies=(1000, 950, 950))
    report = driver.run_job()
    assert report.progressed.counters.human_labeled == 7
    assert report.progressed.answers == 21
    task = TASK_TYPES[name]
    truth = task.value_of(task.parse_answer(CASES[name][0], driver.labels), driver.labels)
    apart = []
    for number, raw in enumerate(driver.output_lines()):
        line = json.loads(raw)
        assert str(number) in next(iter(line.values()))
        metadata = line["job-metadata"]
        assert metadata["type"] == manifest_type(name, task.manifest_type)
        assert metadata["human-annotated"] == "yes"
        assert metadata["job-name"] == "labeling-job/job"
        found = task.read(line["job"], metadata, driver.labels)
        assert found.creation_date == "2026-01-02T03:04:05.000000"
        apart.append(task.disagreement(in_memory(found.value), truth))
    assert sum(apart) / 7 < 0.3
    people = json.loads((driver.path / "report/report.json").read_text())["annotators"]
    assert [each["name"] for each in people] == ["p0", "p1", "p2"]
    assert all(0 <= each["agreement"] <= 1 for each in people)
    found = verify_job(Storage(driver.access), driver.folder_uri)
    assert (found.problems, found.human_labels) == ([], 7)


@types
def test_two_executions_write_the_same_bytes(tmp_path: Path, name: str) -> None:
    trees = []
    for _ in range(2):
        driver = driver_of(tmp_path, name)
        driver.run_job()
        trees.append(driver.tree())
        shutil.rmtree(driver.path)
    assert trees[0] == trees[1]


def test_more_people_are_asked_where_answers_are_far_apart(tmp_path: Path) -> None:
    driver = driver_of(
        tmp_path, "FreeText", 20, spec={"max_annotators_per_item": 5}, accuracies=(850,) * 6
    )
    report = driver.run_job()
    asked = [r.step.key for r in driver.reports if r.step.stage is Stage.ANNOTATE]
    assert asked == ["0001/ann-p1", "0001/ann-p2"]
    assert 60 < report.progressed.answers < 100


def test_a_round_knows_its_people_from_the_rounds_before(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, "Rating", 7, spec={"max_open_items": 3}, accuracies=(900,) * 3)
    driver.run_job()
    people = json.loads((driver.path / "report/report.json").read_text())["annotators"]
    # The last round has one item; all seven tell how good people are.
    assert {each["answers"] for each in people} == {7}


def test_a_round_remembers_no_more_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(TASK_TYPES["Rating"]), "remembers", 4)
    driver = driver_of(tmp_path, "Rating", 7, spec={"max_open_items": 3}, accuracies=(900,) * 3)
    assert driver.in_process
    driver.run_job()
    people = json.loads((driver.path / "report/report.json").read_text())["annotators"]
    # The last item, and of the round before whole items up to the fourth answer: two.
    assert {each["answers"] for each in people} == {3}


def test_a_method_that_cannot_work_says_so(tmp_path: Path) -> None:
    spec = {"consolidation_method": "RoundedNormal"}
    driver = driver_of(tmp_path, "Rating", 3, spec=spec)
    halves = [{"x": {"value": value}} for value in (0.5, 1.25, 2.0)]
    driver.write_input([{"source": str(i)} for i in range(3)], halves, key="answer")
    with pytest.raises(AssertionError, match=r"MethodNotApplicable.*n\.method: Rounded"):
        driver.run_job()


def test_labels_of_an_earlier_job_pass_through(tmp_path: Path) -> None:
    first = driver_of(tmp_path, "BoundingBox", accuracies=(1000,) * 3)
    first.run_job()
    again = tmp_path / "again"
    again.mkdir()
    driver = driver_of(again, "BoundingBox", accuracies=(1000,) * 3)
    lines = [raw.decode() for raw in first.output_lines()]
    del (stripped := json.loads(lines[3]))["job"], stripped["job-metadata"]
    # Of the others nobody looks at the picture again.
    stripped["source-ref"] = f"file://{again}/3.png"
    lines[3] = json.dumps(stripped)
    driver.write_input(lines, [CASES["BoundingBox"][0]] * 7, key="answer")
    report = driver.run_job()
    assert report.progressed.answers == 3
    assert report.progressed.counters.human_labeled == 7
    out = [raw.decode() for raw in driver.output_lines()]
    assert [a == b for a, b in zip(lines, out, strict=True)] == [i != 3 for i in range(7)]


def test_a_label_that_cannot_be_read_rejects_its_line(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, "BoundingBox", 2)
    first, second = driver.pictures(2)
    bad = {"source-ref": first, "job": {"annotations": [{}]}, "job-metadata": {}}
    driver.write_input([bad, {"source-ref": second}], [CASES["BoundingBox"][0]] * 2, "answer")
    driver.run_job()
    rejected = json.loads((driver.path / "report/rejected.jsonl").read_text())
    assert rejected["line"] == 1
    assert "annotations[0]" in rejected["message"]

"""The time of answers, from worker responses of the old and the new form and finished jobs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cli.test_consolidate import run
from surelabel.answer_files.times import seconds_spent
from workloads.stages.mini_driver import MiniDriver
from workloads.value_cases import CASES, LABELS

# What people say, of classes and of what is more than a class; in seconds what each usually takes.
CONTENTS: dict[str, Any] = {
    "ImageClassification": {"crowd-image-classifier": {"label": "Falcon"}},
    "BoundingBox": CASES["BoundingBox"][0],
}
PEOPLE = {"ann": 20, "bob": 30, "cid": 1}


def times(form: str, second: int, minute: int) -> dict[str, Any]:
    """The times of an answer, as its form has them; a pause of a minute lies in between."""
    submitted = {"submissionTime": f"2020-12-28T18:{minute:02}:{second:02}.500Z"}
    accepted = {"acceptanceTime": f"2020-12-28T18:{minute:02}:00.500Z"}
    paused = {"acceptanceTime": f"2020-12-28T18:{minute - 1:02}:00.500Z"}
    return {
        "old": submitted,
        "new": {**paused, **submitted, "timeSpentInSeconds": second},
        "without timeSpentInSeconds": {**accepted, **submitted},
    }[form]


def write_responses(folder: Path, task_type: str, form: str) -> None:
    """Responses to twelve items, of two rounds; an answer that is given again took far longer."""
    for item in range(12):
        answers = [
            {"answerContent": CONTENTS[task_type], "workerId": who,
             **times(form, seconds + item % 3, minute=30)}
            for who, seconds in PEOPLE.items()
        ]  # fmt: skip
        place = folder / f"iteration-{1 + item // 6}" / str(item)
        place.mkdir(parents=True)
        if item == 0:
            before = {**answers[0], **times(form, 59, minute=20)}
            (place / "2020-12-28_18:20:59.json").write_text(json.dumps({"answers": [before]}))
        (place / "2020-12-28_18:30:59.json").write_text(json.dumps({"answers": answers}))


def rows_of(answers: Path, task_type: str, tmp_path: Path) -> dict[str, dict[str, str]]:
    people = tmp_path / "people.csv"
    code, _, err = run(
        "consolidate", answers, "--task-type", task_type, "--annotators", people,
        "-o", tmp_path / "out.jsonl",
    )  # fmt: skip
    assert code == 0, err
    with people.open(encoding="utf-8", newline="") as file:
        return {row["annotator"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("task_type", CONTENTS)
@pytest.mark.parametrize("form", ["new", "without timeSpentInSeconds"])
@pytest.mark.parametrize("place", ["", "annotations/worker-response", "worker-response"])
def test_times_of_worker_responses_are_a_column(
    tmp_path: Path, task_type: str, form: str, place: str
) -> None:
    write_responses(tmp_path / "job" / place, task_type, form)
    rows = rows_of(tmp_path / "job", task_type, tmp_path)
    seconds = {name: float(row["medianSeconds"]) for name, row in rows.items()}
    assert seconds == {"ann": 21, "bob": 31, "cid": 2}
    assert {name for name, row in rows.items() if "Haste" in row["flags"].split()} == {"cid"}


@pytest.mark.parametrize("task_type", CONTENTS)
def test_responses_of_the_old_form_have_no_times_and_nobody_is_hasty(
    tmp_path: Path, task_type: str
) -> None:
    write_responses(tmp_path / "job", task_type, "old")
    rows = rows_of(tmp_path / "job", task_type, tmp_path)
    assert [row["medianSeconds"] for row in rows.values()] == [""] * 3
    assert not any("Haste" in row["flags"] for row in rows.values())


@pytest.mark.parametrize("task_type", ["BoundingBox", "SemanticSegmentation"])
def test_times_of_a_finished_jobs_folder_are_a_column(tmp_path: Path, task_type: str) -> None:
    driver = MiniDriver(
        tmp_path,
        labels=LABELS,
        task_type=task_type,
        accuracies=(900, 850, 800),
        spec={"output_layout": "GroundTruth", "label_attribute_name": "job-ref"},
    )
    content = CASES[task_type][0]
    lines = [{"source-ref": uri} for uri in driver.pictures(4)]
    driver.write_input(lines, [content] * 4, "answer")
    driver.run_job()
    spent: dict[str, list[float]] = {}
    for path in driver.path.glob("annotations/worker-response/**/*.json"):
        for answer in json.loads(path.read_text())["answers"]:
            spent.setdefault(answer["workerId"], []).append(answer["timeSpentInSeconds"])
    rows = rows_of(driver.path, task_type, tmp_path)
    assert set(rows) == set(spent)
    for name, row in rows.items():
        ordered = sorted(spent[name])
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        assert float(row["medianSeconds"]) == pytest.approx(middle, abs=1e-4)


def between(accepted: str, submitted: str) -> dict[str, str]:
    return {"acceptanceTime": accepted, "submissionTime": submitted}


@pytest.mark.parametrize(
    ("entry", "seconds"),
    [
        ({"timeSpentInSeconds": 0}, 0),
        ({"timeSpentInSeconds": -1}, None),
        ({"timeSpentInSeconds": True}, None),
        ({"timeSpentInSeconds": float("inf")}, None),
        ({"timeSpentInSeconds": "7"}, None),
        ({"submissionTime": "2019-04-18T16:11:15Z"}, None),
        (between("2020-01-01T00:00:00Z", "2020-01-01T02:00:05+02:00"), 5),
        # Without a zone it is UTC, as all times of Ground Truth are.
        (between("2020-01-01T00:00:00", "2020-01-01T00:00:05Z"), 5),
        (between("2020-01-01T00:00:09Z", "2020-01-01T00:00:05Z"), None),
        (between("yesterday", "2020-01-01T00:00:05Z"), None),
        ({}, None),
    ],
)
def test_what_is_no_time_is_not_known(entry: dict[str, Any], seconds: float | None) -> None:
    assert seconds_spent(entry) == seconds

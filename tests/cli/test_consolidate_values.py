"""`surelabel consolidate` and `surelabel agreement` on answers that are no CSV of classes."""

from __future__ import annotations

import base64
import csv
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cli.test_consolidate import run
from surelabel.consolidation.objects import METHODS, Auto
from surelabel.tasks import TASK_TYPES, regions
from surelabel.tasks.base import Choosing
from surelabel.tasks.valued import ValueAnswers, ValueTask, classes_of
from workloads.consolidation.crowds import DATA
from workloads.stages.mini_driver import MiniDriver
from workloads.value_cases import CASES, LABELS

# Those whose label is one of a few choices are consolidated as classes are.
OF_VALUES = [name for name in CASES if not isinstance(TASK_TYPES[name], Choosing)]
BIRDS = DATA / "classification" / "ground_truth_birds"


def _black(width: int, height: int) -> dict[str, str]:
    """An image without anything drawn, as an answer has it."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return {"pngImageData": base64.b64encode(buffer.getvalue()).decode()}


def write_answers(path: Path, task_type: str, n_items: int = 6, accuracy: float = 0.95) -> Path:
    """JSON Lines of four simulated people's answers, and an abstention."""
    task, rng = TASK_TYPES[task_type], np.random.default_rng(1)
    truth = task.parse_answer(CASES[task_type][0], LABELS)
    lines = [
        {
            "item": f"{item}.png",
            "annotator": who,
            "answer": task.answer_content(task.simulate(truth, accuracy, rng, LABELS), LABELS),
        }
        for item in range(n_items)
        for who in ("ann", "bob", "cid", "dan")
    ]
    lines.append({"item": "none.png", "annotator": "ann", "answer": None})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_boxes_come_with_a_confidence_each(tmp_path: Path) -> None:
    answers = write_answers(tmp_path / "boxes.jsonl", "BoundingBox")
    code, out, err = run(
        "consolidate", answers, "--task-type", "BoundingBox", "-o", tmp_path / "out.jsonl",
        "--annotators", tmp_path / "people.csv",
    )  # fmt: skip
    assert (code, out) == (0, "")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["item"] for line in lines] == [*(f"{n}.png" for n in range(6)), "none.png"]
    assert lines[-1] == {"item": "none.png", "label": None, "confidence": None}
    for line in lines[:-1]:
        assert {box["label"] for box in line["label"]["boundingBoxes"]} == {"Falcon", "Duck"}
        assert all(0 < box["confidence"] <= 1 for box in line["label"]["boundingBoxes"])
        assert line["label"]["inputImageProperties"] == {"height": 400, "width": 500}
    assert err.startswith("7 items, 24 answers of 4 annotators, 2 labels; 1 item without a label")
    assert ", 1 abstention" in err
    assert "Krippendorff's alpha" in err
    with (tmp_path / "people.csv").open(encoding="utf-8") as file:
        people = list(csv.DictReader(file))
    assert [row["annotator"] for row in people] == ["ann", "bob", "cid", "dan"]
    assert all(float(row["agreement"]) > 0.7 for row in people)
    # Objects are known by how often they are found, made up, and how precisely.
    assert all(0.5 < float(row["hitRate"]) <= 1 for row in people)
    assert all(0 <= float(row["falseRate"]) < 0.5 for row in people)
    assert all(float(row["sigma"]) >= 0 for row in people)
    assert {"bias left", "bias top"} <= set(people[0])
    assert {row["medianSeconds"] for row in people} == {""}


def test_times_of_answers_are_a_column_and_haste_is_flagged(tmp_path: Path) -> None:
    lines = [
        {"item": f"{item}", "annotator": who, "answer": {"rating": {"value": 1 + item % 5}},
         "timeSpentInSeconds": seconds + item % 3}
        for item in range(12)
        for who, seconds in (("ann", 20), ("bob", 30), ("cid", 1))
    ]  # fmt: skip
    answers, people = tmp_path / "answers.jsonl", tmp_path / "people.csv"
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    code, _, _ = run(
        "consolidate", answers, "--task-type", "Rating", "--annotators", people,
        "-o", tmp_path / "out.jsonl",
    )  # fmt: skip
    assert code == 0
    with people.open(encoding="utf-8", newline="") as file:
        rows = {row["annotator"]: row for row in csv.DictReader(file)}
    assert [rows[name]["medianSeconds"] for name in rows] == ["21.0000", "31.0000", "2.0000"]
    assert [rows[name]["flags"] for name in rows] == ["", "", "Haste"]
    assert all(abs(float(row["bias"])) < 0.1 for row in rows.values())


# A vote, or the answer that is nearest to all others; all other labels are found step by step.
AT_ONCE = ("SemanticSegmentation", "InstanceSegmentation", "Custom")


@pytest.mark.parametrize("task_type", OF_VALUES)
def test_the_summary_says_how_far_the_iterations_came(tmp_path: Path, task_type: str) -> None:
    answers = write_answers(tmp_path / "answers.jsonl", task_type, accuracy=0.7)
    out = tmp_path / "out.jsonl"
    code, said, _ = run("consolidate", answers, "--task-type", task_type, "--json", "-o", out)
    assert code == 0
    summary = json.loads(said)
    assert isinstance(summary["converged"], bool)
    assert (summary["iterations"] == 0) == (task_type in AT_ONCE)


def test_an_iteration_that_did_not_converge_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METHODS, "Auto", partial(Auto, max_iter=1))
    answers = write_answers(tmp_path / "boxes.jsonl", "BoundingBox", accuracy=0.7)
    code, _, err = run("consolidate", answers, "--task-type", "BoundingBox")
    assert code == 0
    assert err.rstrip().endswith(
        "; the iteration has not converged after 1 step: compare with another --method, or raise "
        "the method's max_iter in the library"
    )


@pytest.mark.parametrize("task_type", OF_VALUES)
def test_every_task_type_is_consolidated_and_its_agreement_told(
    tmp_path: Path, task_type: str
) -> None:
    answers = write_answers(tmp_path / "answers.jsonl", task_type, accuracy=0.7)
    code, out, _ = run("consolidate", answers, "--task-type", task_type)
    assert code == 0
    assert len([json.loads(line) for line in out.splitlines()]) == 7
    code, out, _ = run("agreement", answers, "--task-type", task_type, "--json")
    assert code == 0
    found = json.loads(out)
    assert list(found["annotators"]) == ["ann", "bob", "cid", "dan"]
    assert all(each["items"] == 6 for each in found["annotators"].values())
    task = TASK_TYPES[task_type]
    assert isinstance(task, ValueTask)
    told = found["classes"]
    assert set(told) <= set(LABELS)
    assert any(each["value"] is not None for each in told.values()) == task.marks_classes
    alpha = found["krippendorffAlpha"]
    assert (alpha["items"], alpha["answers"]) == (6, 24)
    assert -1 <= alpha["value"] <= 1
    figures = [alpha, *told.values(), *found["annotators"].values()]
    for each in (figure for figure in figures if figure["value"] is not None):
        assert each["low"] <= each["value"] <= each["high"]


# What somebody answers who finds nothing, of each type whose answers mark classes.
NOTHING: dict[str, dict[str, Any]] = {
    "ImageClassificationMultiLabel": {"labels": []},
    "TextClassificationMultiLabel": {"labels": []},
    "NamedEntityRecognition": {"entities": []},
    "BoundingBox": {"boundingBoxes": [], "inputImageProperties": {"height": 4, "width": 5}},
    "SemanticSegmentation": {"labelMappings": {}, "labeledImage": _black(5, 4)},
    "InstanceSegmentation": {"instances": [], "labeledImage": _black(5, 4)},
}


@pytest.mark.parametrize("task_type", NOTHING)
def test_where_all_find_nothing_the_label_is_nothing(tmp_path: Path, task_type: str) -> None:
    answers, people = tmp_path / "answers.jsonl", tmp_path / "people.csv"
    lines = [
        {"item": str(item), "annotator": who, "answer": {"x": NOTHING[task_type]}}
        for item in range(2)
        for who in ("ann", "bob")
    ]
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    code, out, err = run(
        "consolidate", answers, "--task-type", task_type, "--annotators", people, "--gain"
    )
    assert code == 0, err
    for line in map(json.loads, out.splitlines()):
        told = line["label"]
        assert not told.get("labels") and not told.get("labelMappings")
        assert not any(isinstance(part, list) and part for part in told.values())
    with people.open(encoding="utf-8", newline="") as file:
        assert [row["agreement"] for row in csv.DictReader(file)] == ["1.0000", "1.0000"]


def test_agreement_on_a_class_of_boxes_is_told_in_words(tmp_path: Path) -> None:
    answers = write_answers(tmp_path / "answers.jsonl", "BoundingBox", accuracy=0.7)
    code, out, _ = run("agreement", answers, "--task-type", "BoundingBox")
    assert code == 0
    titles = [line.split("  ")[0] for line in out.splitlines()]
    assert titles[0] == "Krippendorff's alpha"
    assert {"alpha of class Falcon", "alpha of class Duck"} <= set(titles)
    assert titles[-1] == "alpha of annotator dan"


@pytest.mark.parametrize("task_type", OF_VALUES)
def test_every_task_type_tells_where_another_answer_helps(tmp_path: Path, task_type: str) -> None:
    answers = write_answers(tmp_path / "answers.jsonl", task_type, accuracy=0.6)
    lone = json.loads(answers.read_text().splitlines()[0]) | {"item": "lone.png"}
    with answers.open("a", encoding="utf-8") as file:
        file.write(json.dumps(lone) + "\n")
    known = tmp_path / "gold.jsonl"
    known.write_text(json.dumps({"item": "0.png", "answer": CASES[task_type][0]}) + "\n")
    code, out, _ = run("consolidate", answers, "--task-type", task_type, "--gain", "--gold", known)
    assert code == 0
    gain = {line["item"]: line["gain"] for line in map(json.loads, out.splitlines())}
    assert gain["none.png"] is None
    assert gain["0.png"] == 0
    others = [gain[f"{n}.png"] for n in range(1, 6)]
    assert 0 <= min(others) <= max(others) < gain["lone.png"] <= 1
    _, out, _ = run("consolidate", answers, "--task-type", task_type)
    assert not any("gain" in json.loads(line) for line in out.splitlines())


def test_answers_that_cannot_be_read_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    answers = write_answers(tmp_path / "boxes.jsonl", "BoundingBox")
    bad = {"item": "new.png", "annotator": "eve", "answer": {"x": {"boundingBoxes": [{}]}}}
    with answers.open("a", encoding="utf-8") as file:
        file.write(json.dumps(bad) + "\n")
    code, out, err = run("consolidate", answers, "--task-type", "BoundingBox")
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 8
    assert lines[-1] == {"item": "new.png", "label": None, "confidence": None}
    assert "set aside: " in err
    assert "boundingBoxes[0]" in err
    assert ", 1 answer set aside" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--method", "Wawa"),
            "--method must be one of Auto, SupportVote, BetaBinomial, HitRates; got 'Wawa'.",
        ),
        (
            ("--probabilities",),
            "--probabilities: only classes and sets of them have any; got BoundingBox",
        ),
        (("--gold", "x.csv"), "x.csv: a label of BoundingBox does not fit into a cell."),
    ],
)
def test_what_only_classes_have_is_refused(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    answers = write_answers(tmp_path / "boxes.jsonl", "BoundingBox")
    code, _, err = run("consolidate", answers, "--task-type", "BoundingBox", *options)
    assert code == 1
    assert message in err


def truth_and_another(task_type: str) -> tuple[bytes, bytes]:
    """An answer that is right, and one that is not."""
    task, rng = TASK_TYPES[task_type], np.random.default_rng(2)
    truth = task.parse_answer(CASES[task_type][0], LABELS)
    wrong = (task.simulate(truth, 0.0, rng, LABELS) for _ in range(100))
    right = task.value_of(truth, LABELS)
    return truth, next(
        each for each in wrong if task.disagreement(task.value_of(each, LABELS), right) > 0.1
    )


# Custom knows nothing of its answers.
@pytest.mark.parametrize("task_type", sorted({*CASES} - {"Custom"}))
def test_one_who_is_right_on_gold_outvotes_two_who_are_not_on_other_items(task_type: str) -> None:
    task = TASK_TYPES[task_type]
    right, wrong = (task.value_of(each, LABELS) for each in truth_and_another(task_type))
    labels = dict(task.consolidate(outvoted(right, wrong)))
    for item in (0, 11):
        found = labels[item].value
        assert task.disagreement(found, right) < task.disagreement(found, wrong)


def outvoted(right: Any, wrong: Any) -> ValueAnswers[Any]:
    """Of three people two are always wrong together; all items are known but the first and last."""
    return ValueAnswers(
        item=tuple(item for item in range(12) for _ in range(3)),
        annotator=(0, 1, 2) * 12,
        value=(right, wrong, wrong) * 12,
        n_annotators=3,
        sources=(None,) * 12,
        classes=classes_of(tuple(LABELS)),
        gold=dict.fromkeys(range(1, 11), right),
    )


@pytest.mark.parametrize("task_type", ["SemanticSegmentation", "InstanceSegmentation"])
def test_gold_masks_tell_of_people_in_every_batch_of_images(
    monkeypatch: pytest.MonkeyPatch, task_type: str
) -> None:
    task = TASK_TYPES[task_type]
    right, wrong = (task.value_of(each, LABELS) for each in truth_and_another(task_type))
    together, apart = outvoted(right, wrong), outvoted(right, wrong)
    labels = dict(task.consolidate(together))
    monkeypatch.setattr(regions, "_BATCH_PIXELS", 1)
    one_by_one = list(task.consolidate(apart))
    assert [item for item, _ in one_by_one] == list(labels) == list(range(12))
    for item, label in one_by_one:
        assert task.disagreement(label.value, labels[item].value) == 0
    (one,), (other,) = together.fit.annotators, apart.fit.annotators
    np.testing.assert_allclose(one.iou, other.iou)
    assert one.n_answers.tolist() == other.n_answers.tolist() == [12, 12, 12]


@pytest.mark.parametrize("task_type", OF_VALUES)
def test_gold_of_every_task_type_stands_and_judges_the_annotators(
    tmp_path: Path, task_type: str
) -> None:
    task = TASK_TYPES[task_type]
    truth, other = truth_and_another(task_type)
    # Of three people two always say something else than the truth, and agree on it.
    told = {"ann": truth, "bob": other, "cid": other}
    lines = [
        {"item": f"{n}.png", "annotator": who, "answer": task.answer_content(each, LABELS)}
        for n in range(8)
        for who, each in told.items()
    ]
    answers, gold, people = (tmp_path / name for name in ("a.jsonl", "g.jsonl", "people.csv"))
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines))
    known = [{"item": f"{n}.png", "answer": task.answer_content(truth, LABELS)} for n in range(6)]
    gold.write_text("".join(json.dumps(line) + "\n" for line in known))
    code, out, err = run(
        "consolidate", answers, "--task-type", task_type, "--gold", gold, "--annotators", people,
        *(part for name in LABELS for part in ("--label", name)),
    )  # fmt: skip
    assert code == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    assert [line["confidence"] for line in found[:6]] == [1.0] * 6
    assert len(found) == 8
    with people.open(encoding="utf-8") as file:
        rows = {row["annotator"]: row for row in csv.DictReader(file)}
    agreement = {name: float(row["agreement"]) for name, row in rows.items()}
    assert agreement["ann"] > agreement["bob"] == agreement["cid"]
    # What the method knows of them, by gold as by the other items.
    for figure in ("hitRate", "iou"):
        if figure in rows["ann"] and rows["bob"][figure]:
            assert float(rows["ann"][figure]) > float(rows["bob"][figure])


def test_a_known_order_of_candidates_that_nobody_named_is_refused(tmp_path: Path) -> None:
    answers = write_answers(tmp_path / "orders.jsonl", "Ranking")
    gold = tmp_path / "gold.csv"
    gold.write_text("item,label\n0.png,r3|r1|r2\n1.png,r3|r9\n")
    code, _, err = run("consolidate", answers, "--task-type", "Ranking", "--gold", gold)
    assert code == 1
    assert (
        "--gold: item '1.png': order must name candidates that an answer has (r1, r2, r3); got "
        "'r9'. Correct it."
    ) in err


def test_a_known_order_that_leaves_candidates_out_is_refused(tmp_path: Path) -> None:
    answers = write_answers(tmp_path / "orders.jsonl", "Ranking")
    gold = tmp_path / "gold.csv"
    gold.write_text("item,label\n0.png,r3|r1|r2\n1.png,r3\n")
    code, _, err = run("consolidate", answers, "--task-type", "Ranking", "--gold", gold)
    assert code == 1
    assert (
        "--gold: item '1.png': order must name every candidate that an answer has (3); got 1, "
        "without r1, r2. Add what is missing, at the place that it has."
    ) in err


def test_a_method_that_cannot_work_on_the_answers_says_what_can(tmp_path: Path) -> None:
    answers = tmp_path / "ratings.csv"
    answers.write_text("item,annotator,label\na,ann,1.5\na,bob,2.25\n")
    wanted = ("--task-type", "Rating", "--method", "RoundedNormal")
    code, out, err = run("consolidate", answers, *wanted)
    assert (code, out) == (1, "")
    assert err.startswith("surelabel: --method: RoundedNormal: step must divide low .. high into")
    assert err.endswith("Use BiasAndNoise.\n")


@pytest.mark.skipif(not BIRDS.is_dir(), reason=f"{BIRDS} is missing; set SURELABEL_DATA")
def test_a_finished_ground_truth_job_is_consolidated_again_and_compared(tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    code, out, err = run(
        "consolidate", BIRDS, "--task-type", "ImageClassification", "--compare", "-o", labels
    )
    assert code == 0
    lines = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 302
    assert all(0 < line["confidence"] <= 1 for line in lines)
    assert err.startswith("302 items, 1,510 answers of 97 annotators, 10 labels")
    *differing, summary = out.splitlines()
    assert summary == f"{len(differing)} of 302 labels differ."
    assert 0 < len(differing) < 10


def test_masks_of_a_finished_job_are_compared_with_those_that_it_made(tmp_path: Path) -> None:
    driver = MiniDriver(
        tmp_path,
        labels=LABELS,
        task_type="SemanticSegmentation",
        accuracies=(900, 850, 800),
        spec={"output_layout": "GroundTruth", "label_attribute_name": "job-ref"},
    )
    content = CASES["SemanticSegmentation"][0]
    lines = [{"source-ref": uri} for uri in driver.pictures(4)]
    driver.write_input(lines, [content] * 4, "answer")
    driver.run_job()
    arguments = ("consolidate", driver.path, "--task-type", "SemanticSegmentation", "--compare")
    code, out, _ = run(*arguments, "-o", tmp_path / "labels.jsonl")
    assert code == 0
    assert out.splitlines() == ["0 of 4 labels differ."]
    code, out, _ = run(*arguments, "--json", "-o", tmp_path / "labels.jsonl")
    (line,) = out.splitlines()
    assert json.loads(line)["compared"] == ["0 of 4 labels differ."]
    first = next((driver.path / "annotations/consolidated-annotation/output/2").iterdir())
    first.unlink()
    code, out, err = run(*arguments, "-o", tmp_path / "labels.jsonl")
    assert code == 0
    assert out.splitlines() == ["0 of 3 labels differ."]
    assert "1 answer set aside" in err


@pytest.mark.skipif(not BIRDS.is_dir(), reason=f"{BIRDS} is missing; set SURELABEL_DATA")
def test_gold_of_a_class_that_a_finished_job_does_not_have_is_refused(tmp_path: Path) -> None:
    gold = tmp_path / "gold.csv"
    gold.write_text("item,label\n0,Sparow\n")
    wanted = ("--task-type", "ImageClassification", "--gold", gold)
    code, out, err = run("consolidate", BIRDS, *wanted)
    assert (code, out) == (1, "")
    assert f"{gold}:2: label must be one of the 10 that the answers have (" in err
    assert "got 'Sparow'. Did you mean 'Sparrow'? Correct it, or pass --label 'Sparow'" in err


def test_answers_of_which_none_can_be_read_end_in_an_error_and_write_nothing(
    tmp_path: Path,
) -> None:
    out = tmp_path / "labels.jsonl"
    out.write_text("kept\n", encoding="utf-8")
    answers = write_answers(tmp_path / "boxes.jsonl", "BoundingBox")
    code, _, err = run("consolidate", answers, "--task-type", "Polygon", "-o", out)
    assert code == 1
    assert "has no answer of type Polygon; 24 were set aside. Check --task-type" in err
    assert out.read_text(encoding="utf-8") == "kept\n"


def test_a_folder_that_is_missing_is_told_before_anything_is_done(tmp_path: Path) -> None:
    answers = write_answers(tmp_path / "boxes.jsonl", "BoundingBox")
    missing = tmp_path / "no" / "out.jsonl"
    code, out, err = run("consolidate", answers, "--task-type", "BoundingBox", "-o", missing)
    assert (code, out) == (1, "")
    assert f"--out: there is no folder {missing.parent}" in err


def test_an_order_of_one_has_the_shape_of_any_order(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(
        json.dumps({"item": "a", "annotator": "x", "answer": {"y": {"order": ["only"]}}}) + "\n"
    )
    code, out, _ = run("consolidate", path, "--task-type", "Ranking")
    assert code == 0
    assert json.loads(out)["label"] == {"order": ["only"]}


def test_sets_of_classes_have_the_chance_of_every_class_that_somebody_chose(tmp_path: Path) -> None:
    answers, gold = tmp_path / "a.csv", tmp_path / "gold.csv"
    answers.write_text(
        "item,annotator,label\n"
        "1,ann,cat|dog\n1,bob,cat\n1,cid,cat\n2,ann,dog\n2,bob,dog\n3,ann,|\n4,ann,\n",
        encoding="utf-8",
    )
    gold.write_text("item,label\n2,cat\n", encoding="utf-8")
    wanted = ("consolidate", answers, "--task-type", "TextClassificationMultiLabel")
    code, out, _ = run(*wanted, "--probabilities", "--gold", gold)
    assert code == 0
    first, second, third, fourth = map(json.loads, out.splitlines())
    chances = first["probabilities"]
    assert list(chances) == ["cat", "dog"]
    assert 0 < chances["dog"] < 0.5 < chances["cat"] <= 1
    (label,) = first["label"]["labels"]
    assert label == {"label": "cat", "confidence": chances["cat"]}
    assert second["probabilities"] == {"cat": 1.0, "dog": 0.0}
    assert (third["probabilities"], fourth["probabilities"]) == ({}, {})


def test_an_empty_label_that_nobody_gave_has_hardly_any_confidence_and_the_most_to_gain(
    tmp_path: Path,
) -> None:
    def marked(left: int) -> dict[str, Any]:
        box = {"label": "a", "left": left, "top": 5, "width": 20, "height": 20}
        size = {"width": 200, "height": 200}
        return {"form": {"boundingBoxes": [box], "inputImageProperties": size}}

    path = tmp_path / "a.jsonl"
    apart = [("apart", "ann", marked(0)), ("apart", "bob", marked(100))]
    alike = [(f"{n}", who, marked(10 * n)) for n in range(6) for who in ("ann", "bob")]
    lines = [
        {"item": item, "annotator": who, "answer": answer} for item, who, answer in apart + alike
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    wanted = ("consolidate", path, "--task-type", "BoundingBox", "--gain")
    first, *others = map(json.loads, run(*wanted)[1].splitlines())
    assert first["label"]["boundingBoxes"] == []
    # That there is nothing is what nobody said.
    assert first["confidence"] < 0.01
    assert first["gain"] > max(other["gain"] for other in others)
    first, *_ = map(json.loads, run(*wanted, "--method", "SupportVote")[1].splitlines())
    assert len(first["label"]["boundingBoxes"]) == 2

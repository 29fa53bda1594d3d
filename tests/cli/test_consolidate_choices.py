"""`surelabel consolidate` and `surelabel agreement` on verdicts and on preferred sides."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cli.test_consolidate import run
from surelabel.answers import CodedAnswers
from surelabel.stages.value_consensus import wanted_of_values
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import Choosing
from surelabel.tasks.valued import ValueTask
from surelabel_contract.steps import Stage, Step
from workloads.stages.mini_driver import MiniDriver

# Item, annotator, choice; "" is an abstention, and of dan's two answers the last counts.
VERDICTS = [
    ("a", "ann", "accept"), ("a", "bob", "accept"), ("a", "cid", "reject"),
    ("b", "ann", "reject"), ("b", "bob", "reject"), ("b", "cid", "reject"),
    ("c", "ann", "accept"), ("c", "bob", "reject"),
    ("d", "dan", "reject"), ("d", "dan", "accept"), ("e", "ann", ""),
]  # fmt: skip
SIDES = {"accept": "a", "reject": "b", "": ""}
CONTENT: dict[str, Any] = {
    "LabelVerification": lambda choice: {"crowd-image-classifier": {"label": choice}},
    "PairwisePreference": lambda choice: {"crowd-radio-group": {"choice": SIDES[choice]}},
}
NAMES = {"LabelVerification": ["accept", "reject"], "PairwisePreference": ["a", "b"]}
both = pytest.mark.parametrize("task_type", CONTENT)


def as_csv(path: Path, task_type: str, rows: list[tuple[str, str, str]] = VERDICTS) -> Path:
    sides = SIDES if task_type == "PairwisePreference" else {}
    lines = [f"{item},{who},{sides.get(choice, choice)}" for item, who, choice in rows]
    path.write_text("\n".join(["item,annotator,label", *lines]) + "\n", encoding="utf-8")
    return path


def as_lines(path: Path, task_type: str, rows: list[tuple[str, str, str]] = VERDICTS) -> Path:
    content = CONTENT[task_type]
    lines = [
        {"item": item, "annotator": who, "answer": content(choice) if choice else None}
        for item, who, choice in rows
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def as_responses(path: Path, task_type: str) -> Path:
    """A folder of worker responses, which knows no abstention and one answer of each person."""
    last = {(item, who): choice for item, who, choice in VERDICTS if choice}
    for item in "abcd":
        answers = [
            {"workerId": who, "answerContent": CONTENT[task_type](choice)}
            for (of, who), choice in last.items()
            if of == item
        ]
        file = path / "annotations" / "worker-response" / "iteration-1" / item / "1.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"answers": answers}), encoding="utf-8")
    return path


def lines_of(out: str) -> dict[str, Any]:
    return {line["item"]: line for line in map(json.loads, out.splitlines())}


def test_every_type_whose_label_is_a_choice_says_so() -> None:
    choosing = {name for name, task in TASK_TYPES.items() if isinstance(task, Choosing)}
    assert choosing == {"ImageClassification", "TextClassification", *CONTENT}


@both
def test_every_form_of_answers_gives_the_same_labels_and_probabilities(
    tmp_path: Path, task_type: str
) -> None:
    sources = (
        as_csv(tmp_path / "a.csv", task_type),
        as_lines(tmp_path / "a.jsonl", task_type),
        as_responses(tmp_path / "job", task_type),
    )
    wanted = ("--task-type", task_type, "--probabilities")
    table, lines, responses = (lines_of(run("consolidate", each, *wanted)[1]) for each in sources)
    assert table == lines
    assert table.pop("e") == {
        "item": "e", "label": None, "confidence": None, "probabilities": {},
    }  # fmt: skip
    assert responses.keys() == table.keys()
    first, second = NAMES[task_type]
    assert [table[item]["label"] for item in "abd"] == [first, second, first]
    for item, line in table.items():
        assert list(line["probabilities"]) == NAMES[task_type]
        assert sum(line["probabilities"].values()) == pytest.approx(1)
        assert max(line["probabilities"].values()) == pytest.approx(line["confidence"])
        assert responses[item]["probabilities"] == pytest.approx(line["probabilities"])


@both
def test_methods_gold_and_the_figures_of_annotators_are_those_of_classes(
    tmp_path: Path, task_type: str
) -> None:
    answers, people = as_lines(tmp_path / "a.jsonl", task_type), tmp_path / "people.csv"
    gold = tmp_path / "gold.csv"
    first, second = NAMES[task_type]
    gold.write_text(f"item,label\na,{second}\nb,{second}\n")
    code, out, err = run(
        "consolidate", answers, "--task-type", task_type, "--method", "DawidSkene", "--gold", gold,
        "--annotators", people, "--gain", "--probabilities",
    )  # fmt: skip
    assert code == 0, err
    found = lines_of(out)
    assert found["a"]["probabilities"] == {first: 0, second: 1}
    assert found["a"]["gain"] == found["b"]["gain"] == 0
    assert err.startswith("5 items, 9 answers of 4 annotators, 2 labels; 1 item without a label, ")
    assert ", 1 abstention, 1 answer replaced by a later one" in err
    with people.open(encoding="utf-8") as file:
        rows = {row["annotator"]: row for row in csv.DictReader(file)}
    assert {f"{first} -> {second}", f"bias {first}"} <= set(rows["ann"])
    assert [rows[who]["gold"] for who in ("ann", "bob", "cid", "dan")] == ["2", "2", "2", "0"]
    assert float(rows["cid"]["accuracy"]) > float(rows["ann"]["accuracy"])


@both
def test_a_tie_of_the_answers_is_counted(tmp_path: Path, task_type: str) -> None:
    rows = [(item, who, verdict) for item, one, other in (("x", "accept", "reject"),)
            for who, verdict in (("ann", one), ("bob", other))]  # fmt: skip
    answers = as_csv(tmp_path / "a.csv", task_type, rows)
    _, out, _ = run(
        "consolidate", answers, "--task-type", task_type, "--json", "--method", "MajorityVote",
        "-o", tmp_path / "out.jsonl",
    )  # fmt: skip
    assert json.loads(out)["tied"] == 1


@both
def test_agreement_has_kappa_and_the_alpha_of_each_choice(tmp_path: Path, task_type: str) -> None:
    answers = as_csv(tmp_path / "a.csv", task_type)
    code, out, _ = run("agreement", answers, "--task-type", task_type, "--json")
    assert code == 0
    found = json.loads(out)
    assert list(found["classes"]) == NAMES[task_type]
    assert found["fleissKappa"]["items"] == found["krippendorffAlpha"]["items"] == 3
    # Of more than two people it would have to say of which.
    assert "cohenKappa" not in found
    # By hand: 8 answers, 4 of each; within items 2 + 0 + 1 pairs differ, weighed by 1 / (n - 1).
    observed = (2 * 2 / 2 + 0 + 2 * 1 / 1) / 8
    expected = 2 * 3 * 5 / (8 * 7)
    assert found["krippendorffAlpha"]["value"] == pytest.approx(1 - observed / expected)
    assert list(found["annotators"]) == ["ann", "bob", "cid", "dan"]
    for each in (found["krippendorffAlpha"], *found["classes"].values()):
        assert each["low"] <= each["value"] <= each["high"]


@both
def test_two_annotators_have_cohens_kappa(tmp_path: Path, task_type: str) -> None:
    rows = [row for row in VERDICTS if row[1] in ("ann", "bob") and row[2]]
    answers = as_lines(tmp_path / "a.jsonl", task_type, rows)
    _, out, _ = run("agreement", answers, "--task-type", task_type, "--json")
    # They agree on 2 of 3; by chance, with 2/3 and 1/3 of the one choice, on 4/9.
    assert json.loads(out)["cohenKappa"]["value"] == pytest.approx((2 / 3 - 4 / 9) / (5 / 9))
    _, out, _ = run("agreement", answers, "--task-type", task_type)
    assert "Cohen's kappa" in out


def test_a_tie_is_a_side_of_its_own_once_somebody_says_so(tmp_path: Path) -> None:
    answers = tmp_path / "a.csv"
    rows = "".join(f"{item},{who},tie\n" for item in "xy" for who in ("ann", "bob", "cid"))
    answers.write_text(f"item,annotator,label\n{rows}z,ann,a\nz,bob,a\n", encoding="utf-8")
    _, out, _ = run("consolidate", answers, "--task-type", "PairwisePreference", "--probabilities")
    found = lines_of(out)
    assert [found[item]["label"] for item in "xyz"] == ["tie", "tie", "a"]
    assert list(found["x"]["probabilities"]) == ["a", "b", "tie"]


def test_a_known_tie_that_nobody_said_needs_to_be_named(tmp_path: Path) -> None:
    answers, gold = as_csv(tmp_path / "a.csv", "PairwisePreference"), tmp_path / "gold.csv"
    gold.write_text("item,label\na,tie\n")
    wanted = ("--task-type", "PairwisePreference", "--gold", gold)
    code, _, err = run("consolidate", answers, *wanted)
    assert code == 1
    assert (
        "--gold: item 'a': label must be one of those that the answers have (a, b); got 'tie'. "
        "Correct it, or pass --label 'tie' if nobody gave it."
    ) in err
    code, out, _ = run("consolidate", answers, *wanted, "--label", "tie")
    assert (code, lines_of(out)["a"]["label"]) == (0, "tie")
    code, _, err = run("consolidate", answers, *wanted, "--label", "both")
    assert code == 1
    assert "must be one of 'a', 'b', 'tie'; got 'both'" in err


def test_comments_on_an_earlier_label_stay_with_the_verdict(tmp_path: Path) -> None:
    answers = tmp_path / "a.jsonl"
    told = [("ann", "bad", "too wide"), ("bob", "bad", ""), ("ann", "bad", "much too wide")]
    answers.write_text(
        "".join(
            json.dumps({"item": "x", "annotator": who,
                        "answer": {"f": {"label": label, "comment": comment}}}) + "\n"
            for who, label, comment in told
        )
    )  # fmt: skip
    _, out, _ = run("consolidate", answers, "--task-type", "LabelVerification")
    assert lines_of(out)["x"]["comments"] == ["much too wide"]


@both
def test_a_job_and_the_command_line_make_the_same_labels(tmp_path: Path, task_type: str) -> None:
    labels = NAMES["LabelVerification"] if task_type == "LabelVerification" else ()
    # Three people of three, so that no order decides; one of them is often wrong.
    driver = MiniDriver(
        tmp_path, labels=labels, task_type=task_type, accuracies=(950, 900, 600), max_rounds=1
    )
    truth = [CONTENT[task_type](("accept", "reject")[n % 3 == 0]) for n in range(60)]
    driver.write_input([{"source": f"{n}"} for n in range(60)], truth, key="answer")
    driver.run_job()
    (segment,) = (driver.path / driver.keys.rounds).rglob("answers/*.jsonl")
    _, out, _ = run("consolidate", segment, "--task-type", task_type)
    found = lines_of(out)
    tasks = (driver.path / driver.reports[0].carry["tasks"].key).read_bytes().splitlines()
    item_of = {task["source"]: task["itemId"] for task in map(json.loads, tasks)}
    for line in map(json.loads, driver.output_lines()):
        own, label = found[item_of[line["source"]]], line["job"]
        name = label["choice"] if task_type == "PairwisePreference" else labels[label]
        assert own["label"] == name
        assert own["confidence"] == pytest.approx(line["job-metadata"]["confidence"], abs=1e-4)
    assert len(found) == 60


@both
def test_more_answers_are_asked_for_where_the_command_line_says(
    tmp_path: Path, task_type: str
) -> None:
    # Two of those who are mostly right may turn what one said who is not.
    sure = [(item, who, ("accept", "reject")[(item in "egi") != (who == "dan" and item in "efg")])
            for item in "efghij" for who in ("ann", "bob", "cid", "dan")]  # fmt: skip
    rows = [*(row for row in VERDICTS if row[2]), *sure]
    answers = as_csv(tmp_path / "a.csv", task_type, rows)
    _, out, _ = run("consolidate", answers, "--task-type", task_type, "--gain")
    task = TASK_TYPES[task_type]
    assert isinstance(task, ValueTask)
    labels = NAMES["LabelVerification"] if task_type == "LabelVerification" else ()
    last = {("abcdefghij".index(item), who): choice for item, who, choice in rows}
    told = [task.parse_answer(CONTENT[task_type](choice), labels) for choice in last.values()]
    people, contents = tuple(sorted({who for _, who in last})), tuple(sorted(set(told)))
    coded = CodedAnswers(
        np.array([line for line, _ in last]),
        np.array([people.index(who) for _, who in last], np.int32),
        np.array([contents.index(each) for each in told], np.int32),
        people,
        contents,
    )
    step = Step(round=1, stage=Stage.CONSOLIDATE, pass_=1)

    def doubt(annotators: int) -> Mapping[int, float]:
        driver = MiniDriver(tmp_path, labels=labels, task_type=task_type)
        config = driver.config(step, None, annotators_per_item=annotators)
        decoded: Any = SimpleNamespace(
            value=lambda each: task.value_of(each, labels), look_ahead_coded=lambda _: None
        )
        return wanted_of_values(config, task, coded, decoded).value

    loop, found = doubt(3), lines_of(out)
    n_answers = [sum(line == own for line, _ in last) for own in range(4)]
    assert [loop[line] for line in range(4)] == pytest.approx(
        [1.0 if n == 1 else 1 - found[item]["confidence"]
         for item, n in zip("abcd", n_answers, strict=True)], abs=1e-4
    )  # fmt: skip
    assert loop[3] > loop[1]
    # Nobody asked for a second answer to it.
    assert doubt(1)[3] == 0


FORMS = [("1", "ann", "heron"), ("1", "bob", "heron"), ("1", "cid", "duck"), ("2", "ann", "duck"),
         ("2", "bob", "duck"), ("2", "cid", "duck")]  # fmt: skip


def test_a_field_of_a_form_is_consolidated_as_the_same_classes_are(tmp_path: Path) -> None:
    forms, table, gold = tmp_path / "a.jsonl", tmp_path / "a.csv", tmp_path / "gold.csv"
    lines = [
        {"item": item, "annotator": who, "answer": {"animal": said, "comment": f"by {who}"}}
        for item, who, said in FORMS
    ]
    forms.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    as_csv(table, "TextClassification", FORMS)
    gold.write_text("item,label\n2,duck\n", encoding="utf-8")
    more = ("--method", "DawidSkene", "--probabilities", "--gain", "--gold", gold)
    code, of_forms, _ = run(
        "consolidate", forms, "--task-type", "Custom", "--field", "animal", *more
    )
    assert code == 0
    assert of_forms == run("consolidate", table, "--task-type", "TextClassification", *more)[1]
    assert run("agreement", forms, "--task-type", "Custom", "--field", "animal") == run(
        "agreement", table, "--task-type", "TextClassification"
    )


def test_a_field_is_of_a_form(tmp_path: Path) -> None:
    table = as_csv(tmp_path / "a.csv", "TextClassification", FORMS)
    code, _, err = run("consolidate", table, "--task-type", "TextClassification", "--field", "x")
    assert code == 1
    assert "--field: only answers of Custom have fields of a form" in err

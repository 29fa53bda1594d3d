"""`surelabel consolidate` and `surelabel agreement` where a label is a class."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from surelabel.answers import CodedAnswers
from surelabel.consolidation import METHODS
from surelabel.stages.consensus import wanted_of_classes
from surelabel_cli.main import app
from surelabel_contract.steps import Stage, Step
from workloads.consolidation.crowds import team_crowd
from workloads.stages.mini_driver import MiniDriver

ANSWERS = """item,annotator,label
a.png,ann,cat
a.png,bob,cat
a.png,cid,dog
b.png,ann,dog
b.png,bob,dog
b.png,cid,dog
c.png,ann,
c.png,bob,cat
d.png,cid,
"""


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    path.write_text(ANSWERS, encoding="utf-8")
    return path


def test_one_line_an_item_in_the_order_of_first_answers(answers: Path) -> None:
    code, out, err = run("consolidate", answers, "--task-type", "ImageClassification")
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["item"] for line in lines] == ["a.png", "b.png", "c.png", "d.png"]
    assert [line["label"] for line in lines] == ["cat", "dog", "cat", None]
    assert lines[3]["confidence"] is None
    assert lines[1]["confidence"] > lines[0]["confidence"] > 0.5
    assert err.startswith(
        "4 items, 7 answers of 3 annotators, 2 labels; 1 item without a label, 0 ties, 2 absten"
    )


def test_labels_that_look_the_same_are_one(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    rows = "i,a,cafe\u0301\n i,b,caf\u00e9 \ni ,c , caf\u00e9\ni,d,x\n"
    path.write_text(f"item,annotator,label\n{rows}", encoding="utf-8")
    code, out, err = run("consolidate", path, "--task-type", "ImageClassification", "--label", "x ")
    assert code == 0
    (line,) = [json.loads(line) for line in out.splitlines()]
    assert (line["item"], line["label"]) == ("i", "caf\u00e9")
    assert "1 item, 4 answers of 4 annotators, 2 labels" in err


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_name_here_and_its_probabilities_sum_to_one(
    answers: Path, method: str
) -> None:
    wanted = ("--task-type", "TextClassification", "--method", method, "--probabilities")
    code, out, _ = run("consolidate", answers, *wanted)
    assert code == 0
    for line in map(json.loads, out.splitlines()):
        if line["label"] is None:
            assert line["probabilities"] == {}
            continue
        assert sum(line["probabilities"].values()) == pytest.approx(1)
        assert line["probabilities"][line["label"]] == pytest.approx(line["confidence"])


def test_gain_tells_where_two_more_answers_help(answers: Path, tmp_path: Path) -> None:
    wanted = ("--task-type", "ImageClassification", "--gain")
    code, out, _ = run("consolidate", answers, *wanted)
    assert code == 0
    lines = {line["item"]: line for line in map(json.loads, out.splitlines())}
    gain = {name: line["gain"] for name, line in lines.items()}
    # Two cannot turn what three agree on; without an answer nobody can tell.
    assert gain["b.png"] == 0
    assert 0 < gain["a.png"] < 1
    assert gain["d.png"] is None
    # The loop asks by the confidence of the same labels.
    item, who, label = np.array([0, 0, 0, 1, 1, 1, 2]), [0, 1, 2, 0, 1, 2, 1], [0, 0, 1, 1, 1, 1, 0]
    coded = CodedAnswers(
        item, np.array(who, np.int32), np.array(label, np.int32), ("ann", "bob", "cid")
    )
    driver = MiniDriver(tmp_path, labels=("cat", "dog"))
    step = Step(round=1, stage=Stage.CONSOLIDATE, pass_=1)
    config = driver.config(step, None, annotators_per_item=3)
    loop = wanted_of_classes(config, coded, None, is_sealed=False).value
    doubt = [1 - lines[name]["confidence"] for name in ("a.png", "b.png")]
    assert doubt == pytest.approx([loop[0], loop[1]], abs=1e-4)
    assert loop[2] == 1
    (tmp_path / "gold.csv").write_text("item,label\na.png,dog\n")
    _, out, _ = run("consolidate", answers, *wanted, "--gold", tmp_path / "gold.csv")
    assert json.loads(out.splitlines()[0])["gain"] == 0


def test_gold_stands_and_a_label_that_nobody_gave_is_named(answers: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.csv"
    gold.write_text("label,item\nbird,a.png\ndog,elsewhere.png\n")
    out = tmp_path / "labels.jsonl"
    wanted = ("--task-type", "TextClassification", "--gold", gold, "-o", out, "--json")
    code, said, err = run("consolidate", answers, *wanted, "--label", "bird")
    assert code == 0
    assert "--gold: 1 of 2 items have no answer and are left out; the first: 'elsewhere.png'" in err
    first = json.loads(out.read_text().splitlines()[0])
    assert first == {"item": "a.png", "label": "bird", "confidence": 1.0}
    summary = json.loads(said)
    assert (summary["items"], summary["labels"], summary["abstentions"]) == (4, 3, 2)
    assert summary["converged"] is True
    assert summary["agreement"]["items"] == 2


def test_annotators_are_written_with_their_flags(tmp_path: Path) -> None:
    crowd = team_crowd(1, (0.9, 0.85, 0.8, 0.9, 0.75), 200, 3, per_item=5)
    label = np.where(crowd.annotator == 2, 1, crowd.label)
    answers, out = tmp_path / "answers.csv", tmp_path / "annotators.csv"
    with answers.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["annotator", "label", "item", "time"])
        for i, who, what in zip(crowd.item, crowd.annotator, label, strict=True):
            writer.writerow([f"person {who}", f"class, {what}", f"item {i}", "12:00"])
    wanted = ("--task-type", "TextClassification", "--annotators", out, "-o", tmp_path / "x")
    assert run("consolidate", answers, *wanted)[0] == 0
    with out.open(newline="") as file:
        rows = {row["annotator"]: row for row in csv.DictReader(file)}
    assert len(rows) == 5
    assert "Spam" in rows["person 2"]["flags"]
    assert float(rows["person 2"]["bias class, 1"]) > 0.5
    assert rows["person 0"]["flags"] == ""
    assert float(rows["person 0"]["accuracy"]) == pytest.approx(0.9, abs=0.1)


def test_times_and_confusion_of_annotators_are_columns(tmp_path: Path) -> None:
    lines = [
        {"item": f"{item}", "annotator": who, "timeSpentInSeconds": seconds,
         "answer": {"x": {"label": "cat" if who == "dan" else ("cat", "dog")[item % 2]}}}
        for item in range(20)
        for who, seconds in (("ann", 20), ("bob", 30), ("cid", 24.5), ("dan", 1))
    ]  # fmt: skip
    # The answer that counts is the last one, and so is its time.
    lines.insert(0, {**lines[0], "timeSpentInSeconds": 5000})
    answers, out = tmp_path / "answers.jsonl", tmp_path / "annotators.csv"
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines))
    wanted = ("--task-type", "ImageClassification", "--annotators", out, "-o", tmp_path / "x")
    assert run("consolidate", answers, *wanted)[0] == 0
    with out.open(newline="") as file:
        rows = {row["annotator"]: row for row in csv.DictReader(file)}
    seconds = [row["medianSeconds"] for row in rows.values()]
    assert seconds == ["20.0000", "30.0000", "24.5000", "1.0000"]
    assert "Haste" in rows["dan"]["flags"].split()
    assert all("Haste" not in rows[name]["flags"] for name in ("ann", "bob", "cid"))
    assert float(rows["dan"]["dog -> cat"]) > 0.8
    assert float(rows["ann"]["dog -> dog"]) > 0.8
    for row in rows.values():
        assert float(row["dog -> cat"]) + float(row["dog -> dog"]) == pytest.approx(1, abs=2e-4)


def test_agreement_is_told_for_all_by_class_and_by_annotator(answers: Path) -> None:
    code, out, _ = run("agreement", answers, "--task-type", "TextClassification")
    assert code == 0
    titles = [line.split("  ")[0] for line in out.splitlines()]
    assert titles == [
        "Krippendorff's alpha",
        "Fleiss' kappa",
        "alpha of class cat",
        "alpha of class dog",
        "alpha of annotator ann",
        "alpha of annotator bob",
        "alpha of annotator cid",
    ]
    code, out, _ = run("agreement", answers, "--task-type", "TextClassification", "--json")
    found = json.loads(out)
    # Two items of three answers: one pair of three disagrees in the first, none in the second.
    assert found["krippendorffAlpha"]["value"] == pytest.approx(1 - (2 / 6) / (16 / 30))
    assert set(found["annotators"]) == {"ann", "bob", "cid"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: the first line must name the columns item,annotator,label; missing: item, "
         "annotator, label; got ''."),
        ("item,worker,label\n", "1: the first line must name the columns item,annotator,label; "
         "missing: annotator; got 'item,worker,label'."),
        ("item,annotator,label\n", "has no answers; write one a line below the first line."),
        ("item,annotator,label\na,b,c\na,b,c,d\n", "3: must have 3 columns as the first line; "
         "got 4. Put text with commas in double quotes."),
        ("item,annotator,label\n,b,c\n", "2: item must not be empty; name it, or leave the line "
         "out."),
        ("item,annotator,label, label\na,b,c,d\n", "1: a column must have a name of its own; got "
         "'item,annotator,label,label', where label stands 2 times. Remove or rename one."),
        ('item,annotator,label\na,b,"c" d\n', "2: is not CSV: "),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_its_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(text)
    code, out, err = run("consolidate", path, "--task-type", "TextClassification")
    assert (code, out) == (1, "")
    assert err.startswith(f"surelabel: {path}:")
    assert expected in err


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_bytes(b"item,annotator,label\n\xff\xfe,b,c\n")
    code, _, err = run("agreement", path, "--task-type", "TextClassification")
    assert code == 1
    assert "must be UTF-8" in err


def test_gold_with_two_truths_is_refused(answers: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.csv"
    gold.write_text("item,label\na.png,cat\na.png,dog\n")
    wanted = ("--task-type", "TextClassification", "--gold", gold)
    code, _, err = run("consolidate", answers, *wanted)
    assert code == 1
    assert f"{gold}:3: item 'a.png' has another truth in {gold}:2. One item has one truth" in err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("g.csv", "item,label\na.png,catt\n", ":2: label must be one of the 2 that the answers "
         "have (cat, dog); got 'catt'. Did you mean 'cat'? Correct it, or pass --label 'catt' if"),
        ("g.csv", "item,label\na.png,\n", ":2: label must not be empty; leave the line out"),
        ("g.csv", "item,label\n", ": has no gold items; write one a line, or leave --gold out."),
        ("g.csv", "item,label\nA.PNG,cat\n", ": item must be one of the 4 items of the answers, "
         "such as 'a.png'; got 'A.PNG', and none of 1 is. Correct the names."),
        ("g.jsonl", '{"item": "a.png"}', ":1: answer must not be empty; leave the line out"),
        ("g.jsonl", '{"item": "a.png", "answer": {"x": {"label": "bird"}}}', ":1: label must be"),
        ("g.jsonl", "[]", ":1: a line must be an object with item and answer; got []."),
        ("g.jsonl", "{", ":1: a line must be one JSON object: "),
    ],
)  # fmt: skip
def test_gold_that_cannot_be_is_refused_with_line_rule_and_value(
    answers: Path, tmp_path: Path, name: str, text: str, message: str
) -> None:
    gold = tmp_path / name
    gold.write_text(text)
    code, out, err = run(
        "consolidate", answers, "--task-type", "TextClassification", "--gold", gold
    )
    assert (code, out) == (1, "")
    assert f"{gold}{message}" in err


def test_a_gold_file_that_is_not_there_is_named(answers: Path, tmp_path: Path) -> None:
    wanted = ("--task-type", "TextClassification", "--gold", tmp_path / "no.csv")
    code, _, err = run("consolidate", answers, *wanted)
    assert (code, err) == (
        1, f"surelabel: --gold: {tmp_path / 'no.csv'}: there is no such file.\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--task-type", "Boxes"), "--task-type must be one of ImageClassification, "),
        (("--task-type", "TextClassification", "--method", "MV"), "--method must be one of Auto, "),
    ],
)
def test_unknown_names_are_refused_with_those_that_there_are(
    answers: Path, arguments: tuple[str, ...], expected: str
) -> None:
    code, _, err = run("consolidate", answers, *arguments)
    assert code == 1
    assert expected in err


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, _, err = run("agreement", tmp_path / "no.csv", "--task-type", "TextClassification")
    assert (code, err) == (1, f"surelabel: {tmp_path / 'no.csv'}: there is no such file.\n")


@pytest.mark.parametrize("label", ["--label=", "--label= "])
@pytest.mark.parametrize("task_type", ["TextClassification", "BoundingBox", "FreeText"])
def test_an_empty_label_is_refused_since_it_would_make_answers_of_abstentions(
    answers: Path, task_type: str, label: str
) -> None:
    code, out, err = run("consolidate", answers, "--task-type", task_type, label)
    assert (code, out) == (1, "")
    assert err.startswith("surelabel: --label: must be the name of a label; got ''.")


@pytest.mark.parametrize(("sign", "name"), [("\t", "tabs"), (";", "semicolons")])
def test_a_table_with_another_sign_between_columns_says_so(
    tmp_path: Path, sign: str, name: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(ANSWERS.replace(",", sign), encoding="utf-8")
    code, _, err = run("consolidate", path, "--task-type", "TextClassification")
    assert code == 1
    assert err.endswith(f"Its columns have {name} between them: write commas.\n")


@pytest.mark.parametrize("uri", ["s3://", "s3:///"])
def test_a_store_without_a_bucket_says_how_to_write_it(uri: str) -> None:
    code, _, err = run("consolidate", uri, "--task-type", "TextClassification")
    assert code == 1
    assert "got ''. Write it like s3://bucket/path." in err

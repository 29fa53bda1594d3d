"""What a command writes: never over its input, never half of a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from surelabel_cli.errors import UserError
from surelabel_cli.main import app
from surelabel_cli.output_files import check_outputs, whole_file

ANSWERS = "item,annotator,label\n1,a,x\n1,b,x\n2,a,y\n"


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    path.write_text(ANSWERS)
    return path


@pytest.mark.parametrize("option", ["--out", "--annotators"])
def test_answers_are_never_written_over(answers: Path, option: str) -> None:
    other = answers.parent / "." / answers.name
    wanted = ("consolidate", answers, "--task-type", "TextClassification", option, other)
    code, out, err = run(*wanted)
    assert (code, out) == (1, "")
    assert f"{option}: {other} is ANSWERS already" in err
    assert answers.read_text() == ANSWERS


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(UserError, match=r"--annotators: .*out is --out already"):
        check_outputs({"--out": path, "--annotators": path}, {})


def test_a_folder_is_told_before_anything_is_done(answers: Path) -> None:
    wanted = ("consolidate", answers, "--task-type", "TextClassification")
    code, out, err = run(*wanted, "--annotators", answers.parent)
    assert (code, out) == (1, "")
    assert f"--annotators: must be a file; {answers.parent} is a folder" in err


def test_what_was_there_stays_until_the_new_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("before")
    path.chmod(0o600)
    with pytest.raises(KeyboardInterrupt), whole_file(path) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert [each.name for each in tmp_path.iterdir()] == ["labels.jsonl"]
    assert path.read_text() == "before"
    with whole_file(path) as file:
        file.write("whole")
    assert path.read_text() == "whole"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with whole_file(path) as file:
        file.write("through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_compare_without_a_job_says_so(answers: Path) -> None:
    wanted = ("consolidate", answers, "--task-type", "TextClassification", "--compare")
    code, out, err = run(*wanted)
    assert (code, out) == (1, "")
    assert "--compare: ANSWERS has no labels that a job made" in err


def test_numbers_name_items_and_annotators_as_words_do(tmp_path: Path) -> None:
    path, gold = tmp_path / "answers.jsonl", tmp_path / "gold.jsonl"
    lines = [
        {"item": 1, "annotator": 7, "answer": {"it": {"label": "x"}}},
        {"item": True, "annotator": 7, "answer": {"it": {"label": "x"}}},
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    gold.write_text("\ufeff" + json.dumps({"item": 1, "answer": {"it": {"label": "x"}}}) + "\n")
    code, out, err = run("consolidate", path, "--task-type", "TextClassification", "--gold", gold)
    assert code == 0, err
    assert json.loads(out)["item"] == "1"
    assert "item: must be a string, not empty, or a whole number; got True" in err


@pytest.mark.parametrize("word", ["1_0", "٣", "0x1", "nan", "1e", ""])
def test_what_is_no_number_to_people_is_no_rating(tmp_path: Path, word: str) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(f"item,annotator,label\n1,a,{word}\n1,b, 4.5 \n2,a,3\n")
    code, out, _ = run("consolidate", path, "--task-type", "Rating")
    assert code == 0
    assert json.loads(out.splitlines()[0])["label"]["value"] == pytest.approx(4.5, abs=1)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a place that takes no files")
def test_where_no_file_can_be_made_a_message_says_so(answers: Path) -> None:
    wanted = ("consolidate", answers, "--task-type", "TextClassification")
    code, _, err = run(*wanted, "--out", "/proc/labels.jsonl")
    assert code == 1
    assert err.startswith("surelabel: /proc/labels.jsonl: no file can be made in /proc: ")
    manifest = answers.parent / "in.manifest"
    line = {"source": "x", "l": 0, "l-metadata": {"type": "groundtruth/text-classification",
            "class-name": "a"}}  # fmt: skip
    manifest.write_text(json.dumps(line))
    for to, out in (("csv", "/proc/x"), ("huggingface", "/proc/x")):
        code, _, err = run("convert", manifest, "--to", to, "--out", out)
        assert (code, err[:37]) == (1, "surelabel: --out: /proc/x cannot be m")

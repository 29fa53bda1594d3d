"""A field of a custom form is a class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from surelabel.answer_files import read_given_answers
from surelabel.answer_files.form_fields import by_field


def given_of(path: Path, *contents: Any):
    lines = [
        {"item": "1", "annotator": f"p{number}", "answer": content}
        for number, content in enumerate(contents)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return read_given_answers(path, "Custom")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"animal": "heron", "sure": True}, "heron"),
        ({"crowd-form": {"animal": " heron "}}, "heron"),
        ({"animal": {"heron": True, "duck": False}}, "heron"),
        ({"animal": True}, "true"),
        ({"animal": 4}, "4"),
        ({"animal": 2.5}, "2.5"),
        ({"animal": ""}, None),
        ({"animal": None, "sure": False}, None),
        ({"animal": {"heron": False, "duck": False}}, None),
    ],
)
def test_what_stands_in_the_field_is_the_class(tmp_path, content, name):
    given = by_field(given_of(tmp_path / "a.jsonl", content, {"animal": "duck"}), "animal")
    assert given.set_aside == ()
    first, second = given.answers
    assert (first.value and given.classes.names[first.value.label]) == name
    assert given.classes.names[second.value.label] == "duck"
    assert list(given.classes.names) == sorted(given.classes.names)


def test_a_dot_leads_into_objects(tmp_path):
    given = given_of(tmp_path / "a.jsonl", {"bird": {"kind": "heron"}, "sure": True})
    assert by_field(given, "bird.kind", ["duck"]).classes.names == ("duck", "heron")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"sure": True, "x": 1}, "must be an object with the key 'animal'"),
        ({"animal": ["heron"]}, "animal: must be a text, a number, true or false"),
        ({"animal": {"heron": True, "duck": True}}, "animal: must be one choice"),
    ],
)
def test_an_answer_without_a_class_there_is_set_aside(tmp_path, content, message):
    given = by_field(given_of(tmp_path / "a.jsonl", content, {"animal": "duck"}), "animal")
    (aside,) = given.set_aside
    assert (aside.item, aside.where) == ("1", "item '1', annotator 'p0'")
    assert message in aside.message
    assert len(given.answers) == 1

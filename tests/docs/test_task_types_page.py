"""The page of task types: every type is there, and every example is an answer of its type."""

from __future__ import annotations

import json
import re
from pathlib import Path

from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.task_types import TASK_TYPE_FACTS

PAGE = (Path(__file__).parents[2] / "docs/guides/task-types.md").read_text(encoding="utf-8")
LABELS = ("Falcon", "Heron", "Duck")
WORDS = {None: "any", 0: "none", 1: "1 or more", 2: "2 or more"}


def test_the_table_has_every_type_with_its_labels() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", PAGE, re.MULTILINE))
    assert rows == {name: WORDS[facts.least_labels] for name, facts in TASK_TYPE_FACTS.items()}


def test_every_example_is_a_line_of_a_truth_file() -> None:
    examples = dict(re.findall(r"^```json (\w+)\n(.+)\n```$", PAGE, re.MULTILINE))
    of_values = {name for name, task in TASK_TYPES.items() if isinstance(task, ValueTask)}
    assert set(examples) == of_values
    for name, line in examples.items():
        content = json.loads(line)
        task = TASK_TYPES[name]
        labels = LABELS if task.needs_labels else ()
        coded = task.read_truth(content, labels)
        assert task.answer_content(coded, labels) == content["answer"]

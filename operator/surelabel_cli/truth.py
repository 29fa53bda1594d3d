"""Compares an output manifest with the hidden truth; the demo's last comparison, nothing else.

The job itself never sees the truth: this reads it after the job's end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Wrong:
    """How many labels of one origin there are, and how many of them are wrong."""

    labels: int
    wrong: int

    @property
    def percent(self) -> float:
        """Share of wrong ones; 0 without labels."""
        return 100 * self.wrong / self.labels if self.labels else 0.0


@dataclass(frozen=True)
class Comparison:
    """Labels against the truth, by origin, and the lines without a label."""

    human: Wrong
    machine: Wrong
    unlabeled: int

    @property
    def all(self) -> Wrong:
        """Human and machine labels together."""
        return Wrong(self.human.labels + self.machine.labels, self.human.wrong + self.machine.wrong)


def compare(manifest: Path, truth: Path, attribute: str) -> Comparison:
    """Line by line, since both files are in the order of the input manifest."""
    labels = {"yes": 0, "no": 0}
    wrong = {"yes": 0, "no": 0}
    unlabeled = 0
    for line, true in zip(_lines(manifest), _lines(truth), strict=True):
        metadata = line.get(f"{attribute}-metadata")
        if metadata is None:
            unlabeled += 1
            continue
        by = metadata["human-annotated"]
        labels[by] += 1
        wrong[by] += metadata["class-name"] != true["label"]
    return Comparison(
        human=Wrong(labels["yes"], wrong["yes"]),
        machine=Wrong(labels["no"], wrong["no"]),
        unlabeled=unlabeled,
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)

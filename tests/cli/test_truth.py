"""The comparison with the hidden truth, by who gave the label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from surelabel_cli.truth import Comparison, Wrong, compare


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def labeled(name: str, by: str) -> dict[str, Any]:
    return {"source": "x", "d": 0, "d-metadata": {"class-name": name, "human-annotated": by}}


def test_people_machines_and_items_without_a_label_are_counted_apart(tmp_path: Path) -> None:
    manifest = write(
        tmp_path / "out",
        labeled("a", "yes"),
        labeled("b", "yes"),
        labeled("a", "no"),
        {"source": "x"},
    )
    truth = write(tmp_path / "truth", *({"label": "a"} for _ in range(4)))
    found = compare(manifest, truth, "d")
    assert found == Comparison(human=Wrong(2, 1), machine=Wrong(1, 0), unlabeled=1)
    assert found.all == Wrong(3, 1)
    assert found.human.percent == 50.0


def test_files_of_different_length_are_not_compared(tmp_path: Path) -> None:
    manifest = write(tmp_path / "out", labeled("a", "yes"))
    with pytest.raises(ValueError, match="zip"):
        compare(manifest, write(tmp_path / "truth"), "d")

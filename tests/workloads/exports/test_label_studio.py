"""Label Studio's JSON, read by its own converter."""

from __future__ import annotations

import json
import math

import pytest

from surelabel.exports import EXPORTS
from surelabel.tasks.values import Boxes
from workloads.exports.examples import (
    ROTATED,
    SIZE,
    images,
)
from workloads.exports.sameness import assert_same


def turned(x: float, y: float, degrees: float) -> complex:
    """A vector, turned clockwise as seen (y points down)."""
    return complex(x, y) * complex(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))


def test_label_studio_turns_about_the_corner(tmp_path):
    data = images("BoundingBox", Boxes((ROTATED,), SIZE))
    EXPORTS["label-studio"].write(data, tmp_path)
    (task,) = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    (result,) = task["annotations"][0]["result"]
    value = result["value"]
    assert value["rectanglelabels"] == ["Ärger 🐦"]
    corner = complex(value["x"] * 0.4, value["y"] * 0.2)
    width, height = value["width"] * 0.4, value["height"] * 0.2
    assert (width, height, value["rotation"]) == (pytest.approx(12), pytest.approx(6), 30)
    # From the corner along both sides to the middle, which is that of the upright box.
    middle = corner + turned(width / 2, height / 2, 30)
    assert (middle.real, middle.imag) == (pytest.approx(16), pytest.approx(8))
    assert_same(data, EXPORTS["label-studio"].read(tmp_path, None))

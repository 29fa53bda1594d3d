"""What an export cannot carry, in the same words for every format."""

from __future__ import annotations

from surelabel.exports.dataset import LabeledData
from surelabel.plural import counted
from surelabel.tasks.values import Boxes


def no_size(name: str) -> str:
    """For a format that has the image's size, or shares of it."""
    return f"{name}: left out: the size of the image is not known."


def no_text(name: str) -> str:
    """For a format that has the text itself."""
    return f"{name}: left out: its text is not in the manifest."


def of_rotated(data: LabeledData, instead: str) -> list[str]:
    """For a format without rotation; ``instead`` says what it has. [] where nothing is rotated."""
    values = [example.label.value for example in data.examples]
    n = sum(bool(box.rotation) for v in values if isinstance(v, Boxes) for box in v.boxes)
    return [f"{counted(n, 'rotated box', 'rotated boxes')}: {instead}"] if n else []


def of_confidences(data: LabeledData, format_name: str) -> list[str]:
    """For a format that has no place for them. [] where none are known."""
    if not any(example.label.confidences for example in data.examples):
        return []
    return [f"confidences: left out, {format_name} has none."]

"""Whether two sets of labeled data say the same, whatever order their classes have."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surelabel.exports import LabeledData
from surelabel.tasks.values import SemanticMask


def said(value: Any, names: tuple[str, ...]) -> Any:
    """A value as nested lists, classes by name: two of equal meaning are approximately equal."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "__dataclass_fields__"):
        skipped = ("ref", "palette", "image")
        found = {k: getattr(value, k) for k in value.__dataclass_fields__ if k not in skipped}
        for key in ("label", "labels"):
            if isinstance(found.get(key), int):
                found[key] = names[found[key]]
            elif isinstance(found.get(key), tuple):
                found[key] = [names[code] for code in found[key]]
        if isinstance(value, SemanticMask):
            found["mask"] = [[names[c] if c >= 0 else "" for c in row] for row in value.mask]
        return {key: said(each, names) for key, each in found.items()}
    return [said(each, names) for each in value] if isinstance(value, tuple) else value


def flattened(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = [part for key in sorted(value) for part in (key, value[key])]
    if isinstance(value, list):
        for each in value:
            yield from flattened(each)
    else:
        yield pytest.approx(value, abs=1e-5) if isinstance(value, float | int) else value


def assert_same(first: LabeledData, second: LabeledData) -> None:
    pairs = zip(first.examples, second.examples, strict=True)
    for one, other in pairs:
        wanted = list(flattened(said(one.label.value, first.classes.names)))
        found = said(other.label.value, second.classes.names)
        if "points" in found:
            # Which point belongs to which object is not ours to say.
            key = lambda point: (point["x"], point["y"])  # noqa: E731
            found["points"].sort(key=key)
            sorted_one = said(one.label.value, first.classes.names)
            sorted_one["points"].sort(key=key)
            wanted = list(flattened(sorted_one))
        assert _plain(found) == wanted
        assert other.source == one.source or other.source == first.names[first.examples.index(one)]
        assert one.is_text == other.is_text


def _plain(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [p for key in sorted(value) for p in (key, *_plain(value[key]))]
    return [p for each in value for p in _plain(each)] if isinstance(value, list) else [value]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

"""What stands in a converted resource for a value that nobody but its author knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

PLACEHOLDER = "REPLACE-ME"

Path = tuple[str | int, ...]


def placeholders(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Path and text of every text in ``value`` that still has the placeholder."""
    if isinstance(value, str) and PLACEHOLDER in value:
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from placeholders(each, (*path, key))
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from placeholders(each, (*path, position))

"""Prints what Hugging Face's datasets reads in each folder named: features and rows, as JSON.

What it has read it saves again, in FOLDER.parquet.

Runs in the environment of readers.lock, without ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import datasets


def main(folders: list[str]) -> None:
    """One line a folder."""
    datasets.disable_progress_bars()
    for folder in folders:
        found = datasets.load_dataset(folder, split="train")
        names = list(class_labels(found.features))
        found.to_parquet(f"{folder}.parquet")
        print(json.dumps({"rows": list(found), "names": names, "types": str(found.features)}))


def class_labels(feature: Any) -> Iterator[list[str]]:
    """The names of every ClassLabel of a feature, wherever in it."""
    if isinstance(feature, datasets.ClassLabel):
        yield feature.names
    elif isinstance(feature, dict):
        for each in feature.values():
            yield from class_labels(each)
    elif hasattr(feature, "feature"):
        yield from class_labels(feature.feature)


if __name__ == "__main__":
    main(sys.argv[1:])

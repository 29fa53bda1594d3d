"""Prints what Hugging Face's datasets reads in each folder named: features and rows, as JSON.

Runs in the environment of readers.lock, without ours.
"""

from __future__ import annotations

import json
import sys

import datasets


def main(folders: list[str]) -> None:
    """One line a folder."""
    datasets.disable_progress_bars()
    for folder in folders:
        found = datasets.load_dataset(folder, split="train")
        names = {
            name: feature.names
            for name, feature in found.features.items()
            if isinstance(feature, datasets.ClassLabel)
        }
        names |= {
            name: feature.feature.names
            for name, feature in found.features.items()
            if isinstance(getattr(feature, "feature", None), datasets.ClassLabel)
        }
        print(json.dumps({"rows": list(found), "names": names, "types": str(found.features)}))


if __name__ == "__main__":
    main(sys.argv[1:])

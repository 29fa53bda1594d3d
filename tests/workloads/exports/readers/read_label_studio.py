"""Prints what Label Studio's SDK makes of each folder named: tasks.json and labeling_config.xml.

Runs in the environment of readers.lock, without ours. One line of JSON a folder: what in each
annotation does not fit the labeling interface, and what its converter writes in other formats.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path

from label_studio_sdk.converter import Converter
from label_studio_sdk.label_interface import LabelInterface

FORMATS = ("JSON_MIN", "COCO", "YOLO_OBB", "CONLL2003")


def main(folders: list[str]) -> None:
    """One line a folder."""
    for folder in map(Path, folders):
        config = (folder / "labeling_config.xml").read_text(encoding="utf-8")
        tasks = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
        interface = LabelInterface(config)
        interface.validate()
        wrong = [wrong_in(interface, each) for task in tasks for each in task["annotations"]]
        # The converter prints its progress.
        with contextlib.redirect_stdout(sys.stderr):
            written = {name: converted(config, folder / "tasks.json", name) for name in FORMATS}
        print(json.dumps({"wrong": wrong} | written))


def wrong_in(interface: LabelInterface, annotation: dict) -> list[str]:
    """Why the annotation does not fit; a prediction is the same thing, and has its reasons told."""
    if interface.validate_annotation(annotation):
        return []
    return interface.validate_prediction(annotation, return_errors=True) or ["not valid"]


def converted(config: str, tasks: Path, name: str) -> dict[str, str] | None:
    """The files that the converter writes; None where it does not have the format for these."""
    with tempfile.TemporaryDirectory() as out:
        try:
            Converter(config, project_dir=None).convert(str(tasks), out, name, is_dir=False)
        except ValueError:
            return None
        files = [path for path in Path(out).rglob("*") if path.is_file()]
        return {path.name: path.read_text(encoding="utf-8") for path in files}


if __name__ == "__main__":
    main(sys.argv[1:])

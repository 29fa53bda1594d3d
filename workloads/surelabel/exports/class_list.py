"""The classes beside files of a format that names a class only where something has it.

They stand in ``labels.json``, in the form of Ground Truth's label category files, so that classes
that nothing has, their order and short names survive; ``surelabel convert --labels`` takes the same
file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from surelabel.exports.dataset import ExportError
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError

FILE = "labels.json"


def write_class_list(classes: Classes, folder: Path) -> None:
    """Write the file into the folder, which is made if need be."""
    value = {
        "document-version": "2018-11-28",
        "labels": [_entry(name, classes) for name in classes.names],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _entry(name: str, classes: Classes) -> dict[str, str]:
    short = classes.short_names.get(name)
    return {"label": name} | ({"shortDisplayName": short} if short else {})


def read_classes(path: Path, found: Iterable[str]) -> Classes:
    """The classes in the file of the folder ``path``, in its order, behind them others of
    ``found``, sorted; ExportError if it is there and is no such file."""
    file = path / FILE
    listed: list[str] = []
    short: dict[str, str] = {}
    if file.is_file():
        try:
            value = Field(json.loads(file.read_text(encoding="utf-8-sig")), str(file))
            for each in value["labels"].each():
                listed.append(each["label"].text())
                if (name := each.get("shortDisplayName")) is not None:
                    short[listed[-1]] = name.text()
        except FieldError as error:
            raise ExportError(str(error)) from None
        except (ValueError, RecursionError) as error:
            raise ExportError(f"{file}: is not JSON: {error}.") from None
        if len(set(listed)) < len(listed):
            twice = next(name for name in listed if listed.count(name) > 1)
            raise ExportError(f"{file}: labels: {twice!r} stands twice. Remove one.")
    return replace(in_order(listed, found), short_names=short)


def in_order(listed: Iterable[str], found: Iterable[str]) -> Classes:
    """The classes that are listed, each once, behind them others of ``found``, sorted."""
    names = list(dict.fromkeys(listed))
    return Classes.of([*names, *sorted(set(found) - set(names))])

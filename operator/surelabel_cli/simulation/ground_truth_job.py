"""Reads the output of a finished Ground Truth job: its manifest and its worker responses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from surelabel.answer_files import read_given_answers
from surelabel.answer_files.job_manifest import ManifestLine, find_attribute, read_manifest_lines
from surelabel.answer_files.read import MANIFESTS
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel_cli.errors import UserError
from surelabel_cli.simulation.finished import REPLAYED, FinishedJob, PastAnswer, check_replayed
from surelabel_contract.store import NotFoundInStoreError, Storage


def read_ground_truth_job(storage: Storage, where: str, task_type: str | None) -> FinishedJob:
    """The job in a folder or store; UserError with what is missing.

    ``task_type``: None takes it from the labels, which say it unless they are of a custom job.
    """
    lines = _manifest(storage, where)
    found_type = task_type or _task_type(where, lines)
    check_replayed(where, found_type)
    form = LABEL_FORMATS[found_type]
    attribute = find_attribute(lines, form)
    if attribute is None:
        raise UserError(
            f"{where}: its output manifest has no label of type {found_type}. Give a job file "
            "with the taskType that the job had."
        )
    given = read_given_answers(where, found_type, attribute=attribute, storage=storage)
    line_of = {line.item: position for position, line in enumerate(lines)}
    answers: dict[tuple[int, str], PastAnswer] = {}
    for each in given.answers:
        if each.item in line_of:
            # Of a person's answers to an item the last counts.
            key = line_of[each.item], each.annotator
            answers[key] = PastAnswer(*key, each.value)
    labels = {line_of[item]: label for item, label in given.labels.items() if item in line_of}
    return FinishedJob(
        name="ground-truth",
        task_type=found_type,
        classes=given.classes,
        lines=tuple(_input_line(line, attribute) for line in lines),
        labels={line: label.value for line, label in labels.items()},
        by_machine=frozenset(line for line, label in labels.items() if not label.human),
        answers=tuple(answers.values()),
        spec={"labelAttributeName": attribute},
    )


def _manifest(storage: Storage, where: str) -> list[ManifestLine]:
    uri = where if "://" in where else f"file://{quote(str(Path(where).resolve()))}"
    folder = storage.folder(uri)
    for key in MANIFESTS:
        try:
            lines, broken = read_manifest_lines(folder.read(key), f"{where}/{key}")
        except NotFoundInStoreError:
            continue
        if broken or not lines:
            first = f" The first: {broken[0]}" if broken else ""
            raise UserError(f"{where}/{key}: {len(broken)} lines are no objects.{first}")
        return lines
    raise UserError(
        f"{where}: has no {MANIFESTS[0]}. Name the output folder of a job that has ended: "
        "<S3OutputPath>/<job name>."
    )


def _task_type(where: str, lines: list[ManifestLine]) -> str:
    kinds = [
        value.get("type")
        for key, value in lines[0].value.items()
        if key.endswith("-metadata") and isinstance(value, dict)
    ]
    for kind in reversed(kinds):
        fitting = [
            name
            for name in REPLAYED
            if isinstance(kind, str) and LABEL_FORMATS[name].manifest_type.lower() == kind.lower()
        ]
        if len(fitting) == 1:
            return fitting[0]
    raise UserError(
        f"{where}: its labels do not tell the task type (type: {', '.join(map(str, kinds))}). Give "
        "a job file with the taskType."
    )


def _input_line(line: ManifestLine, attribute: str) -> bytes:
    """The line as the job was given it."""
    own = {attribute, f"{attribute}-metadata"}
    value: dict[str, Any] = {key: each for key, each in line.value.items() if key not in own}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

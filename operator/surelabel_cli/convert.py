"""``surelabel convert``: a request to Ground Truth, or labels between manifests and formats."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import yaml

from surelabel_cli.create_labeling_job import Converted, convert_request
from surelabel_cli.errors import UserError
from surelabel_cli.output_files import check_file, whole_file
from surelabel_cli.request_fields import Request
from surelabel_cli.request_task_type import FoundTaskType, task_type_of, task_type_told

REQUEST = "create-labeling-job"
MANIFEST = "manifest"
if TYPE_CHECKING:
    from surelabel.tasks.classes import Classes

_LARGEST = 8 << 20
# Of a label category file.
_AUDITED = "auditLabelAttributeName"
# Words that kubectl's YAML takes for something else than text.
_PLAIN = re.compile(r"(?!(?i:y|n|yes|no|true|false|on|off|null)$)[A-Za-z][A-Za-z0-9_./:-]*")


def convert(
    source: Path,
    from_: str,
    to: str,
    *,
    task_type: str | None,
    attribute: str | None,
    labels: Path | None,
    image_folder: str | None,
    out: Path | None,
    as_json: bool = False,
) -> None:
    """Convert ``source``; UserError says what is wrong with it."""
    if from_ == REQUEST:
        if to != MANIFEST or attribute is not None or image_folder is not None or as_json:
            raise UserError(
                f"--from {REQUEST}: writes a LabelingJob; leave out --to, --attribute, "
                "--image-folder and --json."
            )
        convert_labeling_request(source, labels, task_type, out)
        return
    # Late: it brings the label formats, and NumPy with them.
    from surelabel_cli.convert_labels import convert_labels

    convert_labels(
        source,
        from_,
        to,
        task_type=task_type,
        attribute=attribute,
        classes=None if labels is None else read_label_classes(labels),
        image_folder=image_folder,
        out=out,
        as_json=as_json,
    )


def convert_labeling_request(
    source: Path, labels: Path | None, task_type: str | None, out: Path | None
) -> None:
    """Write the LabelingJob and WorkTeam of a request; what is not carried goes to stderr."""
    if out is not None:
        check_file("--out", out, f"--from {REQUEST} writes one", "job.yaml")
    request = Request(read_json(source))
    if problems := request.problems():
        raise UserError("\n".join(f"{source}: {_sentence(p)}" for p in problems))
    found = task_type_of(request) if task_type is None else task_type_told(request, task_type)
    if found is None:
        raise UserError(
            f"{source}: neither Lambdas nor user interface nor algorithm tell the task type; pass "
            "--task-type."
        )
    needs_ref, needs_labels = _needs(request, found)
    about = {} if labels is None else read_json(labels)
    names = None if labels is None else _label_names(about, labels)
    audited = about.get(_AUDITED) if isinstance(about.get(_AUDITED), str) else None
    converted = convert_request(request, found, names, needs_ref=needs_ref, audited=audited)
    _write(converted, out)
    lost = [] if labels is None else sorted(set(_lost_of_labels(about)))
    for note in (*converted.notes, *(f"{labels}: {each}" for each in lost)):
        typer.echo(str(note), err=True)
    if names is None and needs_labels:
        uri = request.get("LabelCategoryConfigS3Uri") or "its label category file"
        typer.echo(
            f"LabelCategoryConfigS3Uri: not carried: {uri} is not read from here, so spec.labels "
            "is missing. Copy the file here and pass it as --labels.",
            err=True,
        )


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text}."


def read_json(path: Path) -> Any:
    """The JSON of a file; UserError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file.") from error
    if len(data) > _LARGEST:
        raise UserError(f"{path}: is larger than {_LARGEST} bytes; is it the right file?")
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not JSON: {error}.") from error


def _label_names(value: Any, path: Path) -> list[str]:
    """Names of the classes in a label category file, in its order; UserError."""
    listed = value.get("labels") if isinstance(value, dict) else None
    if not isinstance(listed, list) or not listed:
        raise UserError(
            f"{path}: labels: must be an array of objects with the key 'label', such as "
            '{"labels": [{"label": "cat"}]}.'
        )
    names: list[str] = []
    for position, entry in enumerate(listed):
        name = entry.get("label") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise UserError(f"{path}: labels[{position}].label: must be a name; got {name!r}.")
        if name in names:
            raise UserError(f"{path}: labels[{position}].label: {name!r} stands twice. Remove one.")
        names.append(name)
    return names


def read_label_classes(path: Path) -> Classes:
    """The classes of a label category file, with NER's short names; UserError."""
    # Late: the formats bring NumPy.
    from surelabel.tasks.classes import Classes

    value = read_json(path)
    names = _label_names(value, path)
    entries = zip(names, value["labels"], strict=True)
    short = {
        name: entry["shortDisplayName"]
        for name, entry in entries
        if isinstance(entry.get("shortDisplayName"), str)
    }
    return Classes(tuple(names), short)


def _lost_of_labels(value: dict[str, Any]) -> Iterator[str]:
    """What a label category file says beyond names."""
    for key in value:
        if key == "instructions":
            yield "instructions: not carried: there is no field for it yet. Keep it for the portal."
        elif key not in ("labels", "document-version", "documentVersion", _AUDITED):
            yield f"{key}: not carried: there is no field for it. Look whether it matters."
    for entry in value["labels"]:
        for key in entry:
            if key != "label":
                yield f"labels[].{key}: not carried: a label has a name and no more so far."


def to_yaml(documents: list[dict[str, Any]]) -> str:
    """YAML that kubectl reads as it is meant, keys in their order."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = None if _PLAIN.fullmatch(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _needs(request: Request, found: FoundTaskType) -> tuple[bool, bool]:
    # Late: the formats bring NumPy.
    from surelabel.tasks.formats import LABEL_FORMATS

    form = LABEL_FORMATS.get(found.name)
    if form is None or found.name == "LabelAdjustment":
        # Types that come later, and adjusted ones, are as Ground Truth accepted them.
        return str(request.get("LabelAttributeName")).endswith("-ref"), True
    return form.needs_ref, form.needs_labels


def _write(converted: Converted, out: Path | None) -> None:
    text = to_yaml([converted.job, converted.team])
    if out is None:
        sys.stdout.write(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(out) as file:
            file.write(text)

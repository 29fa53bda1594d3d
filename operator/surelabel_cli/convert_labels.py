"""Labels from a manifest to another program's format, and back."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import typer

from surelabel.answer_files import SetAside
from surelabel.exports import (
    EXPORTS,
    Example,
    ExportError,
    LabeledData,
    read_labeled_manifest,
    write_labeled_manifest,
)
from surelabel.plural import counted
from surelabel.tasks.classes import Classes
from surelabel_cli.errors import UserError
from surelabel_cli.output_files import check_file, check_folder

MANIFEST = "manifest"
# More lines of one kind are counted.
_SHOWN = 20


def convert_labels(
    source: Path,
    from_: str,
    to: str,
    *,
    task_type: str | None,
    attribute: str | None,
    classes: Classes | None,
    image_folder: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Write the labels of ``source`` to ``out``; what is lost on the way goes to stderr.

    ``as_json``: the summary is a line of JSON on standard output instead of a sentence on stderr.
    """
    readable = (MANIFEST, *(name for name, each in EXPORTS.items() if each.read is not None))
    _check("--from", from_, ("create-labeling-job", *readable))
    _check("--to", to, (MANIFEST, *EXPORTS))
    if from_ == to == MANIFEST:
        raise UserError("--from and --to are both manifest; name what to write by --to.")
    if out is None:
        raise UserError("--out: needs a file (--to manifest) or a folder to write to.")
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder.")
    _check_out(source, to, out)
    try:
        data, broken = _read(source, from_, to, task_type, attribute, classes)
        data, unplaced = _with_uris(data, image_folder)
        notes = [*map(str, broken), *data.notes, *_write(data, to, attribute, out)]
        if to == MANIFEST and unplaced:
            notes.append(
                f"{counted(unplaced, 'item')}: source-ref is a file name, which no job takes. Pass "
                "--image-folder, the URI of the folder that the files lie in."
            )
    except ExportError as error:
        raise UserError(str(error)) from error
    except FileNotFoundError as error:
        if Path(error.filename).is_relative_to(out):
            raise UserError(
                f"--out: {error.filename} cannot be made: {error.strerror}. Name another place."
            ) from error
        raise UserError(f"{error.filename}: there is no such file.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: must be UTF-8: {error}. Convert it to UTF-8.") from error
    except csv.Error as error:
        raise UserError(f"{source}: is not CSV: {error}.") from error
    _tell(notes)
    n = len(data.examples)
    if as_json:
        summary = {
            "out": str(out),
            "taskType": data.task_type,
            "labels": len(data.classes),
            "items": n,
            "unlabeled": data.unlabeled,
            "setAside": len(broken),
            "notes": len(notes),
        }
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    left_out = f"; {counted(data.unlabeled, 'item')} without a label" if data.unlabeled else ""
    aside = f"; {counted(len(broken), 'line')} set aside" if broken else ""
    typer.echo(f"{out}: {counted(n, 'item')}, {data.task_type}{left_out}{aside}.", err=True)


def _read(
    source: Path,
    from_: str,
    to: str,
    task_type: str | None,
    attribute: str | None,
    classes: Classes | None,
) -> tuple[LabeledData, list[SetAside]]:
    if from_ != MANIFEST:
        read = EXPORTS[from_].read
        if read is None:
            raise ExportError(f"--from: {from_} cannot be read.")
        return read(source, task_type), []
    return read_labeled_manifest(
        source,
        task_type=task_type,
        attribute=attribute,
        classes=classes,
        pixels=to in EXPORTS and EXPORTS[to].pixels,
    )


def _with_uris(data: LabeledData, folder: str | None) -> tuple[LabeledData, int]:
    """File names put into the folder; and how many stay file names."""
    unplaced = 0
    examples: list[Example] = []
    for example in data.examples:
        if not example.is_text and "://" not in example.source:
            if folder is None:
                unplaced += 1
            else:
                source = f"{folder.rstrip('/')}/{example.source.lstrip('/')}"
                examples.append(replace(example, source=source))
                continue
        examples.append(example)
    return replace(data, examples=tuple(examples)), unplaced


def _write(data: LabeledData, to: str, attribute: str | None, out: Path) -> list[str]:
    if to == MANIFEST:
        out.parent.mkdir(parents=True, exist_ok=True)
        return write_labeled_manifest(data, attribute or "label", out, created=datetime.now(UTC))
    form = EXPORTS[to]
    if data.task_type not in form.task_types:
        able = ", ".join(
            name for name, each in EXPORTS.items() if data.task_type in each.task_types
        )
        raise ExportError(f"--to: {to} has no {data.task_type}; these have: {able}.")
    return form.write(data, out)


def _check_out(source: Path, to: str, out: Path) -> None:
    """Before anything is read, since that may take long."""
    if to == MANIFEST:
        check_file("--out", out, "--to manifest writes one", "output.manifest")
        if out.resolve() == source.resolve():
            raise UserError(
                f"--out: {out} is SOURCE already, which would be overwritten. Name another file."
            )
    else:
        check_folder("--out", out, f"--to {to} writes several files")


def _check(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"{option} must be one of {', '.join(known)}; got {value!r}.")


def _tell(notes: list[str]) -> None:
    """Every note, but of many alike the first alone."""
    # What follows the name of the item tells the kind.
    kinds = Counter(note.partition(": ")[2] for note in notes)
    told: Counter[str] = Counter()
    for note in notes:
        kind = note.partition(": ")[2]
        told[kind] += 1
        if told[kind] <= _SHOWN:
            typer.echo(note, err=True)
        elif told[kind] == _SHOWN + 1:
            typer.echo(f"... and {kinds[kind] - _SHOWN:,} more: {kind}", err=True)

"""The commands on answers and labels without a job around: their options.

What they do stands in their own modules, imported when a command runs, as for those in ``main``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from surelabel_cli.one_message import one_message

_ANSWERS = "CSV, JSON Lines, or a folder (or s3://) of worker responses or of a finished job."


def consolidate(
    answers: Annotated[str, typer.Argument(metavar="ANSWERS", help=_ANSWERS)],
    task_type: Annotated[str, typer.Option(help="Task type, as in a LabelingJob.")],
    method: Annotated[
        str, typer.Option(help="Algorithm, as in spec.consolidation.method.")
    ] = "Auto",
    gold: Annotated[
        Path | None,
        typer.Option(
            help="Known truths: CSV of item,label, or JSON Lines of item and answer; they stand, "
            "and annotators are judged by them."
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="A label that there is though no answer has it; may be repeated."),
    ] = None,
    field: Annotated[
        str | None,
        typer.Option(
            help="Of Custom: the field of the form that is consolidated as a class, such as animal."
        ),
    ] = None,
    annotators: Annotated[
        Path | None, typer.Option(help="Where to write how good each annotator is, as CSV.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write the labels. [default: standard output]"),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Write every label's probability.")
    ] = False,
    gain: Annotated[
        bool,
        typer.Option("--gain", help="Write how much two more answers would help each item."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="The summary is one line of JSON on standard output.")
    ] = False,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Print what differs from the labels of a finished job."),
    ] = False,
) -> None:
    """Make one label per item of several people's answers, with its confidence.

    ANSWERS is CSV (item,annotator,label), JSON Lines of item, annotator and answer, a folder of
    worker responses, or the folder of a finished Ground Truth job (local or s3://). One line of
    JSON per item: item, label (null without an answer), confidence. A label of "" is an
    abstention; of an annotator's answers to one item the last counts.
    """
    with one_message():
        from surelabel_cli.consolidate import Request
        from surelabel_cli.consolidate import consolidate as command

        request = Request(
            answers, task_type, method, gold, annotators, out, probabilities, json, compare,
            tuple(label or ()), gain, field,
        )  # fmt: skip
        command(request)


def agreement(
    answers: Annotated[str, typer.Argument(metavar="ANSWERS", help=_ANSWERS)],
    task_type: Annotated[str, typer.Option(help="Task type, as in a LabelingJob.")],
    field: Annotated[
        str | None, typer.Option(help="Of Custom: the field of the form, as for consolidate.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Tell how far annotators agree beyond chance: all, by class, by annotator."""
    with one_message():
        from surelabel_cli.agreement import agreement as command

        command(answers, task_type, as_json=json, field=field)


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="File or folder to convert from.")
    ],
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            help="What SOURCE is: manifest, create-labeling-job (a request, as JSON), coco, "
            "coco-panoptic, voc, yolo, spacy, spacy-docbin, csv, png, huggingface, label-studio, "
            "cvat.",
        ),
    ] = "manifest",
    to: Annotated[
        str,
        typer.Option(
            help="What to write: manifest, coco, coco-panoptic, voc, yolo, yolo-obb, yolo-seg, "
            "yolo-pose, conll, spacy, spacy-docbin, csv, png, huggingface, label-studio, cvat."
        ),
    ] = "manifest",
    task_type: Annotated[
        str | None, typer.Option(help="Task type; needed where SOURCE does not tell it.")
    ] = None,
    attribute: Annotated[
        str | None,
        typer.Option(help="Key of the label in a manifest. [default: found, or 'label']"),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Names of the classes in their order: Ground Truth's label category file."
        ),
    ] = None,
    image_folder: Annotated[
        str | None,
        typer.Option(help="URI of the folder of the images, where SOURCE has their names only."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File or folder to write. [default: standard output, for a request only]",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="The counts are one line of JSON on standard output.")
    ] = False,
) -> None:
    """Convert a request to Ground Truth, or a manifest to other formats and back.

    What cannot be carried is told on standard error, with what to do instead.
    """
    with one_message():
        from surelabel_cli.convert import convert as command

        command(
            source,
            from_,
            to,
            task_type=task_type,
            attribute=attribute,
            labels=labels,
            image_folder=image_folder,
            out=out,
            as_json=json,
        )

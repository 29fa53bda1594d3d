"""The ``surelabel`` command: its commands and options; what they do stands in their own modules.

Those are imported when a command runs, so that ``--help`` and completion answer at once. A
mistake of the user ends in one message on standard error and exit status 1, wrong options in 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="surelabel",
    help="People label what matters, models label the rest, and every machine label comes with a "
    "bound on its error.",
    no_args_is_help=True,
    # Plain help: loading rich for it takes longer than all the rest.
    rich_markup_mode=None,
    # A traceback is for bugs, and then it is wanted whole and plain.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def run(
    job: Annotated[
        Path, typer.Argument(metavar="JOB.yaml", help="A LabelingJob and its WorkTeam.")
    ],
    workdir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run, where file://./x lies and a killed run goes on. "
            "[default: surelabel-run/<job name>]",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Standard output is the status, as one line of JSON.")
    ] = False,
) -> None:
    """Run a LabelingJob here, without Kubernetes.

    Exit status 0 only if it succeeded. Killed at any moment and started again, it goes on where
    it was.
    """
    with _one_message():
        from surelabel_cli.run import run as command

        raise typer.Exit(command(job, workdir, as_json=json))


@app.command()
def up(
    kubeconfig: Annotated[
        Path | None,
        typer.Option(help="Use this cluster instead of a local control plane."),
    ] = None,
    workdir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the local cluster and its store. [default: .surelabel/up]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start a local cluster, Ray and the operator. Ctrl-C stops all of them."""
    with _one_message():
        from surelabel_cli.up import up as command
        from surelabel_cli.work_folder import make_work_folder

        if workdir is not None:
            make_work_folder(workdir)
        command(kubeconfig=kubeconfig, workdir=workdir)


@app.command()
def demo(
    workdir: Annotated[
        Path | None,
        typer.Option(help="Folder of the demo. [default: .surelabel/demo]", show_default=False),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running at the end, until Ctrl-C.")
    ] = False,
) -> None:
    """Label handwritten digits on a local cluster.

    At the end the labels are compared with the truth, which only the simulated people know.
    """
    with _one_message():
        from surelabel_cli.demo import demo as command
        from surelabel_cli.work_folder import make_work_folder

        if workdir is not None:
            make_work_folder(workdir)
        raise typer.Exit(command(workdir, keep=keep))


@app.command()
def validate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="LabelingJobs and WorkTeams (YAML), manifests (JSON Lines)."
        ),
    ],
    task_type: Annotated[
        str | None,
        typer.Option(
            help="Task type of the manifests; not needed beside a LabelingJob, whose labels then "
            "count as well."
        ),
    ] = None,
) -> None:
    """Check jobs, WorkTeams and manifests offline. Exit status 0 only if all are valid."""
    with _one_message():
        from surelabel_cli.validate import validate as command

        command(files, task_type)


@app.command()
def verify(
    uri: Annotated[
        str,
        typer.Argument(metavar="URI", help="URI or folder of a finished job: <output.uri>/<name>."),
    ],
    endpoint: Annotated[str | None, typer.Option(help="Endpoint of the object store.")] = None,
    region: Annotated[str | None, typer.Option(help="Region of the object store.")] = None,
) -> None:
    """Compute a finished job's certificate again, from its store.

    Exit status 0: proven. 1: refuted. 2: cannot be checked, since nothing is there, the job has
    not ended, or the store cannot be read.
    """
    with _one_message():
        from surelabel_cli.verify import verify as command

        command(uri, endpoint, region)


_ANSWERS = "CSV, JSON Lines, or a folder (or s3://) of worker responses or of a finished job."


@app.command()
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
    with _one_message():
        from surelabel_cli.consolidate import Request
        from surelabel_cli.consolidate import consolidate as command

        request = Request(
            answers, task_type, method, gold, annotators, out, probabilities, json, compare,
            tuple(label or ()),
        )  # fmt: skip
        command(request)


@app.command()
def agreement(
    answers: Annotated[str, typer.Argument(metavar="ANSWERS", help=_ANSWERS)],
    task_type: Annotated[str, typer.Option(help="Task type, as in a LabelingJob.")],
    json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Tell how far annotators agree beyond chance: all, by class, by annotator."""
    with _one_message():
        from surelabel_cli.agreement import agreement as command

        command(answers, task_type, as_json=json)


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="File or folder to convert from.")
    ],
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            help="What SOURCE is: manifest, create-labeling-job (a request, as JSON), coco, "
            "coco-panoptic, voc, yolo, spacy, spacy-docbin, png, label-studio, cvat.",
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
    with _one_message():
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


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    typer.echo(installed("surelabel"))


@contextmanager
def _one_message() -> Iterator[None]:
    """What a user can mend is told in one message; a bug keeps its traceback."""
    try:
        yield
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        from surelabel_cli.errors import is_expected, message_of

        if not is_expected(error):
            raise
        typer.echo(f"surelabel: {message_of(error)}", err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()

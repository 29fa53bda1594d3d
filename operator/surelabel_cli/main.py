"""The ``surelabel`` command: its commands and options; what they do stands in their own modules.

Those are imported when a command runs, so that ``--help`` and completion answer at once. A
mistake of the user ends in one message on standard error and exit status 1, wrong options in 2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from surelabel_cli.label_commands import agreement, consolidate, convert
from surelabel_cli.one_message import one_message

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


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed

        typer.echo(installed("surelabel"))
        raise typer.Exit


# What may run of others' code on this machine; ``run`` and ``simulate`` take it.
AllowEntrypoint = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PREFIX",
        help="Let a model of others run here: autoLabeling.model.entrypoint, or its beginning "
        "up to a . or :. May be given more than once.",
    ),
]


@app.callback()
def surelabel(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options that need no command."""


@app.command()
def run(
    job: Annotated[
        Path, typer.Argument(metavar="JOB.yaml", help="A LabelingJob and its WorkTeam.")
    ],
    workdir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run, where file://./x of the job file lies and a killed run goes "
            "on. "
            "[default: surelabel-run/<job name>]",
            show_default=False,
        ),
    ] = None,
    allow_entrypoint: AllowEntrypoint = None,
    json: Annotated[
        bool, typer.Option("--json", help="Standard output is the status, as one line of JSON.")
    ] = False,
) -> None:
    """Run a LabelingJob here, without Kubernetes.

    Exit status 0 only if it succeeded. Killed at any moment and started again, it goes on where
    it was.
    """
    with one_message():
        from surelabel_cli.run import run as command

        raise typer.Exit(command(job, workdir, as_json=json, entrypoints=allow_entrypoint or ()))


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
    with one_message():
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
    with one_message():
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
    with one_message():
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
    with one_message():
        from surelabel_cli.verify import verify as command

        command(uri, endpoint, region)


@app.command()
def report(
    uri: Annotated[
        str, typer.Argument(metavar="URI", help="URI or folder of a job: <output.uri>/<name>.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Where to write it. [default: standard output]",
            show_default=False,
        ),
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="Endpoint of the object store.")] = None,
    region: Annotated[str | None, typer.Option(help="Region of the object store.")] = None,
) -> None:
    """Write a job's report, one HTML file, from its store.

    Of a job that goes on: as far as it has come.
    """
    with one_message():
        from surelabel_cli.report import report as command

        command(uri, out, endpoint, region)


@app.command()
def simulate(
    job: Annotated[
        Path | None,
        typer.Argument(
            metavar="[JOB.yaml]",
            help="A LabelingJob, and a WorkTeam with simulated annotators; with a finished job "
            "other settings for it.",
            show_default=False,
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUES",
            help="A field below spec and its values, such as "
            "autoLabeling.targetErrorPermille=10,20,50; more than one: every combination.",
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, help="Jobs of each variation, with other random choices.")
    ] = 20,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Write the curves into a picture.")
    ] = None,
    from_job: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Replay a finished LabelingJob: <output.uri>/<job name>."),
    ] = None,
    from_ground_truth: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Replay a finished Ground Truth job: its output folder."),
    ] = None,
    media: Annotated[
        Path | None,
        typer.Option(help="Folder with the finished job's files, by name, if they have moved."),
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(help="Of one answer in USD, where no job says it, such as 0.012."),
    ] = None,
    workdir: Annotated[
        Path | None,
        typer.Option(
            help="Folder that keeps every outcome, so that a killed simulation goes on. "
            "[default: a temporary one]",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Jobs side by side. [default: one a core]", show_default=False),
    ] = None,
    allow_entrypoint: AllowEntrypoint = None,
    json: Annotated[
        bool, typer.Option("--json", help="Standard output is the summaries, as one line of JSON.")
    ] = False,
) -> None:
    """Run a job many times on labeled data, and tell what it costs and gives.

    People, models, selection and promise are those of the real loop; nobody is asked. The data may
    be a finished job's: what its people said they say again.
    """
    with one_message():
        from surelabel_cli.simulation.command import Request
        from surelabel_cli.simulation.command import simulate as command

        request = Request(
            job, tuple(vary or ()), repeats, workdir, workers, json, plot, from_job,
            from_ground_truth, media, price, tuple(allow_entrypoint or ()),
        )  # fmt: skip
        command(request)


for _command in (consolidate, agreement, convert):
    app.command()(_command)


@app.command()
def version() -> None:
    """Print the version."""
    _print_version(True)


if __name__ == "__main__":
    app()

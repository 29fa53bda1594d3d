"""``surelabel simulate``: the loop over and over on labeled data, before anybody is paid."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import Progress

from surelabel_cli.entrypoints import check_entrypoints
from surelabel_cli.errors import UserError
from surelabel_cli.job_file import JobFile, read_job_file
from surelabel_cli.output_files import whole_file
from surelabel_cli.simulation.ground_truth_job import read_ground_truth_job
from surelabel_cli.simulation.many import Run, run_all
from surelabel_cli.simulation.own_job import read_own_job
from surelabel_cli.simulation.plot import plot_of
from surelabel_cli.simulation.replay import Simulated
from surelabel_cli.simulation.replayed import replayed
from surelabel_cli.simulation.summary import Summary
from surelabel_cli.simulation.table import table_of
from surelabel_cli.simulation.variations import variations
from surelabel_cli.work_folder import make_work_folder
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage

_WIDE = 200


@dataclass(frozen=True)
class Request:
    """What is asked of ``surelabel simulate``; ``workers``: jobs side by side."""

    path: Path | None
    vary: Sequence[str] = ()
    repeats: int = 20
    workdir: Path | None = None
    workers: int | None = None
    as_json: bool = False
    plot: Path | None = None
    # Folders or URIs of finished jobs, at most one of the two.
    from_job: str | None = None
    from_ground_truth: str | None = None
    media: Path | None = None
    price: str | None = None
    # Prefixes of the models of others that may run.
    entrypoints: Sequence[str] = ()


def simulate(request: Request) -> None:
    """Print a table of what each variation costs and gives."""
    _check(request)
    tried = variations(request.vary)
    with _folder(request.workdir) as folder:
        simulated, past = _job(request, folder)
        jobs = [variation.of(simulated) for variation in tried]
        for job in jobs:
            named = request.path or request.from_job or request.from_ground_truth
            check_entrypoints(str(named), job.job, request.entrypoints)
        runs = [Run(job, number) for job in jobs for number in range(request.repeats)]
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("jobs", total=len(runs))
            outcomes = run_all(
                runs,
                folder,
                request.workers or len(os.sched_getaffinity(0)),
                lambda _run: progress.advance(task),
            )
    summaries = [
        Summary.of(variation.title, outcomes[start : start + request.repeats])
        for variation, start in zip(tried, range(0, len(outcomes), request.repeats), strict=True)
    ]
    if request.plot is not None:
        with whole_file(request.plot) as file:
            file.write(plot_of(tried, summaries, _risk(jobs)))
    shown = [*past, *summaries]
    if request.as_json:
        sys.stdout.write(json.dumps([_finite(asdict(one)) for one in shown]) + "\n")
    else:
        # In a file or a pipe a table may be as wide as it is.
        width = None if sys.stdout.isatty() else _WIDE
        Console(width=width).print(table_of(shown))


def _check(request: Request) -> None:
    finished = request.from_job or request.from_ground_truth
    if request.from_job and request.from_ground_truth:
        raise UserError("--from-job and --from-ground-truth: only one job can be replayed.")
    if request.path is None and not finished:
        raise UserError("name a JOB.yaml, or a finished job: --from-job or --from-ground-truth.")
    for option, value in (("--media", request.media), ("--price", request.price)):
        if value is not None and not finished:
            raise UserError(f"{option}: only for --from-job and --from-ground-truth.")
    if request.plot is not None and request.plot.suffix != ".svg":
        raise UserError(f"--plot: must be a file NAME.svg; got {request.plot}.")
    if request.media is not None and not request.media.is_dir():
        raise UserError(f"--media: must be a folder; got {request.media}.")


def _job(request: Request, folder: Path) -> tuple[Simulated, list[Summary]]:
    """The job to be simulated, and what it was if it has ended already."""
    if not (request.from_job or request.from_ground_truth):
        assert request.path is not None  # _check
        file = read_job_file(request.path).in_folder(folder)
        simulated = _simulated(request.path, file)
        file.make_sample_data(folder)
        return simulated, []
    storage = Storage(StorageAccess(prefixes=None, local_files=True))
    job = None if request.path is None else read_job_file(request.path).in_folder(folder).job
    if request.from_job:
        finished = read_own_job(storage, request.from_job)
    else:
        task_type = None if job is None else str(job["spec"]["taskType"])
        finished = read_ground_truth_job(storage, str(request.from_ground_truth), task_type)
    found = replayed(finished, folder, storage, job=job, media=request.media, price=request.price)
    for sentence in found.told:
        typer.echo(sentence, err=True)
    price = found.simulated.job["spec"]["workforce"].get("pricePerAnnotation")
    return found.simulated, [finished.as_it_was(price)]


def _risk(jobs: Sequence[Simulated]) -> float | None:
    """The risk of the promises; None where they differ or there are none."""
    risks = {(job.job["spec"].get("autoLabeling") or {}).get("riskPermille") for job in jobs}
    risk = risks.pop() if len(risks) == 1 else None
    return None if risk is None else risk / 1000


def _simulated(path: Path, file: JobFile) -> Simulated:
    wanted = file.job["spec"]["workforce"]["workTeam"]
    team = next(team for team in file.teams if team["metadata"]["name"] == wanted)
    if "simulated" not in team["spec"]:
        raise UserError(
            f"{path}: WorkTeam {wanted!r} has no spec.simulated. Give it simulated annotators and "
            "the labels that are known: simulated.truthURI."
        )
    return Simulated(file.job, team)


@contextmanager
def _folder(workdir: Path | None) -> Iterator[Path]:
    if workdir is not None:
        make_work_folder(workdir)
        yield workdir.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="surelabel-simulate-") as folder:
        yield Path(folder)


def _finite(value: Any) -> Any:
    """JSON has no nan: the interval of a single repetition is null."""
    if isinstance(value, dict):
        return {key: _finite(child) for key, child in value.items()}
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124

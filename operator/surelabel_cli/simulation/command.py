"""``surelabel simulate``: the loop over and over on labeled data, before anybody is paid."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from surelabel_cli.entrypoints import check_entrypoints
from surelabel_cli.errors import UserError
from surelabel_cli.job_file import JobFile, read_job_file
from surelabel_cli.simulation.many import Run, run_all
from surelabel_cli.simulation.replay import Simulated
from surelabel_cli.simulation.summary import Summary
from surelabel_cli.simulation.table import table_of
from surelabel_cli.simulation.variations import variations
from surelabel_cli.work_folder import make_work_folder

_WIDE = 200


def simulate(
    path: Path,
    vary: Sequence[str],
    repeats: int,
    workdir: Path | None,
    workers: int | None,
    *,
    as_json: bool,
    entrypoints: Sequence[str] = (),
) -> None:
    """Print a table of what each variation costs and gives; ``workers``: jobs side by side,
    ``entrypoints``: prefixes of the models of others that may run."""
    file = read_job_file(path)
    tried = variations(vary)
    with _folder(workdir) as folder:
        simulated = _simulated(path, file.in_folder(folder))
        jobs = [variation.of(simulated) for variation in tried]
        for job in jobs:
            check_entrypoints(path, job.job, entrypoints)
        if file.wants_sample_data:
            file.make_sample_data(folder)
        runs = [Run(job, number) for job in jobs for number in range(repeats)]
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("jobs", total=len(runs))
            outcomes = run_all(
                runs,
                folder,
                workers or len(os.sched_getaffinity(0)),
                lambda _run: progress.advance(task),
            )
    summaries = [
        Summary.of(variation.title, outcomes[start : start + repeats])
        for variation, start in zip(tried, range(0, len(outcomes), repeats), strict=True)
    ]
    if as_json:
        sys.stdout.write(json.dumps([_finite(asdict(one)) for one in summaries]) + "\n")
    else:
        # In a file or a pipe a table may be as wide as it is.
        width = None if sys.stdout.isatty() else _WIDE
        Console(width=width).print(table_of(summaries))


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

"""``surelabel run``: a LabelingJob from its first step to its last, without Kubernetes.

The folder of the run holds cluster, store and local Ray. The loop is the operator's own; here is
only what surrounds it: the job file, Ray, what is shown, and the exit status.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from surelabel_cli.entrypoints import check_entrypoints
from surelabel_cli.errors import UserError
from surelabel_cli.job_file import JobFile, read_job_file
from surelabel_cli.local_ray import LocalRay
from surelabel_cli.progress_view import ProgressView, progress_view
from surelabel_cli.store_check import check_store
from surelabel_cli.summary import ending_line, summary_lines
from surelabel_cli.work_folder import make_work_folder
from surelabel_operator.cluster import EventDraft
from surelabel_operator.folder_cluster import FolderCluster
from surelabel_operator.local import run_local
from surelabel_operator.reasons import is_failure_stall
from surelabel_operator.resources import LabelingJob, read_labeling_job
from surelabel_operator.validation import validate_object

DEFAULT_FOLDER = Path("surelabel-run")
_INTERRUPTED = 130


def run(path: Path, workdir: Path | None, *, as_json: bool, entrypoints: Sequence[str] = ()) -> int:
    """The exit status; standard output has the result, standard error how it goes.

    ``entrypoints``: prefixes of the models of others that may run.
    """
    file = read_job_file(path)
    check_entrypoints(path, file.job, entrypoints)
    folder = (workdir or DEFAULT_FOLDER / file.name).absolute()
    _refuse_if_suspended(path, file)
    file = file.in_folder(folder)
    make_work_folder(folder)
    with (
        _logs_in(folder / "logs" / "operator.log"),
        progress_view(Console(stderr=True)) as view,
    ):
        job = _ended_before(folder, file)
        if job is None:
            try:
                job = _label(folder, file, view, entrypoints)
            except KeyboardInterrupt:
                view.say("Stopped. The same command goes on from here.")
                return _INTERRUPTED
        else:
            view.say(
                f"{file.name} has ended before; to label anew, choose another --workdir or remove "
                f"{folder}."
            )
    succeeded = job.status.condition("Succeeded")
    has_succeeded = succeeded is not None and succeeded.status == "True"
    if as_json:
        sys.stdout.write(json.dumps(job.status.to_dict()) + "\n")
        if not has_succeeded:
            # For people, who have not read it yet.
            sys.stderr.write(f"{ending_line(job)}\n")
    else:
        sys.stdout.write("\n".join(summary_lines(job)) + "\n")
    return 0 if has_succeeded else 1


def _label(
    folder: Path, file: JobFile, view: ProgressView, entrypoints: Sequence[str]
) -> LabelingJob:
    view.note("asking the store")
    away = check_store(file)
    if away is not None:
        view.say(f"StorageUnavailable: {away} The job asks again until the store answers.")
    if file.wants_sample_data:
        view.note("making the data")
        file.make_sample_data(folder)
    view.note("starting Ray")
    with _ended_politely(), LocalRay(folder / "ray") as ray:
        view.note("starting the job")
        return asyncio.run(
            run_local(
                folder / "cluster",
                ray.url,
                ray.token,
                [*file.teams, file.job],
                view.show,
                on_event=lambda event: _tell(view, event),
                python=sys.executable,
                entrypoints=entrypoints,
            )
        )


def _ended_before(folder: Path, file: JobFile) -> LabelingJob | None:
    """The job if an earlier run has ended it; prepares one that is to go on.

    UserError if the spec differs from the earlier run's in what cannot change.
    """
    name, namespace = file.name, file.namespace
    cluster = FolderCluster(folder / "cluster")
    cluster.open()
    try:
        try:
            stored = cluster.stored("LabelingJob", namespace, name)
        except ValueError as error:
            raise UserError(
                f"{folder / 'cluster'}: its file of LabelingJob {name} is no JSON any more "
                f"({error}). Choose another --workdir, or remove {folder}."
            ) from None
        if stored is None:
            return None
        if problems := validate_object(file.job, stored):
            raise UserError(
                f"LabelingJob {name} runs in {folder} already and cannot change so (another job "
                "needs another name, or another --workdir).\n" + "\n".join(map(str, problems))
            )
        job = read_labeling_job(stored)
        succeeded, stalled = job.status.condition("Succeeded"), job.status.condition("Stalled")
        if succeeded is not None and succeeded.status != "Unknown":
            return job
        if stalled is not None and stalled.status == "True" and is_failure_stall(stalled.reason):
            # Who starts it again has mended something; in a cluster a change of the spec says so.
            cluster.renew(namespace, name)
        return None
    finally:
        cluster.close()


def _refuse_if_suspended(path: Path, file: JobFile) -> None:
    if file.job["spec"].get("suspend"):
        raise UserError(
            f"{path}: spec.suspend: is true, so nothing would run. Remove it, or set it to false."
        )


def _tell(view: ProgressView, event: EventDraft) -> None:
    if event.type == "Warning":
        view.say(f"{event.reason}: {event.message}")


@contextmanager
def _ended_politely() -> Iterator[None]:
    """SIGTERM ends as Ctrl-C does; nothing would be lost by an impolite end."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _logs_in(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()

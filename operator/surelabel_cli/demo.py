"""``surelabel demo``: the main job on a real control plane, shown as a user would see it.

What is printed of the resource is kubectl's own output; of rows that differ in nothing but their
age, the first. The truth is read in two places only: by
the simulated people, through the WorkTeam, and by the comparison after the job's end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from surelabel_cli.errors import UserError
from surelabel_cli.local_stack import LocalStack, local_stack
from surelabel_cli.processes import ProcessFamily
from surelabel_cli.progress_view import certificate_text, clock, share
from surelabel_cli.sample_data import TRUTH
from surelabel_cli.samples import SAMPLES, prepare_sample
from surelabel_cli.summary import output_uris
from surelabel_cli.truth import Wrong, compare
from surelabel_cli.watched_table import WatchedTable
from surelabel_contract.steps import Stage
from surelabel_operator.local import has_come_to_rest
from surelabel_operator.resources import LabelingJob, read_labeling_job

DEFAULT_FOLDER = Path(".surelabel/demo")
# Sample, data set and LabelingJob have one name.
_NAME = "digits"
# In the folder of a demo; nothing without it is ever removed.
_MARK = "surelabel-demo"
_POLL_SECONDS = 2.0
# The last rows of the watch come after the job's end was seen by another request.
_LAST_ROWS_SECONDS = 1.5


def demo(workdir: Path | None, *, keep: bool) -> int:
    """The exit status: 0 if the job succeeded."""
    folder = (workdir or DEFAULT_FOLDER).absolute()
    _begin_anew(folder)
    started = time.monotonic()
    _title(f"Starting a control plane, Ray and the operator in {folder}")
    with local_stack(folder, say=_say) as stack:
        _title("Making the data: 1,797 images of handwritten digits")
        sample = prepare_sample(SAMPLES / f"{_NAME}.yaml", folder)
        labeling = time.monotonic()
        _kubectl(stack, "apply", "--server-side", "-f", str(sample))
        job = _watch(stack, _NAME)
        now = time.monotonic()
        _title(
            f"{_NAME} {_how_it_ended(job)} after {clock(now - labeling)} minutes "
            f"({clock(now - started)} with the start of everything)"
        )
        if job.status.output is not None:
            _say_result(job, folder)
        _say_where_to_look(job, stack, folder, keep=keep)
        if keep:
            _wait_for_interrupt()
    succeeded = job.status.condition("Succeeded")
    return 0 if succeeded is not None and succeeded.status == "True" else 1


def _begin_anew(folder: Path) -> None:
    """Remove what an earlier demo left; UserError for a folder of something else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise UserError(
            f"{folder} is not empty and not the folder of a demo. Choose another --workdir."
        )
    # Refuses where another demo runs, and ends what a killed one left.
    with ProcessFamily(folder):
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()


def _watch(stack: LocalStack, name: str) -> LabelingJob:
    """The job at its end, or when it waits for a person; meanwhile kubectl prints its changes."""
    _title(f"$ kubectl get slj {name} -w")
    command = _command(stack, "get", "slj", name, "-w")
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    rows = threading.Thread(target=_say_changes, args=(watch,), daemon=True)
    rows.start()
    try:
        while True:
            time.sleep(_POLL_SECONDS)
            job = read_labeling_job(_get(stack, name))
            if has_come_to_rest(job):
                time.sleep(_LAST_ROWS_SECONDS)
                return job
    finally:
        watch.terminate()
        watch.wait(10)
        # Ends with the output.
        rows.join(10)


def _say_changes(watch: subprocess.Popen[str]) -> None:
    table = WatchedTable({"STAGE": max(len(stage.value) for stage in Stage)})
    for raw in watch.stdout or ():
        line = table.line(raw.rstrip("\n"))
        if line is not None:
            _say(line)


def _say_result(job: LabelingJob, folder: Path) -> None:
    status, counters = job.status, job.status.label_counters
    output = dict(output_uris(job))
    manifest = _path(output["manifest"])
    found = compare(manifest, folder / _NAME / TRUTH, status.label_attribute_name or "")
    answers = status.annotation.answers_received if status.annotation is not None else 0
    rows = [
        ("People labeled", f"{share(counters.human_labeled, counters)}, by {answers:,} answers"),
        ("Machines labeled", share(counters.machine_labeled, counters)),
        ("Certificate", certificate_text(job)),
        ("In truth", f"{_wrong('human', found.human)}; {_wrong('machine', found.machine)}"),
    ]
    if status.cost is not None:
        amount, by_hand = float(status.cost.amount), float(status.cost.all_human_amount)
        rows.append(
            (
                "Cost",
                f"{status.cost.amount} {status.cost.currency} instead of "
                f"{status.cost.all_human_amount} for everything by hand "
                f"({100 * (1 - amount / by_hand):.0f} % less)",
            )
        )
    if found.unlabeled:
        rows.append(("Without a label", f"{found.unlabeled:,}"))
    _say("")
    for title, text in rows:
        _say(f"{title:18}{text}")
    for title in ("manifest", "report"):
        _say(f"\n{title.capitalize()}:")
        _say(str(_path(output[title])))


def _say_where_to_look(job: LabelingJob, stack: LocalStack, folder: Path, *, keep: bool) -> None:
    # As it was called, since .venv/bin need not be on the PATH.
    surelabel = sys.argv[0]
    _say("\nLook around:")
    if job.status.output is not None:
        manifest = _path(job.status.output.manifest)
        _say(f"  head -n 2 {manifest}")
        # <output.uri>/<name>/manifests/output/output.manifest
        _say(f"  {surelabel} verify {manifest.parents[2]}")
    if not keep:
        _say(f"  {surelabel} up --workdir {folder}    # the same cluster again; elsewhere then:")
    _say(f"  export KUBECONFIG={stack.kubeconfig} PATH={stack.kubectl.parent}:$PATH")
    _say(f"  kubectl describe slj {job.metadata.name}")
    if keep:
        _say(f"  curl -s {stack.metrics_url}")


def _how_it_ended(job: LabelingJob) -> str:
    for type_, said in (("Succeeded", {"True": "succeeded", "False": "failed"}), ("Stalled", {})):
        condition = job.status.condition(type_)
        if condition is not None and condition.status != "Unknown":
            if condition.status in said:
                return f"{said[condition.status]} ({condition.reason})"
            if condition.status == "True":
                return f"waits for a person ({condition.reason}: {condition.message})"
    return "has not ended"


def _wrong(whose: str, found: Wrong) -> str:
    return (
        f"{found.percent:.2f} % of the {whose} labels are wrong ({found.wrong} of {found.labels:,})"
    )


def _path(uri: str) -> Path:
    # as_uri() wrote it: this demo's store is a local folder.
    from urllib.parse import unquote, urlsplit

    return Path(unquote(urlsplit(uri).path))


def _kubectl(stack: LocalStack, *arguments: str) -> None:
    _title("$ kubectl " + " ".join(arguments))
    done = subprocess.run(_command(stack, *arguments), check=False)
    if done.returncode != 0:
        raise UserError(f"kubectl {arguments[0]} failed; its message stands above.")


def _get(stack: LocalStack, name: str) -> dict[str, Any]:
    done = subprocess.run(
        _command(stack, "get", "slj", name, "-o", "json"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        raise UserError(f"kubectl get slj {name} failed: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _command(stack: LocalStack, *arguments: str) -> list[str]:
    return [str(stack.kubectl), f"--kubeconfig={stack.kubeconfig}", *arguments]


def _wait_for_interrupt() -> None:
    _say("\nEverything goes on running. Ctrl-C ends it.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        _say("")


def _title(text: str) -> None:
    bold, plain = (
        ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
    )
    _say(f"\n{bold}{text}{plain}")


def _say(text: str) -> None:
    # Written at once, so that it stands before what kubectl prints next.
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()

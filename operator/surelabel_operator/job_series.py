"""The series of LabelingJobs as Prometheus' text, made from the cache at scrape time.

Written by hand in pieces, with a break after some jobs: for 10,000 jobs Prometheus' own objects
would hold up every reconcile for seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from surelabel_operator.cache import JobEntry

# Further labels as text (each with a comma before it) and the value.
Sample = tuple[str, float]
Samples = Callable[[JobEntry], Iterable[Sample]]

_STATUSES = ("True", "False", "Unknown")
_JOBS_PER_PIECE = 100


async def render_jobs(jobs: Iterable[JobEntry]) -> AsyncIterator[bytes]:
    """Family by family, each job's samples."""
    entries = list(jobs)
    for name, text, samples in FAMILIES:
        lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        for position, entry in enumerate(entries, start=1):
            # Both are DNS names: nothing in them needs escaping.
            base = f'{name}{{name="{entry.name}",namespace="{entry.namespace}"'
            lines += [f"{base}{labels}}} {value}" for labels, value in samples(entry)]
            if position % _JOBS_PER_PIECE == 0:
                yield ("\n".join(lines) + "\n").encode()
                lines = []
                await asyncio.sleep(0)
        if lines:
            yield ("\n".join(lines) + "\n").encode()


def _known(value: float) -> Iterator[Sample]:
    if value >= 0:
        yield "", float(value)


def _conditions(entry: JobEntry) -> Iterator[Sample]:
    for type_, status in entry.conditions:
        for value in _STATUSES:
            yield f',type="{type_}",status="{value}"', float(value == status)


def _labeled(entry: JobEntry) -> Iterator[Sample]:
    if entry.total >= 0:
        yield ',source="human"', float(entry.human)
        yield ',source="machine"', float(entry.machine)


def _ratio(entry: JobEntry) -> Iterator[Sample]:
    if entry.total >= 0:
        labeled = entry.human + entry.machine
        yield "", labeled / entry.total if entry.total else 0.0


def _money(entry: JobEntry, value: float) -> Iterator[Sample]:
    if value >= 0:
        yield f',currency="{_escaped(entry.currency)}"', value


def _budgets(entry: JobEntry) -> Iterator[Sample]:
    for resource, used, limit in (
        ("rounds", float(entry.round), float(entry.max_rounds)),
        ("humanLabeledItems", float(entry.human), float(entry.max_human)),
        ("cost", entry.cost, entry.max_cost),
    ):
        if limit > 0 and used >= 0:
            yield f',resource="{resource}"', used / limit


def _quality(entry: JobEntry) -> Iterator[Sample]:
    for metric, value in entry.quality:
        yield f',metric="{metric}"', value


def _info(entry: JobEntry) -> Iterator[Sample]:
    ray = f'cluster_mode="{_escaped(entry.ray_way)}",queue="{_escaped(entry.queue)}"'
    yield f',uid="{_escaped(entry.uid)}",{ray}', 1.0


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


FAMILIES: tuple[tuple[str, str, Samples], ...] = (
    ("labeling_job_info", "Always 1.", _info),
    ("labeling_job_condition", "1 for the status that the condition has.", _conditions),
    ("labeling_job_labeled_ratio", "Share of items with a label.", _ratio),
    ("labeling_job_items", "Items of the manifest.", lambda e: _known(e.total)),
    ("labeling_job_labeled_items", "Items with a label, by who gave it.", _labeled),
    ("labeling_job_round", "The round in work.", lambda e: _known(e.round)),
    (
        "labeling_job_created_timestamp_seconds",
        "When the job was created.",
        lambda e: _known(e.created),
    ),
    (
        "labeling_job_completion_timestamp_seconds",
        "When the job ended.",
        lambda e: _known(e.completed),
    ),
    (
        "labeling_job_last_progress_timestamp_seconds",
        "When the step in work was recorded.",
        lambda e: _known(e.last_progress),
    ),
    ("labeling_job_budget_used_ratio", "Used share of a limit.", _budgets),
    (
        "labeling_job_target_error_ratio",
        "Share of wrong machine labels allowed.",
        lambda e: _known(e.target_error),
    ),
    (
        "labeling_job_certified_error_ratio",
        "Certified bound on the share of wrong machine labels.",
        lambda e: _known(e.certified_error),
    ),
    ("labeling_job_quality", "How good labels and models are, as measured last.", _quality),
    ("labeling_job_cost", "Paid for annotations so far.", lambda e: _money(e, e.cost)),
    (
        "labeling_job_all_human_cost",
        "What people alone would cost.",
        lambda e: _money(e, e.all_human_cost),
    ),
    (
        "labeling_job_cost_to_finish",
        "What people would cost for everything without a label.",
        lambda e: _money(e, e.cost_to_finish),
    ),
    (
        "labeling_job_predicted_saving_items",
        "Items that people need not label if models go on, as predicted.",
        lambda e: _known(e.saving_items),
    ),
    ("labeling_job_answers", "Answers received.", lambda e: _known(e.answers)),
    (
        "labeling_job_open_items",
        "Items that people are asked about.",
        lambda e: _known(e.open_items),
    ),
)

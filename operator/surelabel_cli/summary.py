"""What a job has come to, in lines for people; all of it from the job's status."""

from __future__ import annotations

from surelabel_cli.progress_view import facts, problem_text
from surelabel_operator.attempting import MEND
from surelabel_operator.resources import LabelingJob


def summary_lines(job: LabelingJob) -> list[str]:
    """How it ended, the numbers, and where the results are, each URI whole on its own line."""
    lines = [ending_line(job)]
    width = max(len(title) for title, _ in facts(job))
    lines.extend(f"  {title:{width}}  {text}" for title, text in facts(job))
    for title, uri in output_uris(job):
        lines.extend((f"{title}:", uri))
    return lines


def ending_line(job: LabelingJob) -> str:
    """How it ended, and what to do where a person is waited for."""
    return f"{job.metadata.name}: {_ending(job)}"


def output_uris(job: LabelingJob) -> list[tuple[str, str]]:
    """What each result is called, and its URI."""
    output = job.status.output
    if output is None:
        return []
    named = (("manifest", output.manifest), ("report", output.report), ("model", output.model))
    return [(title, uri) for title, uri in named if uri]


def _ending(job: LabelingJob) -> str:
    succeeded = job.status.condition("Succeeded")
    if succeeded is not None and succeeded.status == "True":
        return f"succeeded ({succeeded.reason}). {succeeded.message}".rstrip()
    if succeeded is not None and succeeded.status == "False":
        return f"failed ({succeeded.reason}). {succeeded.message}".rstrip()
    problem = problem_text(job.status).removesuffix(MEND).rstrip() or "has not ended."
    return f"{problem} Mend it and start the same command again: it goes on from here."

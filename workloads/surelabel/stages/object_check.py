"""Whether the answers and the results of a finished job are still what its steps wrote."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from surelabel.stages.context import StageContext
from surelabel.stages.stored import read_answer_index
from surelabel_contract.stages import ObjectRef, StageReport
from surelabel_contract.store import NotFoundInStoreError

_CHUNK = 8 << 20


def object_problems(context: StageContext, report: StageReport) -> list[str]:
    """What is missing or was changed, of all answers and of what ``report``, export's, names."""
    return [problem for problem in _problems(context, report) if problem]


def _problems(context: StageContext, report: StageReport) -> Iterator[str]:
    for role, ref in sorted(report.outputs.items()):
        yield _problem(context, ref, role, "export")
    for step in read_answer_index(context).steps:
        for segment in step.segments:
            yield _problem(context, segment, "answers", "annotate")


def _problem(context: StageContext, ref: ObjectRef, role: str, stage: str) -> str:
    """In words; "" if the object is as it was written."""
    digest = hashlib.sha256()
    try:
        for chunk in context.folder.read_chunks(ref.key, _CHUNK):
            digest.update(chunk)
    except NotFoundInStoreError:
        return f"{ref.key} ({role}) is missing."
    if digest.hexdigest() == ref.sha256:
        return ""
    return f"{ref.key} ({role}) is not what {stage} wrote."

"""Whether the answers and the results of a finished job are still what its steps wrote."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from surelabel.blobs import ForeignRefError, refs_of
from surelabel.stages.answer_contents import read_blob, with_keys
from surelabel.stages.context import StageContext, StateCorruptedError
from surelabel.stages.stored import read_answer_index, read_state
from surelabel.tasks import TASK_TYPES
from surelabel_contract.keys import label_files_in
from surelabel_contract.people import Answer
from surelabel_contract.stages import ObjectRef, StageReport
from surelabel_contract.store import NotFoundInStoreError

_CHUNK = 8 << 20


def object_problems(context: StageContext, report: StageReport) -> list[str]:
    """What is missing or was changed, of all answers and of what ``report``, export's, names."""
    return [problem for problem in _problems(context, report) if problem]


def _problems(context: StageContext, report: StageReport) -> Iterator[str]:
    for role, ref in sorted(report.outputs.items()):
        yield _problem(context, ref.key, ref.sha256, role, "export")
    for step in read_answer_index(context).steps:
        for segment in step.segments:
            problem = _problem(context, segment.key, segment.sha256, "answers", "annotate")
            yield problem
            if not problem:
                yield from _blob_problems(context, segment)
    # In other labels such a name is words of somebody's own.
    if TASK_TYPES[context.config.task_type].source_kind == "image":
        for file in read_state(context).values:
            yield from _label_file_problems(context, file.file)


def _label_file_problems(context: StageContext, values: ObjectRef) -> Iterator[str]:
    """What is missing or was changed of labels that are files of their own."""
    for raw in context.read_ref(values).splitlines():
        for key, sha256 in label_files_in(raw.decode(errors="replace")):
            yield _problem(context, key, sha256, "label", "consolidate")


def _blob_problems(context: StageContext, segment: ObjectRef) -> Iterator[str]:
    """What is missing or was changed of the images that a segment's answers refer to."""
    decoder = msgspec.json.Decoder(Answer)
    for raw in context.folder.read(segment.key).splitlines():
        try:
            content = with_keys(context, segment.key, decoder.decode(raw).answer_content)
        except (msgspec.DecodeError, ForeignRefError):
            # Set aside by consolidate, with its reason.
            continue
        for key in refs_of(content):
            try:
                read_blob(context, key)
            except StateCorruptedError as error:
                yield str(error)


def _problem(context: StageContext, key: str, sha256: str, role: str, stage: str) -> str:
    """In words; "" if the object is as it was written."""
    digest = hashlib.sha256()
    try:
        for chunk in context.folder.read_chunks(key, _CHUNK):
            digest.update(chunk)
    except NotFoundInStoreError:
        return f"{key} ({role}) is missing."
    if digest.hexdigest() == sha256:
        return ""
    return f"{key} ({role}) is not what {stage} wrote."

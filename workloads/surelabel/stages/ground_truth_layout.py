"""Ground Truth's folder ``annotations/``: every answer and every consolidation, where it has them.

Written by export from the answer segments, on request (``output.layout: GroundTruth``). An item's
id is a part of the key there, so ids with a slash are percent-encoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from surelabel.answers import AnswerIndex, SegmentsOfStep
from surelabel.blobs import ForeignRefError, brought_in
from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState
from surelabel.stages.answer_contents import read_blob, with_keys
from surelabel.stages.context import StageContext
from surelabel.stages.output_manifest import LabelWriter
from surelabel.stages.stored import read_answer_index
from surelabel_contract.keys import ANNOTATIONS
from surelabel_contract.people import Answer


def write_annotations(context: StageContext, reader: ItemReader, state: LabelState) -> int:
    """The number of items with answers, each of which got its worker response.

    Memory: one round of answers. These files are derived, so the report does not list them.
    """
    index = read_answer_index(context)
    rounds = sorted({step.round for step in index.steps})
    return sum(_write_round(context, reader, state, index, number) for number in rounds)


def _write_round(
    context: StageContext, reader: ItemReader, state: LabelState, index: AnswerIndex, number: int
) -> int:
    by_item: dict[str, list[Answer]] = {}
    for answer in _answers(context, index.of_round(number)):
        by_item.setdefault(answer.item_id, []).append(answer)
    for item_id in sorted(by_item):
        answers = sorted(by_item[item_id], key=lambda a: (a.submission_time, a.annotator))
        name = f"{_time(answers[-1].submission_time)}.json"
        key = f"{ANNOTATIONS}/worker-response/iteration-{number}/{quote(item_id, safe='')}/{name}"
        content = {"answers": [_worker_answer(context, answer) for answer in answers]}
        context.folder.write(key, msgspec.json.encode(content))
    _write_consolidation(context, reader, state, number, sorted(by_item))
    return len(by_item)


def _write_consolidation(
    context: StageContext, reader: ItemReader, state: LabelState, number: int, ids: list[str]
) -> None:
    # What machines label has no answers of people, so it needs no marks.
    label_of = LabelWriter(context, state, {})
    lines = reader.lines_of(ids)
    content = [
        {
            "datasetObjectId": item_id,
            "consolidatedAnnotation": {"content": label_of(lines[item_id])},
        }
        for item_id in sorted(ids, key=lines.__getitem__)
        if state.kind[lines[item_id]] == Kind.HUMAN
    ]
    name = f"{_time(context.time_after(0))}.json"
    folder = f"{ANNOTATIONS}/consolidated-annotation/consolidation-response/iteration-{number}"
    context.folder.write(f"{folder}/{name}", msgspec.json.encode(content))


def _answers(context: StageContext, steps: tuple[SegmentsOfStep, ...]) -> Iterator[Answer]:
    decoder = msgspec.json.Decoder(Answer)
    for step in steps:
        for segment in step.segments:
            for raw in context.folder.read(segment.key).splitlines():
                try:
                    answer = decoder.decode(raw)
                    content = with_keys(context, segment.key, answer.answer_content)
                except (msgspec.DecodeError, ForeignRefError):
                    # Set aside by consolidate, with its reason.
                    continue
                if content is not None:
                    yield msgspec.structs.replace(answer, answer_content=content)


def _worker_answer(context: StageContext, answer: Answer) -> dict[str, Any]:
    return {
        "acceptanceTime": answer.acceptance_time,
        # Ground Truth has the images inside.
        "answerContent": brought_in(answer.answer_content, lambda key: read_blob(context, key)),
        "submissionTime": answer.submission_time,
        "timeSpentInSeconds": answer.time_spent_in_seconds,
        "workerId": answer.annotator,
    }


def _time(rfc3339: str) -> str:
    """Ground Truth's form of a time in a file name: ``2019-04-18_16:11:15``."""
    return rfc3339[:19].replace("T", "_")

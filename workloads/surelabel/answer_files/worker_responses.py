"""Ground Truth's files of answers: worker responses, and what a consolidation Lambda gets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from surelabel.answer_files.given import RawAnswer, SetAside
from surelabel.answer_files.times import seconds_spent
from surelabel.json_text import json_problem

_ITERATION = re.compile(r"(?:^|/)iteration-(\d+)/")


def is_response(key: str) -> bool:
    """Whether a key may be that of a worker response: a JSON file in a folder of its item."""
    return key.endswith(".json") and "/" in key


def order_of(key: str) -> tuple[int, int, str, str]:
    """Sorts keys by round, item (numbers as such) and time."""
    found = _ITERATION.search(key)
    item = item_of(key)
    number = int(item) if item.isascii() and item.isdigit() else -1
    return int(found[1]) if found else 0, number, item, key


def item_of(key: str) -> str:
    """The id of the item: the folder's name, in which we write odd characters as %xx."""
    return unquote(key.split("/")[-2])


def read_response(data: bytes, key: str) -> Iterator[RawAnswer | SetAside]:
    """The answers of one worker response, of the old form (2019) and the new one."""
    value = _decoded(data, key)
    if isinstance(value, SetAside):
        yield value
        return
    answers = value.get("answers") if isinstance(value, dict) else None
    if not isinstance(answers, list):
        yield SetAside(key, "MalformedResponse", 'must be {"answers": [...]}. Leave it out.')
        return
    for position, entry in enumerate(answers):
        where = f"{key}[{position}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("workerId"), str):
            yield SetAside(where, "MalformedResponse", "workerId: must be a string. Name it.")
            continue
        submitted = entry.get("submissionTime")
        yield RawAnswer(
            item_of(key),
            entry["workerId"],
            _content(entry.get("answerContent")),
            where,
            submitted if isinstance(submitted, str) else None,
            seconds_spent(entry),
        )


def read_lambda_payload(
    data: bytes, name: str, read: Callable[[str], bytes]
) -> Iterator[RawAnswer | SetAside]:
    """The answers in the file that a consolidation Lambda gets; ``read`` fetches an ``s3Uri``."""
    value = _decoded(data, name)
    if isinstance(value, SetAside):
        yield value
        return
    for number, entry in enumerate(value if isinstance(value, list) else ()):
        listed = entry.get("annotations") if isinstance(entry, dict) else None
        item = entry.get("datasetObjectId") if isinstance(entry, dict) else None
        if not isinstance(listed, list) or not isinstance(item, str):
            message = "needs datasetObjectId and annotations. Add them."
            yield SetAside(f"{name}[{number}]", "MalformedResponse", message)
            continue
        for position, each in enumerate(listed):
            where = f"{name}[{number}].annotations[{position}]"
            worker = each.get("workerId") if isinstance(each, dict) else None
            inner = each.get("annotationData") if isinstance(each, dict) else None
            if not isinstance(worker, str) or not isinstance(inner, dict):
                message = "needs workerId and annotationData. Add them."
                yield SetAside(where, "MalformedResponse", message)
                continue
            content = inner.get("content")
            if content is None and isinstance(inner.get("s3Uri"), str):
                content = read(inner["s3Uri"]).decode(errors="replace")
            yield RawAnswer(item, worker, _content(content), where)


def _content(content: Any) -> Any:
    """Lambdas get the content as a string of JSON; what is odd is left for the format to refuse."""
    if isinstance(content, str):
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError):
            return content
    # Absent content is a broken answer, not an abstention.
    return {} if content is None else content


def _decoded(data: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return SetAside(where, "InvalidJson", f"must be JSON: {json_problem(data, error)}")

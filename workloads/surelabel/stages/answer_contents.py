"""Between an answer as a segment has it and its value: images come from the step's blobs.

What is kept of an answer with images has their keys in it, never the images, so that a round of
masks is as small as a round of boxes.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from surelabel.answer_segments import Parsed
from surelabel.blobs import ForeignRefError, blob_name, brought_in, check_name, refs_of, renamed
from surelabel.stages.context import StageContext, StateCorruptedError
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import AnswerError
from surelabel.tasks.valued import ValueTask, classes_of
from surelabel_contract.keys import step_of_key
from surelabel_contract.model import canonical_json, sha256_hex
from surelabel_contract.steps import Step
from surelabel_contract.store import NotFoundInStoreError

# Blobs held in memory: those of an item are looked at several times within a short while.
_CACHE_BYTES = 64 << 20
# Blobs in memory before they are created, and how many are read or created at a time.
_WAITING_BYTES = 32 << 20
_AT_A_TIME = 16


class AnswerContents:
    """The answers of one job's task type."""

    def __init__(self, context: StageContext) -> None:
        self._task = TASK_TYPES[context.config.task_type]
        self._labels = tuple(label.name for label in context.config.labels)
        self._blobs = _Blobs(context)
        self._context = context

    def look_ahead(self, segment: str, contents: Sequence[Mapping[str, Any]]) -> None:
        """See ``ContentReader``."""
        if not isinstance(self._task, ValueTask):
            # Classes have no images.
            return
        keys: list[str] = []
        for content in contents:
            try:
                keys += refs_of(with_keys(self._context, segment, content))
            except ForeignRefError:
                # Said when it is parsed.
                continue
        self._blobs.fetch(keys)

    def look_ahead_coded(self, coded: Sequence[bytes]) -> None:
        """Answers whose values are wanted next."""
        # Most answers refer to nothing, and need not be decoded twice.
        some = (json.loads(each) for each in coded if b'"ref"' in each)
        self._blobs.fetch([key for content in some for key in refs_of(content)])

    def parse(self, segment: str, content: Mapping[str, Any]) -> Parsed:
        """What the content of an answer in this segment says; AnswerError.

        StateCorruptedError if a blob is not what the workforce stored.
        """
        if not isinstance(self._task, ValueTask):
            return Parsed(self._task.parse_answer(content, self._labels))
        if not refs_of(content):
            return Parsed(*self._task.parse_framed(content, self._labels))
        try:
            kept = with_keys(self._context, segment, content)
        except ForeignRefError as error:
            raise AnswerError(error.reason, f"labeledImage.{error}") from None
        return Parsed(canonical_json(kept), self._task.frame(self._value(kept)))

    def value(self, coded: bytes) -> Any:
        """The value of an answer that is no class, its masks in memory."""
        return self._value(json.loads(coded))

    def _value(self, content: dict[str, Any]) -> Any:
        if not isinstance(self._task, ValueTask):
            raise TypeError(f"answers of {self._task.name} are classes, which have no value.")
        whole = brought_in(content, self._blobs.read)
        return self._task.format.parse_answer(whole, classes_of(self._labels))


def with_keys(context: StageContext, segment: str, content: Any) -> Any:
    """The content of an answer in this segment with the keys of its blobs; ForeignRefError."""
    place = step_of_key(segment)
    if place is None:
        raise ValueError(f"{segment} is no key of a step.")
    step, _ = place
    return renamed(content, lambda ref: context.keys.blob(step, check_name(ref)))


class BlobWriter:
    """Creates the images of a step's answers before the segment that refers to them."""

    def __init__(self, context: StageContext, step: Step) -> None:
        self._context = context
        self._step = step
        self._waiting: dict[str, bytes] = {}
        self._bytes = 0

    def write(self, data: bytes) -> str:
        """The ref of an image, which is there after the next ``flush``."""
        name = blob_name(data)
        if name not in self._waiting:
            self._waiting[name] = data
            self._bytes += len(data)
        if self._bytes >= _WAITING_BYTES:
            self.flush()
        return name

    def flush(self) -> None:
        """Create all that was written; one that exists has the same content."""

        def create(name: str) -> None:
            key = self._context.keys.blob(self._step, name)
            self._context.create(key, self._waiting[name])

        with ThreadPoolExecutor(_AT_A_TIME) as writers:
            # A list, so that what a thread raises is raised here.
            list(writers.map(create, self._waiting))
        self._waiting, self._bytes = {}, 0


class _Blobs:
    """Blobs by key, the latest of them in memory."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def fetch(self, keys: Sequence[str]) -> None:
        """Read those that are not in memory, several at a time."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._held]
        if not wanted:
            return
        with ThreadPoolExecutor(_AT_A_TIME) as readers:
            for key, data in zip(wanted, readers.map(self._read, wanted), strict=True):
                self._hold(key, data)

    def read(self, key: str) -> bytes:
        """The image; StateCorruptedError where it is missing or has another content."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        data = self._read(key)
        self._hold(key, data)
        return data

    def _read(self, key: str) -> bytes:
        return read_blob(self._context, key)

    def _hold(self, key: str, data: bytes) -> None:
        self._held[key] = data
        self._bytes += len(data)
        while self._bytes > _CACHE_BYTES:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= len(oldest)


def read_blob(context: StageContext, key: str) -> bytes:
    """The image at the key, whose name proves it; StateCorruptedError."""
    try:
        data = context.folder.read(key)
    except NotFoundInStoreError as error:
        raise StateCorruptedError(
            f"{context.folder.uri_of(key)} is missing, to which an answer refers. Restore it."
        ) from error
    if not key.endswith(f"/{blob_name(data)}"):
        raise StateCorruptedError(
            f"{context.folder.uri_of(key)} is not the image that an answer refers to (SHA-256 "
            f"{sha256_hex(data)[:12]}…). Restore it."
        )
    return data

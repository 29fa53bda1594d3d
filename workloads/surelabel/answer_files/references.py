"""What answers, items and labels of a finished job refer to: masks and texts in files of their own.

Whoever has copied a job's folder need not have them, nor reach the store where they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from surelabel.answer_files.given import GivenAnswers, SetAside
from surelabel.answer_files.job_manifest import ManifestLine
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.label_format import Label
from surelabel.tasks.label_images import with_mask
from surelabel.tasks.pixels import PixelError
from surelabel.tasks.valued import ValueTask
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.store import (
    ForbiddenError,
    NotFoundInStoreError,
    Storage,
    StorageError,
    TooLargeError,
)

# Files in a store are read this many at a time.
_AT_A_TIME = 32


def with_masks(given: GivenAnswers, storage: Storage) -> GivenAnswers:
    """The labels with their masks in memory; those whose file cannot be read are set aside."""
    read = _read_once_where_nobody_answers(storage)
    labels: dict[str, Label[Any]] = {}
    aside: list[SetAside] = []
    for item, label in given.labels.items():
        try:
            value = with_mask(label.value, read, given.classes)
        except (StorageError, ConfigurationError, PixelError) as error:
            aside.append(SetAside(f"the label of {item}", "BrokenMask", str(error), item))
            continue
        labels[item] = replace(label, value=value)
    return replace(given, labels=labels, set_aside=(*given.set_aside, *aside))


def item_texts(lines: Sequence[ManifestLine], task_type: str, storage: Storage) -> dict[str, str]:
    """The texts of the items, inline or by reference, where the task type is better with them."""
    task = TASK_TYPES[task_type]
    if not isinstance(task, ValueTask) or not task.wants_texts:
        return {}
    read = _read_once_where_nobody_answers(storage, task.max_source_bytes)

    def text_of(line: ManifestLine) -> str | None:
        if line.text is not None or line.source is None:
            return line.text
        try:
            return read(line.source).decode("utf-8-sig")
        # Who has copied a job's folder need not have its texts: then it goes without words.
        except (StorageError, ConfigurationError, UnicodeDecodeError):
            return None

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        texts = list(pool.map(text_of, lines))
    return {line.item: text for line, text in zip(lines, texts, strict=True) if text is not None}


def _read_once_where_nobody_answers(
    storage: Storage, max_bytes: int | None = None
) -> Callable[[str], bytes]:
    """``storage.read``, but a store that cannot be reached is not waited for again."""
    unreachable: dict[str, StorageError] = {}

    def read(uri: str) -> bytes:
        store = uri.partition("://")[2].partition("/")[0]
        if store in unreachable:
            raise unreachable[store]
        try:
            return storage.read(uri, max_bytes)
        except (NotFoundInStoreError, ForbiddenError, TooLargeError):
            raise
        except StorageError as error:
            unreachable[store] = error
            raise

    return read

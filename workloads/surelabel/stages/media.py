"""Sources of a shard's items, read once: features where a model will learn, a look where not.

A source that cannot be used fails alone, with its reason, before anybody is asked about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np

from surelabel.encoders.base import EncoderError
from surelabel.items import Item, stacked, write_features
from surelabel.manifest import ManifestItem, Rejected
from surelabel.stages.context import StageContext
from surelabel.stages.encoding import encoder_of, encoding_error
from surelabel.stages.splitting import LineRange
from surelabel.tasks import TASK_TYPES, learnable
from surelabel.tasks.base import FeatureBatch
from surelabel_contract.errors import ConfigurationError, ImpossibleUriError
from surelabel_contract.stages import ObjectRef
from surelabel_contract.store import (
    ForbiddenError,
    ImpossibleNameError,
    NotFoundInStoreError,
    TooLargeError,
)

# Sources in memory at once, and how many are fetched at a time.
_BATCH = 64
_READERS = 8

T = TypeVar("T")
# A line and the content of its source.
Source: TypeAlias = "tuple[int, bytes | str]"


class MediaFailure(msgspec.Struct, frozen=True):
    """An item whose source cannot be used."""

    line: int
    reason: str
    message: str


def write_feature_shard(
    context: StageContext, lines: LineRange, checked: Sequence[ManifestItem | Rejected]
) -> tuple[ObjectRef, list[MediaFailure]]:
    """The shard's features, and the items that have none.

    Items that brought a label are left out: no model will ever look at them.
    """
    wanted = _unlabeled(lines, checked)
    features_of = _features_of(context)
    failures: list[MediaFailure] = []
    found: list[int] = []
    parts: list[Any] = []
    with ThreadPoolExecutor(_READERS) as readers:
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            read = readers.map(lambda pair: read_source(context, *pair), batch)
            sources: list[Source] = []
            for source in read:
                if isinstance(source, MediaFailure):
                    failures.append(source)
                else:
                    sources.append(source)
            features = features_of(sources)
            found.extend(sources[row][0] for row in features.row.tolist())
            if len(features.row):
                parts.append(features.features)
            failures.extend(
                MediaFailure(sources[broken.row][0], broken.reason, broken.message)
                for broken in features.broken
            )
    key = context.keys.feature_shard(lines.number, context.config.encoder_sha256)
    data = write_features(np.array(found, np.int64), stacked(parts))
    failures.sort(key=lambda failure: failure.line)
    return context.write_key(key, data), failures


def _features_of(context: StageContext) -> Callable[[Sequence[Source]], FeatureBatch]:
    """What makes features of sources: the job's encoder, else the task type itself."""
    encoder = encoder_of(context)
    if encoder is None:
        built_in = learnable(context.config.task_type).features
        return lambda sources: built_in([content for _, content in sources])

    def encode(sources: Sequence[Source]) -> FeatureBatch:
        try:
            return encoder.encode([content for _, content in sources])
        except EncoderError as error:
            first, last = sources[0][0] + 1, sources[-1][0] + 1
            where = f" It was one of the manifest's lines {first} to {last}."
            raise encoding_error(context, error, where) from error

    return encode


def check_sources(
    context: StageContext, lines: LineRange, checked: Sequence[ManifestItem | Rejected]
) -> list[MediaFailure]:
    """The items whose source people could not look at; for jobs without a model.

    Texts in the manifest itself have been checked with their lines. What may be anything, such as
    a video, is looked up and not read.
    """
    task_type = TASK_TYPES[context.config.task_type]
    look = _look_up if task_type.takes_any_source else _look_at
    wanted = [pair for pair in _unlabeled(lines, checked) if pair[1].source_ref is not None]
    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(lambda pair: look(context, *pair), wanted))
    return [each for each in found if each is not None]


def _unlabeled(
    lines: LineRange, checked: Sequence[ManifestItem | Rejected]
) -> list[tuple[int, ManifestItem]]:
    return [
        (line, item)
        for line, item in enumerate(checked, lines.first_line)
        if isinstance(item, ManifestItem) and item.earlier is None
    ]


def _look_at(context: StageContext, line: int, item: ManifestItem) -> MediaFailure | None:
    # Late: a job whose texts stand in the manifest needs neither.
    from surelabel.tasks.image_classification.features import BrokenImageError, decode
    from surelabel.tasks.text_classification.features import BrokenTextError, read_text

    source = read_source(context, line, item)
    if isinstance(source, MediaFailure):
        return source
    content = source[1]
    try:
        if TASK_TYPES[context.config.task_type].source_kind == "text":
            read_text(content)
        else:
            decode(content if isinstance(content, bytes) else content.encode())
    except (BrokenTextError, BrokenImageError) as error:
        return MediaFailure(line, "BrokenMedia", str(error))
    return None


def _look_up(context: StageContext, line: int, item: ManifestItem) -> MediaFailure | None:
    uri = item.source_ref or ""

    def look_up() -> None:
        folder, name = context.storage.locate(uri)
        if folder.size(name) is None:
            raise NotFoundInStoreError(uri)

    found = _of_item(line, uri, look_up)
    return found if isinstance(found, MediaFailure) else None


def read_source(
    context: StageContext, line: int, item: ManifestItem | Item
) -> tuple[int, bytes | str] | MediaFailure:
    """The content of an item's source.

    What the store answers for this object is the item's; an unreachable store, or one that refuses
    whoever asks, is no fault of the item and ends the stage (StorageError).
    """
    uri = item.source_ref
    if uri is None:
        return line, item.source or ""
    limit = TASK_TYPES[context.config.task_type].max_source_bytes
    found = _of_item(line, uri, lambda: context.storage.read(uri, limit))
    return found if isinstance(found, MediaFailure) else (line, found)


def _of_item(line: int, uri: str, ask: Callable[[], T]) -> T | MediaFailure:
    try:
        return ask()
    except NotFoundInStoreError:
        reason, message = "MissingMedia", f"{uri} does not exist."
    except TooLargeError as error:
        reason, message = "SourceTooLarge", str(error)
    except ForbiddenError as error:
        # S3 says so of a missing object too, to who may not list the bucket.
        reason, message = "StorageNotAllowed", f"{error} (or it does not exist)"
    except (ImpossibleNameError, ImpossibleUriError, ValueError) as error:
        reason, message = "InvalidSource", str(error)
    except ConfigurationError as error:
        reason, message = error.reason, str(error)
    return MediaFailure(line, reason, message)

"""Features of a shard's items; a source that cannot be read fails alone, with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np

from surelabel.items import Item, stacked, write_features
from surelabel.manifest import ManifestItem, Rejected
from surelabel.stages.context import StageContext
from surelabel.stages.splitting import LineRange
from surelabel.tasks import TASK_TYPES, learnable
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
    wanted = [
        (line, item)
        for line, item in enumerate(checked, lines.first_line)
        if isinstance(item, ManifestItem) and item.earlier is None
    ]
    task_type = learnable(context.config.task_type)
    failures: list[MediaFailure] = []
    found: list[int] = []
    parts: list[Any] = []
    with ThreadPoolExecutor(_READERS) as readers:
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            read = readers.map(lambda pair: read_source(context, *pair), batch)
            sources: list[tuple[int, bytes | str]] = []
            for source in read:
                if isinstance(source, MediaFailure):
                    failures.append(source)
                else:
                    sources.append(source)
            features = task_type.features([content for _, content in sources])
            found.extend(sources[row][0] for row in features.row.tolist())
            if len(features.row):
                parts.append(features.features)
            failures.extend(
                MediaFailure(sources[broken.row][0], broken.reason, broken.message)
                for broken in features.broken
            )
    data = write_features(np.array(found, np.int64), stacked(parts))
    failures.sort(key=lambda failure: failure.line)
    return context.write_key(context.keys.feature_shard(lines.number), data), failures


def read_source(
    context: StageContext, line: int, item: ManifestItem | Item
) -> tuple[int, bytes | str] | MediaFailure:
    """The content of an item's source.

    What the store answers for this object is the item's; an unreachable store, or one that refuses
    whoever asks, is no fault of the item and ends the stage (StorageError).
    """
    if item.source_ref is None:
        return line, item.source or ""
    limit = TASK_TYPES[context.config.task_type].max_source_bytes
    try:
        return line, context.storage.read(item.source_ref, limit)
    except NotFoundInStoreError:
        reason, message = "MissingMedia", f"{item.source_ref} does not exist."
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

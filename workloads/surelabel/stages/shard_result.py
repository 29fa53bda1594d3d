"""What a finished shard of prepare says; stored, so that a retry has it.

What it says of single lines stays in the store, packed, and is read one shard at a time: a million
lines may each leave something behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from surelabel.manifest import ManifestItem, Rejected
from surelabel.stages.context import StageContext
from surelabel.stages.media import MediaFailure
from surelabel.stages.splitting import LineRange
from surelabel_contract.stages import ObjectRef
from surelabel_contract.store import NotFoundInStoreError

# Rows of the packed columns. ``reason`` is a position in ``ShardLines.reasons``.
_REJECTED = np.dtype([("line", "<i8"), ("reason", "<i2")])
_EARLIER = np.dtype([("line", "<i8"), ("label", "<i4"), ("human", "?")])
# Of an id only the digest counts: ids may be a kilobyte long.
_ID = np.dtype([("line", "<i8"), ("digest", "<u8", (2,))])


class ObjectRefFields(msgspec.Struct, frozen=True):
    """An ObjectRef that msgspec can read."""

    key: str
    size: int
    sha256: str

    @classmethod
    def of(cls, ref: ObjectRef) -> ObjectRefFields:
        """The same reference."""
        return cls(ref.key, ref.size, ref.sha256)

    def ref(self) -> ObjectRef:
        """The same reference, as the contract has it."""
        return ObjectRef(key=self.key, size=self.size, sha256=self.sha256)


class ShardLines(msgspec.Struct, frozen=True):
    """What a shard says of single lines; bytes are columns of rows, ascending by line."""

    reasons: tuple[str, ...]
    # Of the first rejected line; those of all are in the item shard.
    message: str
    rejected_rows: bytes
    earlier_rows: bytes
    id_rows: bytes
    failed: tuple[MediaFailure, ...]

    @classmethod
    def of(
        cls,
        first_line: int,
        checked: Sequence[ManifestItem | Rejected],
        failed: Sequence[MediaFailure],
    ) -> ShardLines | None:
        """What is to be said; None where all lines are plain items without a label."""
        codes: dict[str, int] = {}
        message = ""
        rejected: list[tuple[int, int]] = []
        earlier: list[tuple[int, int, bool]] = []
        own: list[int] = []
        ids: list[str] = []
        for line, found in enumerate(checked, first_line):
            if isinstance(found, Rejected):
                message = message or found.message
                rejected.append((line, codes.setdefault(found.reason, len(codes))))
                continue
            if found.earlier is not None:
                earlier.append((line, found.earlier.label, found.earlier.is_human))
            if found.item_id is not None:
                own.append(line)
                ids.append(found.item_id)
        if not (rejected or earlier or ids or failed):
            return None
        id_rows = np.empty(len(ids), _ID)
        id_rows["line"] = own
        id_rows["digest"] = digests(ids)
        return cls(
            tuple(codes),
            message,
            np.array(rejected, _REJECTED).tobytes(),
            np.array(earlier, _EARLIER).tobytes(),
            id_rows.tobytes(),
            tuple(failed),
        )

    @property
    def rejected(self) -> NDArray[np.void]:
        """Rows of ``line`` and ``reason``."""
        return np.frombuffer(self.rejected_rows, _REJECTED)

    @property
    def earlier(self) -> NDArray[np.void]:
        """Rows of ``line``, ``label`` and ``human``."""
        return np.frombuffer(self.earlier_rows, _EARLIER)

    @property
    def ids(self) -> NDArray[np.void]:
        """Rows of ``line`` and ``digest``, of the lines that bring an id of their own."""
        return np.frombuffer(self.id_rows, _ID)


class ShardResult(msgspec.Struct, frozen=True):
    """What a finished shard has written; with ``has_lines`` there are ShardLines, too."""

    items: ObjectRefFields
    features: ObjectRefFields | None
    has_lines: bool


class _Stored(msgspec.Struct, frozen=True):
    result: ShardResult
    lines: ShardLines | None


def digests(ids: Iterable[str]) -> NDArray[np.uint64]:
    """(n, 2): 128 bits of each id."""
    data = b"".join(
        hashlib.blake2b(one.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for one in ids
    )
    return np.frombuffer(data, "<u8").reshape(-1, 2)


def find_result(context: StageContext, shard: LineRange) -> ShardResult | None:
    """The result of a shard that an attempt has finished."""
    try:
        return _read(context, shard).result
    except NotFoundInStoreError:
        return None


def write_result(
    context: StageContext,
    shard: LineRange,
    items: ObjectRef,
    features: ObjectRef | None,
    lines: ShardLines | None,
) -> ShardResult:
    """Store the result, which ends the shard; one that exists says the same."""
    result = ShardResult(
        ObjectRefFields.of(items),
        ObjectRefFields.of(features) if features is not None else None,
        lines is not None,
    )
    context.folder.create(_key(context, shard), msgspec.msgpack.encode(_Stored(result, lines)))
    return result


def read_shard_lines(context: StageContext, shard: LineRange) -> ShardLines:
    """What a finished shard with ``has_lines`` says of single lines."""
    lines = _read(context, shard).lines
    if lines is None:
        raise ValueError(f"the result of shard {shard.number} says nothing of single lines")
    return lines


def _read(context: StageContext, shard: LineRange) -> _Stored:
    return msgspec.msgpack.decode(context.folder.read(_key(context, shard)), type=_Stored)


def _key(context: StageContext, shard: LineRange) -> str:
    config = context.config
    return context.keys.shard(config.step, config.digest(), shard.number, config.encoder_sha256)

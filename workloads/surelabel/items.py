"""Item shards: one Parquet row per manifest line, in order, with the line's own bytes.

Everything that ever needs a line's text reads it from here, shard by shard; the manifest itself
is read once. A shard's rows carry the check's verdict; ids that occur twice are known only when
all shards are there, so the index names those lines.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from surelabel.manifest import ManifestItem, Rejected
from surelabel.tasks.packed import Packed
from surelabel_contract.model import Record
from surelabel_contract.stages import ObjectRef
from surelabel_contract.store import Folder

DUPLICATE_ID = "DuplicateId"


class ShardFacts(Record):
    """What the index says of a shard; ``features``: rows with features, None without any."""

    first_line: int
    n_lines: int
    items: ObjectRef
    features: ObjectRef | None = None


class ItemIndex(Record):
    """All shards of a job, in order of their lines."""

    schema_version: Literal[1] = 1
    manifest_sha256: str
    manifest_bytes: int
    n_lines: int
    n_items: int
    has_custom_ids: bool = False
    # Lines that repeat an id of an earlier line.
    duplicates: tuple[int, ...] = ()
    # SHA-256 of the encoder that made the features; None: they are built in.
    encoder: str | None = None
    shards: tuple[ShardFacts, ...]

    def shard_of(self, line: int) -> int:
        """The number of the shard that a line lies in."""
        return bisect_right(self.shards, line, key=lambda shard: shard.first_line) - 1


@dataclass(frozen=True, slots=True)
class Item:
    """What is asked about: line number, id, and source or reference."""

    line: int
    item_id: str
    source: str | None
    source_ref: str | None


def write_item_shard(
    first_line: int, lines: list[bytes], checked: list[ManifestItem | Rejected]
) -> bytes:
    """Parquet bytes of a shard; equal input gives equal bytes."""
    import pyarrow as pa

    rows: dict[str, list[Any]] = {
        name: []
        for name in ("item_id", "source", "source-ref", "reason", "message", "label", "human")
    }
    values: tuple[Any, ...]
    for offset, found in enumerate(checked):
        if isinstance(found, Rejected):
            values = (None, None, None, found.reason, found.message, None, None)
        else:
            item_id = found.item_id if found.item_id is not None else str(first_line + offset)
            label = found.earlier.label if found.earlier else None
            human = found.earlier.is_human if found.earlier else None
            values = (item_id, found.source, found.source_ref, None, None, label, human)
        for column, value in zip(rows.values(), values, strict=True):
            column.append(value)
    types = (*[pa.string()] * 5, pa.int32(), pa.bool_())
    arrays = [
        pa.array(np.arange(first_line, first_line + len(lines), dtype=np.int64)),
        *(pa.array(v, t) for v, t in zip(rows.values(), types, strict=True)),
        pa.array(lines, pa.binary()),
    ]
    return _parquet_bytes(pa.Table.from_arrays(arrays, names=["line", *rows, "raw"]))


def _parquet_bytes(table: Any) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", compression_level=1)
    return buffer.getvalue()


@dataclass(frozen=True)
class ItemReader:
    """The items of one job; holds at most one shard in memory."""

    folder: Folder
    index: ItemIndex

    def table(self, shard: int, columns: list[str]) -> Any:
        """Columns of a shard as a pyarrow Table."""
        import pyarrow.parquet as pq

        data = self.folder.read(self.index.shards[shard].items.key)
        return pq.read_table(io.BytesIO(data), columns=columns)

    def raw_lines(self) -> Iterator[tuple[int, list[bytes]]]:
        """(first line, raw lines) of every shard, in order."""
        for number, shard in enumerate(self.index.shards):
            yield shard.first_line, self.table(number, ["raw"]).column("raw").to_pylist()

    def items(self, lines: Iterable[int]) -> dict[int, Item]:
        """The items on the given lines; reads only their shards."""
        return {
            line: Item(line, row["item_id"], row["source"], row["source-ref"])
            for line, row in self._rows(lines, ["item_id", "source", "source-ref"])
        }

    def raw_of(self, lines: Iterable[int]) -> dict[int, bytes]:
        """The given lines as the manifest has them; reads only their shards."""
        return {line: row["raw"] for line, row in self._rows(lines, ["raw"])}

    def _rows(self, lines: Iterable[int], columns: list[str]) -> Iterator[tuple[int, Any]]:
        wanted: dict[int, list[int]] = {}
        for line in lines:
            wanted.setdefault(self.index.shard_of(line), []).append(line)
        for number in sorted(wanted):
            first = self.index.shards[number].first_line
            rows = [line - first for line in wanted[number]]
            table = self.table(number, columns).take(rows)
            yield from zip(wanted[number], table.to_pylist(), strict=True)

    def lines_of(self, item_ids: Iterable[str]) -> dict[str, int]:
        """The line of each id; KeyError if one does not exist."""
        if not self.index.has_custom_ids:
            return {item_id: int(item_id) for item_id in item_ids}
        wanted, found = set(item_ids), dict[str, int]()
        duplicates = set(self.index.duplicates)
        for number, shard in enumerate(self.index.shards):
            if len(found) == len(wanted):
                break
            ids = self.table(number, ["item_id"]).column("item_id").to_pylist()
            for line, item_id in enumerate(ids, shard.first_line):
                if item_id in wanted and line not in duplicates:
                    found[item_id] = line
        missing = wanted - set(found)
        if missing:
            raise KeyError(f"no item has the id {min(missing)!r}")
        return found

    def features(self, shard: int) -> tuple[NDArray[np.int64], Any]:
        """(line, features) of the shard's items that have features; see ``FeatureBatch``."""
        reference = self.index.shards[shard].features
        if reference is None:
            return np.empty(0, np.int64), np.empty((0, 0), np.float32)
        held = _held.get(reference.sha256)
        if held is None:
            # The last shard stays: train, scoring and queries of a small job read the same one.
            held = read_features(self.folder.read(reference.key))
            _held.clear()
            _held[reference.sha256] = held
        return held

    def features_of(self, lines: NDArray[np.int64]) -> Any:
        """Features of ``lines`` (ascending), one row each; KeyError if one has none."""
        parts: list[Any] = []
        for number, shard in enumerate(self.index.shards):
            bounds = [shard.first_line, shard.first_line + shard.n_lines]
            start, end = np.searchsorted(lines, bounds)
            if start == end:
                continue
            there, features = self.features(number)
            rows = np.searchsorted(there, lines[start:end])
            if rows.max(initial=0) >= len(there) or np.any(there[rows] != lines[start:end]):
                raise KeyError(f"features of items in shard {number} are missing")
            parts.append(features[rows])
        return stacked(parts)


# By the digest of a feature shard, at most one: lines and features, which nobody changes.
_held: dict[str, tuple[NDArray[np.int64], Any]] = {}


def stacked(parts: list[Any]) -> Any:
    """Features one below the other, dense, sparse or packed as they are."""
    if not parts:
        return np.empty((0, 0), np.float32)
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    if isinstance(parts[0], Packed):
        return Packed.of(piece for part in parts for piece in part)
    from scipy import sparse

    return sparse.vstack(parts).tocsr()


def write_features(lines: NDArray[np.int64], features: Any) -> bytes:
    """The bytes of a feature shard, of whatever kind; equal input gives equal bytes."""
    buffer = io.BytesIO()
    # NumPy's archive has fixed timestamps.
    if isinstance(features, np.ndarray):
        np.savez(buffer, line=lines, features=features)
    elif isinstance(features, Packed):
        np.savez(buffer, line=lines, packed=features.data, end=features.end)
    else:
        np.savez(
            buffer,
            line=lines,
            data=features.data,
            indices=features.indices,
            indptr=features.indptr,
            shape=np.array(features.shape, np.int64),
        )
    return buffer.getvalue()


def read_features(data: bytes) -> tuple[NDArray[np.int64], Any]:
    """(line, features) that ``write_features`` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        if "features" in stored:
            features = stored["features"]
            features.flags.writeable = False
            return stored["line"], features
        if "packed" in stored:
            return stored["line"], Packed(stored["packed"], stored["end"])
        from scipy import sparse

        shape = tuple(stored["shape"].tolist())
        parts = (stored["data"], stored["indices"], stored["indptr"])
        return stored["line"], sparse.csr_matrix(parts, shape=shape)

"""Round 0: every line checked, items numbered, features extracted, the first batch chosen.

The manifest is read twice, by byte ranges: once to cut it, once to check it. Memory is bounded by
a shard. A shard that an earlier attempt finished is not done again.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import msgspec
import numpy as np

from surelabel.items import DUPLICATE_ID, ItemIndex, ItemReader, ShardFacts, write_item_shard
from surelabel.labels import Kind, LabelFiles, LabelState, append_labels
from surelabel.manifest import ManifestItem, Rejected
from surelabel.stages.batches import TASKS, mixed, write_batch, write_remainder
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.first_batch import choose_first_batch
from surelabel.stages.line_check import line_check
from surelabel.stages.media import MediaFailure, write_feature_shard
from surelabel.stages.sharding import map_shards
from surelabel.stages.splitting import LineRange, Split, split_lines
from surelabel_contract.errors import ConfigurationError
from surelabel_contract.stages import NextFacts, ObjectRef, Progressed
from surelabel_contract.store import NotFoundInStoreError

_CHUNK = 8 << 20
_LINES = 10_000
# A shard with media takes minutes, and a retry should not lose more than one.
_LINES_WITH_FEATURES = 2_000


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


class _RejectedLine(msgspec.Struct, frozen=True):
    line: int
    reason: str
    message: str


class _EarlierLine(msgspec.Struct, frozen=True):
    line: int
    label: int
    is_human: bool


class _CustomId(msgspec.Struct, frozen=True):
    line: int
    # Hexadecimal digest of the id; ids may be a kilobyte long.
    digest: str


class ShardResult(msgspec.Struct, frozen=True):
    """What a finished shard says; stored, so that a retry has it."""

    items: ObjectRefFields
    features: ObjectRefFields | None
    n_lines: int
    rejected: tuple[_RejectedLine, ...]
    earlier: tuple[_EarlierLine, ...]
    failed: tuple[MediaFailure, ...]
    custom_ids: tuple[_CustomId, ...]


def prepare(context: StageContext) -> StageResult:
    """Item shards, features, the labels that lines brought, and the first batch."""
    config = context.config
    with context.phase("split"):
        split = _split(context)
    with context.phase("check"):
        results = map_shards(prepare_shard, context, split.ranges)
    seed = config.seed if config.seed is not None else int(split.sha256[:8], 16) & 0x7FFFFFFF
    state, duplicates = _labels(results, split, context.stage_micros)
    _refuse_if_nothing_is_left(results, state, split)
    index = _index(results, split, state, duplicates)
    index_ref = context.write("index.json", index.to_json(), role="index")
    reader = ItemReader(context.folder, index)
    labels = append_labels(
        LabelFiles(n_lines=split.n_lines), None, state, lambda d: context.write("labels.parquet", d)
    )
    carry: dict[str, ObjectRef | None] = {
        "index": index_ref,
        "labels": context.write("labels.json", labels.to_json(), role="labels"),
    }
    failures = [failure for result in results for failure in result.failed]
    if failures:
        data = b"".join(msgspec.json.encode(failure) + b"\n" for failure in failures)
        carry["mediaFailures"] = context.write("media-failures.jsonl", data, role="mediaFailures")
    with context.phase("select"):
        if config.auto_labeling is not None:
            chosen, selection = choose_first_batch(context, reader, state, seed)
            tasks = write_batch(context, reader, TASKS, mixed(seed, chosen))
            carry["selection"] = context.write("selection.json", selection.to_json())
        else:
            lines = state.lines(Kind.OPEN)[: config.max_open_items]
            tasks = write_batch(context, reader, TASKS, lines.tolist())
        remainder = write_remainder(context, reader, state)
    carry["tasks"], carry["remainder"] = tasks.ref, remainder.ref
    _notices(context, state)
    return StageResult(
        progressed=Progressed(
            counters=state.counters(), unlabeled_reasons=state.unlabeled_reasons()
        ),
        next=NextFacts(
            task_items=tasks.items,
            task_answers=tasks.answers,
            remainder_items=remainder.items,
            remainder_answers=remainder.answers,
        ),
        carry=carry,
        seed=seed,
    )


def prepare_shard(context: StageContext, lines: LineRange) -> ShardResult:
    """The shard of a range: rows, features, and what the driver must know of it."""
    config = context.config
    key = context.keys.shard(config.step, config.digest(), lines.number)
    try:
        return msgspec.json.decode(context.folder.read(key), type=ShardResult)
    except NotFoundInStoreError:
        pass
    folder, name = context.storage.locate(config.manifest_uri)
    raw = folder.read_range(name, lines.start, lines.end).split(b"\n")[: lines.n_lines]
    check = line_check(config)
    checked = [check(line) for line in raw]
    items = context.write_key(
        context.keys.item_shard(lines.number), write_item_shard(lines.first_line, raw, checked)
    )
    features: ObjectRef | None = None
    failed: list[MediaFailure] = []
    if config.auto_labeling is not None:
        features, failed = write_feature_shard(context, lines, checked)
    result = _shard_result(lines, checked, items, features, failed)
    context.folder.create(key, msgspec.json.encode(result))
    return result


def _shard_result(
    lines: LineRange,
    checked: list[ManifestItem | Rejected],
    items: ObjectRef,
    features: ObjectRef | None,
    failed: list[MediaFailure],
) -> ShardResult:
    rejected: list[_RejectedLine] = []
    earlier: list[_EarlierLine] = []
    custom: list[_CustomId] = []
    for line, found in enumerate(checked, lines.first_line):
        if isinstance(found, Rejected):
            # The messages of all but a few are in the shard itself.
            message = found.message if len(rejected) < 3 else ""
            rejected.append(_RejectedLine(line, found.reason, message))
            continue
        if found.earlier is not None:
            earlier.append(_EarlierLine(line, found.earlier.label, found.earlier.is_human))
        if found.item_id is not None:
            custom.append(_CustomId(line, _digest(found.item_id)))
    return ShardResult(
        ObjectRefFields.of(items),
        ObjectRefFields.of(features) if features is not None else None,
        lines.n_lines,
        tuple(rejected),
        tuple(earlier),
        tuple(failed),
        tuple(custom),
    )


def _split(context: StageContext) -> Split:
    config = context.config
    folder, name = context.storage.locate(config.manifest_uri)
    size = _LINES if config.auto_labeling is None else _LINES_WITH_FEATURES
    try:
        split = split_lines(folder.read_chunks(name, _CHUNK), size)
    except NotFoundInStoreError as error:
        raise ConfigurationError(
            "ManifestNotFound",
            f"spec.input.manifest: {config.manifest_uri} does not exist. Upload it; the job then "
            "goes on by itself once its generation changes.",
        ) from error
    if split.n_lines == 0:
        raise ConfigurationError(
            "ManifestEmpty",
            f"spec.input.manifest: {config.manifest_uri} has no lines; at least one is needed. "
            'Write one JSON object a line, such as {"source-ref": "s3://bucket/a.png"}.',
        )
    return split


def _labels(
    results: list[ShardResult], split: Split, created: int
) -> tuple[LabelState, tuple[int, ...]]:
    state = LabelState.empty(split.n_lines)
    for result in results:
        for rejected in result.rejected:
            state.kind[rejected.line] = Kind.REJECTED
            state.reason[rejected.line] = state.code(rejected.reason)
        for failure in result.failed:
            state.kind[failure.line] = Kind.FAILED
            state.reason[failure.line] = state.code(failure.reason)
        for earlier in result.earlier:
            kind = Kind.EARLIER_HUMAN if earlier.is_human else Kind.EARLIER_MACHINE
            state.kind[earlier.line] = kind
            state.label[earlier.line] = earlier.label
            state.reason[earlier.line] = 0
    duplicates = _duplicates(results, state)
    for line in duplicates:
        state.kind[line] = Kind.REJECTED
        state.label[line] = -1
        state.reason[line] = state.code(DUPLICATE_ID)
    state.created[state.kind != Kind.OPEN] = created
    return state, duplicates


def _duplicates(results: list[ShardResult], state: LabelState) -> tuple[int, ...]:
    """Lines whose id stands on an earlier line; of all lines only where ids of users exist."""
    custom = {entry.line: entry.digest for result in results for entry in result.custom_ids}
    if not custom:
        return ()
    seen: set[bytes] = set()
    found: list[int] = []
    for line in np.flatnonzero(state.kind != Kind.REJECTED).tolist():
        digest = bytes.fromhex(custom.get(line) or _digest(str(line)))
        if digest in seen:
            found.append(line)
        seen.add(digest)
    return tuple(found)


def _digest(item_id: str) -> str:
    return hashlib.blake2b(item_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _index(
    results: list[ShardResult], split: Split, state: LabelState, duplicates: tuple[int, ...]
) -> ItemIndex:
    shards = tuple(
        ShardFacts(
            first_line=lines.first_line,
            n_lines=lines.n_lines,
            items=result.items.ref(),
            features=result.features.ref() if result.features else None,
        )
        for lines, result in zip(split.ranges, results, strict=True)
    )
    return ItemIndex(
        manifest_sha256=split.sha256,
        manifest_bytes=split.size,
        n_lines=split.n_lines,
        n_items=int(np.count_nonzero(state.kind != Kind.REJECTED)),
        has_custom_ids=any(result.custom_ids for result in results),
        duplicates=duplicates,
        shards=shards,
    )


def _refuse_if_nothing_is_left(results: list[ShardResult], state: LabelState, split: Split) -> None:
    usable = np.count_nonzero(~np.isin(state.kind, (Kind.REJECTED, Kind.FAILED)))
    if usable:
        return
    rejected = next((line for result in results for line in result.rejected), None)
    failure = next((item for result in results for item in result.failed), None)
    if failure is None and rejected is not None:
        raise ConfigurationError(
            "AllItemsRejected",
            f"spec.input.manifest: all {split.n_lines} lines were rejected; the first is line "
            f"{rejected.line + 1}: {rejected.reason}: {rejected.message} "
            "Check the manifest with `surelabel validate`.",
        )
    if failure is not None:
        reasons = Counter(item.reason for result in results for item in result.failed)
        which = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        raise ConfigurationError(
            "AllMediaMissing" if set(reasons) == {"MissingMedia"} else "AllMediaUnreadable",
            f"spec.input.manifest: no source of its {split.n_lines} lines could be read ({which}); "
            f"the first is line {failure.line + 1}: {failure.message} Check the URIs, and that "
            "this namespace may read them.",
        )


def _notices(context: StageContext, state: LabelState) -> None:
    reasons = state.unlabeled_reasons()
    if reasons:
        which = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        context.notice(
            "ItemsRejected",
            f"{sum(reasons.values())} of {len(state.kind)} lines cannot be labeled: {which}. "
            "They stay as they are; report/ lists them at the end.",
        )

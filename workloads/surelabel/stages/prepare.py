"""Round 0: every line checked, items numbered, features extracted, the first batch chosen.

The manifest is read twice, by byte ranges: once to cut it, once to check it. Memory is bounded by
a shard. A shard that an earlier attempt finished is not done again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from surelabel.items import DUPLICATE_ID, ItemIndex, ItemReader, ShardFacts, write_item_shard
from surelabel.labels import Kind, LabelFiles, LabelState, append_labels
from surelabel.manifest import MAX_LINE
from surelabel.stages.batches import TASKS, mixed, write_batch, write_remainder
from surelabel.stages.context import StageContext, StageResult
from surelabel.stages.encoding import pin_encoder
from surelabel.stages.first_batch import choose_without_model
from surelabel.stages.line_check import line_check
from surelabel.stages.media import MediaFailure, check_sources, write_feature_shard
from surelabel.stages.outside_model import check_outside_model
from surelabel.stages.shard_result import (
    ShardLines,
    ShardResult,
    digests,
    find_result,
    read_shard_lines,
    write_result,
)
from surelabel.stages.sharding import map_shards
from surelabel.stages.splitting import HugeLineError, LineRange, Split, split_lines
from surelabel.tasks import TASK_TYPES
from surelabel_contract.errors import ConfigurationError, uri_of_field
from surelabel_contract.stages import NextFacts, ObjectRef, Progressed
from surelabel_contract.store import NotFoundInStoreError

_CHUNK = 8 << 20
_LINES = 10_000
# A shard with media takes minutes, and a retry should not lose more than one.
_LINES_WITH_MEDIA = 2_000
# A shard is held in memory, here and by every stage that reads it, with all of its lines.
_MAX_BYTES = 32 << 20


@dataclass
class _Lines:
    """What all shards together say of single lines."""

    state: LabelState
    # (2, n_lines): the digests of the ids that lines bring, 0 where they bring none; None: none do.
    ids: NDArray[np.uint64] | None = None
    # Line, reason and message of the first one.
    rejected: tuple[int, str, str] | None = None
    failure: MediaFailure | None = None
    failures: Counter[str] = field(default_factory=Counter)
    # The shards with failures.
    failing: list[LineRange] = field(default_factory=list)


def prepare(context: StageContext) -> StageResult:
    """Item shards, features, the labels that lines brought, and the first batch.

    With an earlier job's model also what infer leaves, for the first round.
    """
    config = context.config
    with context.phase("split"):
        split = _split(context)
    context = pin_encoder(context)
    with context.phase("check"):
        results = map_shards(prepare_shard, context, split.ranges)
    seed = config.seed if config.seed is not None else int(split.sha256[:8], 16) & 0x7FFFFFFF
    lines = _collect(context, split, results)
    state = lines.state
    duplicates = _reject_duplicates(lines)
    state.created[state.kind != Kind.OPEN] = context.stage_micros
    _refuse_if_nothing_is_left(lines, split)
    index = _index(context, results, split, lines, duplicates)
    index_ref = context.write("index.json", index.to_json(), role="index")
    reader = ItemReader(context.folder, index)
    labels = append_labels(
        LabelFiles(n_lines=split.n_lines), None, state, lambda d: context.write("labels.parquet", d)
    )
    carry: dict[str, ObjectRef | None] = {
        "index": index_ref,
        "labels": context.write("labels.json", labels.to_json(), role="labels"),
    }
    if lines.failing:
        carry["mediaFailures"] = context.write_stream(
            context.keys.output(config.step, "media-failures.jsonl"),
            _media_failures(context, lines.failing),
            role="mediaFailures",
        )
    with context.phase("model"):
        check_outside_model(context, reader)
    progressed = Progressed(counters=state.counters(), unlabeled_reasons=state.unlabeled_reasons())
    _notices(context, state)
    promise = config.auto_labeling
    if promise is not None and promise.initial_model_uri is not None:
        # Late: it brings what infer needs.
        from surelabel.stages.initial_model import start_with_model

        first = start_with_model(context, reader, state, carry, promise, seed)
        return replace(first, progressed=progressed, carry={**carry, **first.carry}, seed=seed)
    with context.phase("select"):
        if promise is not None:
            chosen, selection = choose_without_model(
                context, reader, state, promise.seed_items, seed
            )
            tasks = write_batch(context, reader, TASKS, mixed(seed, chosen))
            carry["selection"] = context.write("selection.json", selection.to_json())
        else:
            open_ = state.lines(Kind.OPEN)[: config.max_open_items]
            tasks = write_batch(context, reader, TASKS, open_.tolist())
        remainder = write_remainder(context, reader, state)
    carry["tasks"], carry["remainder"] = tasks.ref, remainder.ref
    return StageResult(
        progressed=progressed,
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
    """The shard of a range: its rows and features, and what it says of single lines."""
    config = context.config
    done = find_result(context, lines)
    if done is not None:
        return done
    folder, name = context.storage.locate(config.manifest_uri)
    raw = folder.read_range(name, lines.start, lines.end).split(b"\n")[: lines.n_lines]
    check = line_check(config)
    checked = [check(line) for line in raw]
    items = context.write_key(
        context.keys.item_shard(lines.number), write_item_shard(lines.first_line, raw, checked)
    )
    features: ObjectRef | None = None
    if config.auto_labeling is not None:
        features, failed = write_feature_shard(context, lines, checked)
    else:
        failed = check_sources(context, lines, checked)
    told = ShardLines.of(lines.first_line, checked, failed)
    return write_result(context, lines, items, features, told)


def _split(context: StageContext) -> Split:
    config = context.config
    with uri_of_field("spec.input.manifest"):
        context.storage.check(config.manifest_uri)
    folder, name = context.storage.locate(config.manifest_uri)
    task_type = TASK_TYPES[config.task_type]
    has_media = config.auto_labeling is not None or task_type.source_kind == "image"
    size = _LINES_WITH_MEDIA if has_media else _LINES
    try:
        split = split_lines(folder.read_chunks(name, _CHUNK), size, _MAX_BYTES)
    except HugeLineError as error:
        raise ConfigurationError(
            "ManifestLineTooLong",
            f"spec.input.manifest: line {error.line + 1} of {config.manifest_uri} is longer than "
            f"{error.max_bytes} bytes, too long to be kept even as a rejected line; a line may "
            f"have {MAX_LINE} characters. Write one JSON object a line, not one array of all.",
        ) from error
    except NotFoundInStoreError as error:
        raise ConfigurationError(
            "ManifestNotFound",
            f"spec.input.manifest: {config.manifest_uri} does not exist. Upload it, or correct "
            "the URI in a new job.",
        ) from error
    if split.n_lines == 0:
        raise ConfigurationError(
            "ManifestEmpty",
            f"spec.input.manifest: {config.manifest_uri} has no lines; at least one is needed. "
            'Write one JSON object a line, such as {"source": "a text"} or {"source-ref": "s3://bucket/a.png"}.',
        )
    return split


def _collect(context: StageContext, split: Split, results: list[ShardResult]) -> _Lines:
    """One pass over what the shards say of single lines; one of them in memory at a time."""
    all_ = _Lines(LabelState.empty(split.n_lines))
    state = all_.state
    for shard, result in zip(split.ranges, results, strict=True):
        if not result.has_lines:
            continue
        told = read_shard_lines(context, shard)
        rejected, earlier, ids = told.rejected, told.earlier, told.ids
        codes = np.array([state.code(reason) for reason in told.reasons], np.int16)
        state.kind[rejected["line"]] = Kind.REJECTED
        state.reason[rejected["line"]] = codes[rejected["reason"]]
        human = earlier["human"]
        state.kind[earlier["line"]] = np.where(human, Kind.EARLIER_HUMAN, Kind.EARLIER_MACHINE)
        state.label[earlier["line"]] = earlier["label"]
        for failure in told.failed:
            state.kind[failure.line] = Kind.FAILED
            state.reason[failure.line] = state.code(failure.reason)
            all_.failures[failure.reason] += 1
        if len(ids):
            if all_.ids is None:
                all_.ids = np.zeros((2, split.n_lines), np.uint64)
            all_.ids[:, ids["line"]] = ids["digest"].T
        if len(rejected) and all_.rejected is None:
            all_.rejected = int(rejected["line"][0]), told.reasons[0], told.message
        if told.failed:
            all_.failure = all_.failure or told.failed[0]
            all_.failing.append(shard)
    return all_


def _reject_duplicates(lines: _Lines) -> tuple[int, ...]:
    """Reject the lines whose id stands on an earlier line; which these are."""
    state, ids = lines.state, lines.ids
    if ids is None:
        return ()
    # The id of a line that brings none is its position.
    plain = np.flatnonzero(~ids.any(axis=0) & (state.kind != Kind.REJECTED))
    for start in range(0, len(plain), _LINES):
        batch = plain[start : start + _LINES]
        ids[:, batch] = digests(map(str, batch.tolist())).T
    # Stable: of the lines with one id the first comes first, and keeps it.
    order = np.lexsort(ids)
    same = np.ones(len(order) - 1, bool)
    for half in ids:
        ordered = half[order]
        same &= ordered[1:] == ordered[:-1]
    found = np.sort(order[1:][same])
    # Rejected lines have no id, and seem to share that one.
    found = found[state.kind[found] != Kind.REJECTED]
    state.kind[found] = Kind.REJECTED
    state.label[found] = -1
    if len(found):
        state.reason[found] = state.code(DUPLICATE_ID)
    return tuple(found.tolist())


def _media_failures(context: StageContext, shards: list[LineRange]) -> Iterator[bytes]:
    for shard in shards:
        failed = read_shard_lines(context, shard).failed
        yield b"".join(msgspec.json.encode(failure) + b"\n" for failure in failed)


def _index(
    context: StageContext,
    results: list[ShardResult],
    split: Split,
    lines: _Lines,
    duplicates: tuple[int, ...],
) -> ItemIndex:
    shards = tuple(
        ShardFacts(
            first_line=shard.first_line,
            n_lines=shard.n_lines,
            items=result.items.ref(),
            features=result.features.ref() if result.features else None,
        )
        for shard, result in zip(split.ranges, results, strict=True)
    )
    return ItemIndex(
        encoder=context.config.encoder_sha256,
        manifest_sha256=split.sha256,
        manifest_bytes=split.size,
        n_lines=split.n_lines,
        n_items=int(np.count_nonzero(lines.state.kind != Kind.REJECTED)),
        has_custom_ids=lines.ids is not None,
        duplicates=duplicates,
        shards=shards,
    )


def _refuse_if_nothing_is_left(lines: _Lines, split: Split) -> None:
    usable = np.count_nonzero(~np.isin(lines.state.kind, (Kind.REJECTED, Kind.FAILED)))
    if usable:
        return
    failure, reasons = lines.failure, lines.failures
    if failure is None and lines.rejected is not None:
        line, reason, message = lines.rejected
        raise ConfigurationError(
            "AllItemsRejected",
            f"spec.input.manifest: all {split.n_lines} lines were rejected; the first is line "
            f"{line + 1}: {reason}: {message} Check the manifest with `surelabel validate`.",
        )
    if failure is not None:
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

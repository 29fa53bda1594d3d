"""The items that the report shows: the least and the most certain ones, with pictures or texts."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

import msgspec
import numpy as np

from surelabel.items import Item, ItemReader
from surelabel.label_values import LabelValues
from surelabel.labels import Kind, LabelState
from surelabel.report_page.facts import Example, ExampleGroup, Picture
from surelabel.report_page.marks import described
from surelabel.stages.context import StageContext
from surelabel.stages.media import MediaFailure, read_source
from surelabel.stages.sources import size_of
from surelabel.stages.train import OutOfFold
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.store import StorageError

# Items of a group.
_EACH = 8
_READERS = 8
# Pixels of a picture's longer side, twice what is shown, for sharp screens.
_SIDE = 224
# Below this a picture is shown enlarged, pixel by pixel.
_SMALL = 64
# A picture that does not get below it is left out.
MAX_PICTURE_BYTES = 16_000
# Characters of a text that are handed on; the page shows fewer.
_TEXT = 2_000


@dataclass(frozen=True)
class _Wanted:
    """The lines of a group and, by line, what the model says instead of people."""

    title: str
    explanation: str
    lines: list[int]
    model: dict[int, tuple[int, float]]


def example_groups(
    context: StageContext, reader: ItemReader, state: LabelState, past: OutOfFold | None
) -> tuple[ExampleGroup, ...]:
    """Groups of a few items each; an item that cannot be shown says why."""
    wanted = [*_by_confidence(state), *_contradicted(state, past)]
    lines = sorted({line for group in wanted for line in group.lines})
    shown = dict(zip(lines, _examples(context, reader, state, lines), strict=True))
    labels = [label.name for label in context.config.labels]

    def example(group: _Wanted, line: int) -> Example:
        if line not in group.model:
            return shown[line]
        code, confidence = group.model[line]
        return replace(shown[line], model_label=labels[code], confidence=confidence)

    return tuple(
        ExampleGroup(
            group.title, group.explanation, tuple(example(group, line) for line in group.lines)
        )
        for group in wanted
        if group.lines
    )


def _by_confidence(state: LabelState) -> Iterable[_Wanted]:
    for kind, who, meaning in (
        (Kind.MACHINE, "Machine labels", "the confidence of the model that labeled them"),
        (Kind.HUMAN, "Labels by people", "the confidence of the consensus"),
    ):
        lines = state.lines(kind)
        order = np.argsort(state.confidence[lines], kind="stable")
        least = lines[order[:_EACH]]
        # None twice, where there are few.
        most = lines[order[len(least) :][-_EACH:]][::-1]
        yield _Wanted(
            f"{who}: least certain", f"By {meaning}, the lowest first.", least.tolist(), {}
        )
        yield _Wanted(
            f"{who}: most certain", f"By {meaning}, the highest first.", most.tolist(), {}
        )


def _contradicted(state: LabelState, past: OutOfFold | None) -> Iterable[_Wanted]:
    """Where a model that had not seen an item's label was sure of another one."""
    if past is None:
        return
    apart = np.flatnonzero(
        (past.predicted != past.label)
        & (state.kind[past.line] == Kind.HUMAN)
        & (state.label[past.line] == past.label)
    )
    surest = apart[np.argsort(-past.confidence[apart], kind="stable")[:_EACH]]
    yield _Wanted(
        "People and model disagree",
        "Labels by people that a model which had not seen them contradicts most surely; some of "
        "them may be mistakes of people.",
        past.line[surest].tolist(),
        {
            int(past.line[row]): (int(past.predicted[row]), float(past.confidence[row]))
            for row in surest.tolist()
        },
    )


def _examples(
    context: StageContext, reader: ItemReader, state: LabelState, lines: list[int]
) -> list[Example]:
    labels = tuple(label.name for label in context.config.labels)
    task = TASK_TYPES[context.config.task_type]
    values = LabelValues(context.folder, state.values)
    items = reader.items(lines)

    def base(line: int) -> Example:
        value, label = None, ""
        if isinstance(task, ValueTask):
            stored = values.of(line)
            read = task.read(
                msgspec.json.decode(stored.label), msgspec.json.decode(stored.metadata), labels
            )
            value = read.value
            label = described(value, labels)
        else:
            label = labels[int(state.label[line])]
        return Example(
            line=line + 1,
            label=label,
            confidence=float(state.confidence[line]),
            name=_file_name(items[line].source_ref),
            value=value,
        )

    found = [base(line) for line in lines]
    with ThreadPoolExecutor(_READERS) as readers:
        return list(
            readers.map(
                lambda pair: _with_source(context, *pair),
                zip(found, (items[line] for line in lines), strict=True),
            )
        )


def _with_source(context: StageContext, example: Example, item: Item) -> Example:
    task = TASK_TYPES[context.config.task_type]
    if item.source_ref is not None and task.takes_any_source:
        return replace(example, missing="what it is, only the task knows")
    try:
        source = read_source(context, item.line, item)
    except StorageError:
        # A report without pictures is better than none.
        return replace(example, missing="the store did not answer")
    if isinstance(source, MediaFailure):
        return replace(example, missing=source.reason)
    content = source[1]
    if task.source_kind == "image":
        picture = thumbnail(item.line, content if isinstance(content, bytes) else content.encode())
        if picture is None:
            return replace(example, missing="the picture cannot be read")
        return replace(example, picture=picture)
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    return replace(example, text=text[:_TEXT])


def thumbnail(line: int, data: bytes) -> Picture | None:
    """A small copy of a line's picture, its pixels and nothing else; None where that fails."""
    # Late: a job of texts needs neither.
    from PIL import Image

    from surelabel.tasks.image_classification.features import BrokenImageError, decode

    size = size_of(line, data)
    if isinstance(size, MediaFailure):
        return None
    try:
        image = decode(data, _SIDE)
    except BrokenImageError:
        return None
    width, height = size
    buffer = io.BytesIO()
    if max(width, height) <= _SMALL:
        image.save(buffer, "PNG", optimize=True)
        return Picture(buffer.getvalue(), "image/png", width, height, small=True)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    for quality in (75, 50, 25):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= MAX_PICTURE_BYTES:
            return Picture(buffer.getvalue(), "image/jpeg", width, height, small=False)
    return None


def _file_name(uri: str | None) -> str | None:
    """The last part of a URI's path; never its query, which may hold a signature."""
    if uri is None:
        return None
    return unquote(urlsplit(uri).path.rpartition("/")[2]) or None

"""Answers in any form that the command line takes, as typed values.

``where`` is a CSV file, a JSON Lines file, the file that a consolidation Lambda gets, a folder of
worker responses, or the folder of a finished Ground Truth job; folders may lie in a store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from surelabel.answer_files.coding import without_classes
from surelabel.answer_files.given import (
    AnswerFilesError,
    GivenAnswer,
    GivenAnswers,
    RawAnswer,
    SetAside,
)
from surelabel.answer_files.job_manifest import ManifestLine, find_attribute, read_manifest_lines
from surelabel.answer_files.lines import is_blank, read_csv, read_json_lines
from surelabel.answer_files.references import item_texts, with_masks
from surelabel.answer_files.worker_responses import (
    is_response,
    order_of,
    read_lambda_payload,
    read_response,
)
from surelabel.answer_table import plain_labels
from surelabel.blobs import ForeignRefError, blob_name, brought_in, check_name
from surelabel.frames import Misfit, misfits
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import AnswerError, LabelError
from surelabel.tasks.classes import Classes, SeenClasses
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.label_format import Label, LabelFormat
from surelabel.tasks.valued import ValueTask
from surelabel.tasks.values import ImageSize
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Folder, NotFoundInStoreError, Storage

# Ground Truth's place, and where its files often lie once they were copied.
MANIFESTS = ("manifests/output/output.manifest", "output.manifest")
_RESPONSES = ("annotations/worker-response/", "worker-response/")
# Small files in a store are read this many at a time.
_AT_A_TIME = 32


@dataclass
class _Found:
    """What files have, before anybody knows the classes."""

    raw: list[RawAnswer] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    lines: Sequence[ManifestLine] = ()
    # Reads an image that an answer refers to; None where answers have theirs inside.
    blob: Callable[[str], bytes] | None = None

    def add(self, each: Iterable[RawAnswer | SetAside]) -> None:
        for one in each:
            if isinstance(one, RawAnswer):
                self.raw.append(one)
            else:
                self.set_aside.append(one)


def read_given_answers(
    where: str | Path,
    task_type: str,
    *,
    classes: Classes | None = None,
    attribute: str | None = None,
    storage: Storage | None = None,
    also: Sequence[str] = (),
) -> GivenAnswers:
    """The answers at ``where``; AnswerFilesError if there are none, TableError for broken CSV.

    ``classes``: the job's; None takes them from the files (numbers from the manifest's metadata,
    all other names sorted, and with them ``also``, which nobody gave). ``attribute``: the label's
    key in a finished job's manifest; None looks for it. ``storage``: what may be read; None reads
    with one's own rights, local files included.
    An answer that cannot be read is set aside with its reason, and the rest goes on.
    """
    form = LABEL_FORMATS.get(task_type)
    if form is None:
        names = ", ".join(LABEL_FORMATS)
        raise AnswerFilesError(f"task_type: must be one of {names}; got {task_type!r}.")
    storage = storage or Storage(StorageAccess(prefixes=None, local_files=True))
    found = _read(str(where), task_type, storage)
    if attribute is None and found.lines:
        attribute = find_attribute(found.lines, form)
    gaps: set[int] = set()
    if classes is None:
        seen = _classes(found, attribute, also) if form.needs_labels else SeenClasses()
        classes, gaps = seen.settle(), seen.gaps()
    given = _typed(found, form, classes, attribute, str(where))
    given = without_classes(with_masks(given, storage), gaps)
    return replace(given, texts=item_texts(found.lines, task_type, storage))


def _read(where: str, task_type: str, storage: Storage) -> _Found:
    found = _Found()
    path = Path(where)
    if "://" not in where and not path.is_dir():
        if not path.exists():
            raise AnswerFilesError(f"{where}: there is no such file or folder.")
        if path.suffix == ".json":
            found.add(read_lambda_payload(path.read_bytes(), where, storage.read))
        elif path.suffix in (".jsonl", ".ndjson"):
            found.add(read_json_lines(path.read_bytes(), where))
            found.blob = _blobs_beside(lambda name: (path.parent.parent / name).read_bytes())
        else:
            found.add(read_csv(path, task_type))
        return found
    uri = where if "://" in where else f"file://{quote(str(path.resolve()))}"
    if uri.endswith((".jsonl", ".ndjson")):
        found.add(read_json_lines(storage.read(uri), where))
        step = uri.rpartition("/")[0].rpartition("/")[0]
        found.blob = _blobs_beside(lambda name: storage.read(f"{step}/{name}"))
        return found
    _read_folder(storage.folder(uri), where, found)
    return found


def _blobs_beside(read: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """Images of a job's own answer segments, which lie beside the segments' folder."""

    def blob(name: str) -> bytes:
        try:
            data = read(check_name(name))
        except (OSError, NotFoundInStoreError) as error:
            raise AnswerError("BrokenMask", f"labeledImage.ref: {name} cannot be read.") from error
        if blob_name(data) != name:
            raise AnswerError("BrokenMask", f"labeledImage.ref: {name} has another content.")
        return data

    return blob


def _read_folder(folder: Folder, where: str, found: _Found) -> None:
    for key in MANIFESTS:
        try:
            data = folder.read(key)
        except NotFoundInStoreError:
            continue
        found.lines, broken = read_manifest_lines(data, f"{where}/{key}")
        found.set_aside += broken
        break
    keys: list[str] = []
    for prefix in (*_RESPONSES, ""):
        keys = [entry.key for entry in folder.entries(prefix) if is_response(entry.key)]
        if keys:
            break
    if not keys:
        raise AnswerFilesError(
            f"{where}: has no worker responses; they lie in {_RESPONSES[0]}iteration-N/<item>/ "
            "of a job, as <time>.json. Name the job's folder, or that of the responses."
        )
    keys.sort(key=order_of)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for key, data in zip(keys, pool.map(folder.read, keys), strict=True):
            found.add(read_response(data, key))


def _classes(found: _Found, attribute: str | None, also: Sequence[str]) -> SeenClasses:
    seen = SeenClasses(names=set(plain_labels(also)))
    if attribute is not None:
        for line in found.lines:
            seen.see_label(*line.label(attribute))
    for raw in found.raw:
        seen.see_answer(raw.content)
    return seen


def _typed(
    found: _Found, form: LabelFormat[Any], classes: Classes, attribute: str | None, where: str
) -> GivenAnswers:
    set_aside = list(found.set_aside)
    read: list[tuple[RawAnswer, GivenAnswer]] = []
    for raw in found.raw:
        try:
            content = raw.content if found.blob is None else brought_in(raw.content, found.blob)
            abstained = content is None or is_blank(content, form.name)
            value = None if abstained else form.parse_answer(content, classes)
        except (AnswerError, ForeignRefError) as error:
            set_aside.append(SetAside(raw.where, error.reason, str(error), raw.item))
            continue
        given = GivenAnswer(raw.item, raw.annotator, value, raw.submitted, raw.seconds)
        read.append((raw, given))
    answers, unfit = _comparable(read, form.name)
    set_aside += unfit
    sizes: dict[str, ImageSize] = {}
    for answer in answers:
        _note_size(sizes, answer.item, answer.value)
    sources: dict[str, str] = {}
    labels: dict[str, Label[Any]] = {}
    for line in found.lines:
        if line.source is not None:
            sources[line.item] = line.source
        label, metadata = (None, None) if attribute is None else line.label(attribute)
        if label is None:
            continue
        try:
            labels[line.item] = form.read_label(label, metadata, classes)
        except LabelError as error:
            place = f"{where}, line {line.number + 1} of the output manifest"
            set_aside.append(SetAside(place, "MalformedLabel", str(error)))
            continue
        _note_size(sizes, line.item, labels[line.item].value)
    return GivenAnswers(
        form.name, classes, tuple(answers), tuple(set_aside), sources, labels, sizes
    )


def _comparable(
    read: list[tuple[RawAnswer, GivenAnswer]], task_type: str
) -> tuple[list[GivenAnswer], list[SetAside]]:
    """The answers that can be compared with the others to their item, and those that cannot."""
    task = TASK_TYPES[task_type]
    if not isinstance(task, ValueTask):
        return [given for _, given in read], []
    frames = [None if given.value is None else task.frame(given.value) for _, given in read]
    of_item: dict[str, list[int]] = {}
    for row, (_, given) in enumerate(read):
        of_item.setdefault(given.item, []).append(row)
    wrong: dict[int, Misfit] = {}
    for rows in of_item.values():
        found = misfits([frames[row] for row in rows])
        wrong |= {row: each for row, each in zip(rows, found, strict=True) if each is not None}
    aside = [
        SetAside(read[row][0].where, each.reason, each.message, read[row][0].item)
        for row, each in sorted(wrong.items())
    ]
    return [given for row, (_, given) in enumerate(read) if row not in wrong], aside


def _note_size(sizes: dict[str, ImageSize], item: str, value: Any) -> None:
    value = getattr(value, "value", value)
    size = getattr(value, "image", None)
    mask = getattr(value, "mask", None)
    if isinstance(size, ImageSize):
        sizes.setdefault(item, size)
    elif mask is not None:
        height, width = mask.shape
        sizes.setdefault(item, ImageSize(width, height))

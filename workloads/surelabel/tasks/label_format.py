"""How answers and labels of a task type stand in JSON: the protocol, and what all formats share.

The label of a manifest is read into a ``Label`` and written from one. Ground Truth has several
spellings for the same thing; all are read, and only what a label says in ``warts`` is written so.
Refuses to run a loop: that is what ``TaskType`` is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from surelabel.tasks.base import AnswerError, LabelError
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError, plain
from surelabel.tasks.values import ImageSize

V = TypeVar("V")

CUSTOM_TYPE = "groundTruth/custom"


class Wart(Enum):
    """A spelling of Ground Truth's that is read, but written only where it was read."""

    # "mood": "1" where real jobs wrote 1.
    CLASS_AS_TEXT = "class as text"
    # job_name and creation_date, in custom jobs.
    UNDERSCORES = "underscores"
    # class_map, in jobs on point clouds.
    CLASS_MAP_UNDERSCORE = "class_map"


@dataclass(frozen=True)
class Label(Generic[V]):
    """A label of a manifest.

    ``confidences``: one entry for each part of the value that can be wrong by itself (object, span,
    class of a set or mask, in their order; one in all for other values), or () where none is given.
    ``named``: codes of the classes that the metadata lists; classes of the value are added.
    ``extra``: keys of the metadata that the format does not know; they are written last. A ``type``
    other than the format's stands there too.
    """

    value: V
    confidences: tuple[float, ...] = ()
    human: bool = True
    # As in the file: real jobs put "labeling-job/" before it.
    job_name: str | None = None
    creation_date: str | None = None
    named: tuple[int, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    warts: frozenset[Wart] = frozenset()


def ground_truth_time(moment: datetime) -> str:
    """Ground Truth's form of a time: microseconds, in UTC without saying so. ``moment``: with its
    zone."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


class LabelFormat(Protocol[V]):
    """Everything about a task type's answers and labels that stands in files; stateless."""

    @property
    def name(self) -> str:
        """``spec.taskType``."""
        ...

    @property
    def manifest_type(self) -> str:
        """``type`` in the label's metadata."""
        ...

    @property
    def crowd_element(self) -> str:
        """The key under which our writers put an answer."""
        ...

    @property
    def needs_ref(self) -> bool:
        """The label attribute must end in ``-ref``."""
        ...

    @property
    def needs_labels(self) -> bool:
        """The job must name its classes."""
        ...

    def parse_answer(self, content: Any, classes: Classes) -> V:
        """What an ``answerContent`` says, whatever its one key is; AnswerError."""
        ...

    def answer_content(self, value: V, classes: Classes) -> dict[str, Any]:
        """The ``answerContent`` that says ``value``."""
        ...

    def read_label(self, value: Any, metadata: Any, classes: Classes) -> Label[V]:
        """A label of a manifest with its metadata (None: there is none); LabelError."""
        ...

    def write_label(self, label: Label[V], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """Label and metadata, keys in the order of Ground Truth's documented samples."""
        ...


class Format(Generic[V]):
    """A ``LabelFormat`` but for what is its own: how a value is parsed, read and written."""

    name: str
    manifest_type: str
    crowd_element: str
    needs_ref = False
    needs_labels = True
    # The order of Ground Truth's samples; "*" stands for the format's own keys.
    metadata_order: tuple[str, ...] = (
        *("*", "type", "human-annotated", "creation-date", "job-name"),
    )

    def parse_answer(self, content: Any, classes: Classes) -> V:
        """See ``LabelFormat``."""
        try:
            return self.parse(Field(content, "answerContent").only(), classes)
        except FieldError as error:
            reason = "MalformedAnswer" if error.reason == "Malformed" else error.reason
            raise AnswerError(reason, str(error)) from None

    def answer_content(self, value: V, classes: Classes) -> dict[str, Any]:
        """See ``LabelFormat``."""
        return {self.crowd_element: self.answer(value, classes)}

    def read_label(self, value: Any, metadata: Any, classes: Classes) -> Label[V]:
        """See ``LabelFormat``."""
        about = Field({} if metadata is None else metadata, "metadata")
        try:
            label = self.read(Field(value, "label"), about, classes)
            return _with_provenance(label, about, self.own_keys, self.manifest_type)
        except FieldError as error:
            raise LabelError(str(error)) from None

    def write_label(self, label: Label[V], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``LabelFormat``."""
        value, own = self.write(label, classes)
        underscores = Wart.UNDERSCORES in label.warts
        common: dict[str, Any] = {
            "type": self.manifest_type,
            "human-annotated": "yes" if label.human else "no",
            "creation-date": label.creation_date,
            "job-name": label.job_name,
        }
        metadata: dict[str, Any] = {}
        for key in self.metadata_order:
            if key == "*":
                metadata |= {each: own[each] for each in own if each not in self.metadata_order}
            elif key in own:
                metadata[key] = own[key]
            elif common.get(key) is not None:
                dashed = not underscores or key in ("type", "human-annotated")
                metadata[key if dashed else key.replace("-", "_")] = common[key]
        return value, metadata | dict(label.extra)

    # -- what a format brings

    # Keys of the metadata that ``read`` takes in.
    own_keys: tuple[str, ...] = ()

    def parse(self, inner: Field, classes: Classes) -> V:
        """The value of what stands under the one key of an answer; FieldError."""
        raise NotImplementedError

    def answer(self, value: V, classes: Classes) -> Any:
        """What stands under the one key of an answer."""
        raise NotImplementedError

    def read(self, value: Field, metadata: Field, classes: Classes) -> Label[V]:
        """A label but for what all labels have; FieldError."""
        raise NotImplementedError

    def write(self, label: Label[V], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """The label's value and its own keys of the metadata."""
        raise NotImplementedError


def _with_provenance(
    label: Label[V], metadata: Field, own: Iterable[str], manifest_type: str
) -> Label[V]:
    job_name = metadata.get("job-name", "job_name")
    date = metadata.get("creation-date", "creation_date")
    human, kind = metadata.get("human-annotated"), metadata.get("type")
    # A label that calls itself something else goes on doing so.
    differs = kind is not None and kind.text() != manifest_type
    other_type = {"type": kind.value} if kind is not None and differs else {}
    warts = set(label.warts)
    if "job_name" in metadata or "creation_date" in metadata:
        warts.add(Wart.UNDERSCORES)
    if "class_map" in metadata:
        warts.add(Wart.CLASS_MAP_UNDERSCORE)
    return Label(
        value=label.value,
        confidences=label.confidences,
        human=human is None or human.one_of("yes", "no") == "yes",
        job_name=None if job_name is None else job_name.text(),
        creation_date=None if date is None else date.text(),
        named=label.named,
        extra=metadata.rest(*_COMMON, *own) | other_type,
        warts=frozenset(warts),
    )


_COMMON = (*("type", "human-annotated", "creation-date", "creation_date", "job-name", "job_name"),)
CLASS_MAP = ("class-map", "class_map")


def read_class_map(metadata: Field, classes: Classes) -> tuple[int, ...]:
    """The codes that ``class-map`` lists; its names must be the job's."""
    found = metadata.get("class-map", "class_map")
    if found is None:
        return ()
    codes = []
    for number, name in found.members():
        code = Field(number, f"the key {number!r}", found).class_of_number(classes)
        check_class_name(name, code, classes)
        codes.append(code)
    return tuple(codes)


def check_class_name(name: Field, code: int, classes: Classes) -> None:
    """FieldError unless ``name`` is the name of the class ``code``."""
    if name.text() != classes.names[code]:
        raise name.wrong(
            f"{classes.names[code]!r}, as class {code} is called in this job",
            "Give the labels in the order of the job that wrote this.",
            "UnknownLabel",
        )


def write_class_map(
    label: Label[Any], used: Iterable[int], classes: Classes
) -> dict[str, dict[str, str]]:
    """``class-map`` of the classes that the label lists and uses."""
    codes = dict.fromkeys((*label.named, *used))
    key = "class_map" if Wart.CLASS_MAP_UNDERSCORE in label.warts else "class-map"
    return {key: {str(code): classes.names[code] for code in codes}}


def read_confidences(metadata: Field, key: str, n_parts: int) -> tuple[float, ...]:
    """``[{"confidence": c}, ...]`` under ``key``: one entry a part, or none at all."""
    listed = metadata.get(key)
    if listed is None or listed.value == []:
        return ()
    found = tuple(entry["confidence"].number() for entry in listed.each())
    if len(found) != n_parts:
        raise listed.wrong(f"as long as the label has parts ({n_parts})")
    return found


def write_confidences(label: Label[Any]) -> list[dict[str, float]]:
    """``[{"confidence": c}, ...]``."""
    return [{"confidence": plain(each)} for each in label.confidences]


def read_image_size(inner: Field) -> ImageSize | None:
    """``inputImageProperties`` of an answer, or ``image_size`` of a label."""
    found = inner.get("inputImageProperties", "image_size", "image-size")
    if found is None:
        return None
    if isinstance(found.value, list):
        # A list of one, in manifests.
        entries = list(found.each())
        if len(entries) != 1:
            raise found.wrong("an array of one entry")
        found = entries[0]
    depth = found.get("depth")
    return ImageSize(
        found["width"].whole(1), found["height"].whole(1), 3 if depth is None else depth.whole(1)
    )


def answer_image_size(image: ImageSize | None) -> dict[str, Any]:
    """``inputImageProperties``, or nothing where the size is not known."""
    if image is None:
        return {}
    return {"inputImageProperties": {"height": image.height, "width": image.width}}


def label_image_size(image: ImageSize | None) -> dict[str, Any]:
    """``image_size``, or nothing where the size is not known."""
    if image is None:
        return {}
    size = {"width": image.width, "height": image.height, "depth": image.depth}
    return {"image_size": [size]}

"""People's answers read from segments, checked, and coded into arrays.

A malformed answer is set aside with its reason; it counts as no answer. Refuses to consolidate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np

from surelabel.answers import (
    CANNOT_TELL,
    CANNOT_TELL_CODE,
    SKIPPED,
    SKIPPED_CODE,
    STATUSES,
    CodedAnswers,
)
from surelabel.frames import Frame, misfits
from surelabel_contract.people import Answer
from surelabel_contract.stages import ObjectRef
from surelabel_contract.store import Folder

# Bytes of an answer that is set aside.
_SHOWN = 1000
# Answers whose images are fetched at once.
_TOGETHER = 64


@dataclass(frozen=True)
class SetAside:
    """An answer that cannot be used, as it came; ``line``: in its segment, from 1."""

    segment: str
    line: int
    reason: str
    answer: str
    # The manifest's line that it was about, from 0, where that is known.
    item_line: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """For the list of answers set aside."""
        return {
            "segment": self.segment,
            "line": self.line,
            "reason": self.reason,
            "answer": self.answer,
        }


@dataclass(frozen=True)
class Parsed:
    """What an answer says: a class id, or the bytes of what is no class and what it must have in
    common with the other answers to its item."""

    code: int | bytes
    frame: Frame | None = None


@dataclass(frozen=True)
class _Given:
    """The answer of a person to an item that counts, and where it stands."""

    parsed: Parsed
    segment: str
    number: int
    raw: bytes

    def aside(self, reason: str, item_line: int) -> SetAside:
        return SetAside(self.segment, self.number, reason, _text(self.raw), item_line)


class ContentReader(Protocol):
    """What is behind the content of an answer, which may refer to objects beside its segment."""

    def look_ahead(self, segment: str, contents: Sequence[Mapping[str, Any]]) -> None:
        """Contents of this segment that are parsed next, so that objects are fetched together."""
        ...

    def parse(self, segment: str, content: Mapping[str, Any]) -> Parsed:
        """What the content says; ValueError."""
        ...


# Lines -> width and height of their images, as far as they can be read.
ImageSizes = Callable[[list[int]], Mapping[int, tuple[int, int]]]


def read_segments(
    folder: Folder,
    segments: Iterable[ObjectRef],
    lines: Mapping[str, int],
    reader: ContentReader,
    image_sizes: ImageSizes = lambda lines: {},
) -> tuple[CodedAnswers, list[SetAside]]:
    """The answers of some segments about the items in ``lines`` (id to line).

    The last answer of a person to an item counts; review answers are no part of a consensus and
    are left out. What cannot be read, or cannot be compared with the other answers to its item
    (``frames``), is set aside.
    """
    latest: dict[tuple[int, str], _Given] = {}
    aside: list[SetAside] = []
    for segment in segments:
        for number, raw, answer in _answers(folder.read(segment.key), segment.key, reader):
            line: int | None = None
            try:
                if isinstance(answer, ValueError):
                    raise answer
                if answer.role != "annotator":
                    continue
                line = lines.get(answer.item_id)
                parsed = _parsed(answer, segment.key, lines, reader)
            except ValueError as error:
                aside.append(SetAside(segment.key, number, str(error), _text(raw), line))
                continue
            key = (lines[answer.item_id], answer.annotator)
            latest[key] = _Given(parsed, segment.key, number, raw[:_SHOWN])
    aside += _take_misfits(latest, image_sizes)
    return _coded({key: given.parsed.code for key, given in latest.items()}), aside


def _answers(
    data: bytes, segment: str, reader: ContentReader
) -> Iterator[tuple[int, bytes, Answer | ValueError]]:
    """Number (from 1), text and answer of each line, or why it is none."""
    decoder = msgspec.json.Decoder(Answer)

    def decoded(raw: bytes) -> Answer | ValueError:
        try:
            return decoder.decode(raw)
        except ValueError as error:
            return error

    lines = data.splitlines()
    for start in range(0, len(lines), _TOGETHER):
        some = [(raw, decoded(raw)) for raw in lines[start : start + _TOGETHER]]
        contents = (each.answer_content for _, each in some if isinstance(each, Answer))
        reader.look_ahead(segment, [content for content in contents if content is not None])
        for number, (raw, answer) in enumerate(some, start + 1):
            yield number, raw, answer


def _take_misfits(latest: dict[tuple[int, str], _Given], image_sizes: ImageSizes) -> list[SetAside]:
    """Take out what cannot be compared with the other answers to its item."""
    of_line: dict[int, list[tuple[int, str]]] = {}
    # The order in which answers came must not decide anything.
    for key in sorted(key for key, given in latest.items() if given.parsed.frame is not None):
        of_line.setdefault(key[0], []).append(key)
    sized = [
        line
        for line, keys in of_line.items()
        if any(frame is not None and frame.size is not None for frame in _frames(latest, keys))
    ]
    sizes = image_sizes(sized) if sized else {}
    aside: list[SetAside] = []
    for line, keys in of_line.items():
        found = misfits(_frames(latest, keys), sizes.get(line))
        for key, misfit in zip(keys, found, strict=True):
            if misfit is not None:
                aside.append(latest.pop(key).aside(misfit.message, line))
    return aside


def _frames(
    latest: Mapping[tuple[int, str], _Given], keys: list[tuple[int, str]]
) -> list[Frame | None]:
    return [latest[key].parsed.frame for key in keys]


def _coded(latest: Mapping[tuple[int, str], int | bytes]) -> CodedAnswers:
    if not latest:
        return CodedAnswers.empty()
    # The order in which answers came must not decide anything later on.
    ordered = sorted(latest)
    names = tuple(sorted({name for _, name in ordered}))
    position = {name: index for index, name in enumerate(names)}
    contents = sorted({code for code in latest.values() if isinstance(code, bytes)})
    codes = {content: index for index, content in enumerate(contents)}
    return CodedAnswers(
        np.array([line for line, _ in ordered], np.int64),
        np.array([position[name] for _, name in ordered], np.int32),
        np.array([_number(latest[key], codes) for key in ordered], np.int32),
        names,
        tuple(contents),
    )


def _text(raw: bytes) -> str:
    return raw[:_SHOWN].decode(errors="replace")


def _number(code: int | bytes, codes: Mapping[bytes, int]) -> int:
    return codes[code] if isinstance(code, bytes) else code


def _parsed(
    answer: Answer, segment: str, lines: Mapping[str, int], reader: ContentReader
) -> Parsed:
    if answer.item_id not in lines:
        raise ValueError(f"itemId {answer.item_id!r} is not in the task file")
    if answer.status not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}; got {answer.status!r}")
    if answer.status == SKIPPED:
        return Parsed(SKIPPED_CODE)
    if answer.status == CANNOT_TELL:
        return Parsed(CANNOT_TELL_CODE)
    if answer.answer_content is None:
        raise ValueError("a submitted answer must have answerContent")
    return reader.parse(segment, answer.answer_content)

"""People's answers: read from segments, checked, coded into arrays, kept for later rounds.

A malformed answer is set aside with its reason; it counts as no answer. Refuses to consolidate.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from surelabel_contract.model import Record
from surelabel_contract.people import Answer
from surelabel_contract.stages import ObjectRef
from surelabel_contract.store import Folder

SUBMITTED = "submitted"
SKIPPED = "skipped"
CANNOT_TELL = "cannotTell"
STATUSES = (SUBMITTED, SKIPPED, CANNOT_TELL)
# Codes in ``CodedAnswers.label`` below the class ids.
SKIPPED_CODE = -1
CANNOT_TELL_CODE = -2


class SegmentsOfStep(Record):
    """One annotate step's answers; ``stopped``: a limit or a stop ended the hand-outs."""

    round: int
    pass_number: int
    segments: tuple[ObjectRef, ...]
    answers: int
    stopped: bool = False


class AnswerIndex(Record):
    """All answers of the job so far.

    ``coded``: the same answers as arrays, one file per finished round; segments of a round that
    has no coded file yet are to be read as they are.
    """

    schema_version: Literal[1] = 1
    steps: tuple[SegmentsOfStep, ...] = ()
    coded: tuple[ObjectRef, ...] = ()

    def of_round(self, number: int) -> tuple[SegmentsOfStep, ...]:
        """The annotate steps of a round, by pass."""
        return tuple(step for step in self.steps if step.round == number)


@dataclass(frozen=True)
class CodedAnswers:
    """(n_answers,) each: line, annotator (an index into ``annotators``), class id or code.

    Where answers are no classes ``label`` is an index into ``contents``, the different answers in
    the order of their bytes.
    """

    line: NDArray[np.int64]
    annotator: NDArray[np.int32]
    label: NDArray[np.int32]
    annotators: tuple[str, ...]
    contents: tuple[bytes, ...] = ()

    @classmethod
    def empty(cls) -> CodedAnswers:
        """No answers."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), ())

    def where(self, mask: NDArray[np.bool_]) -> CodedAnswers:
        """The answers that the mask picks, with the same annotators."""
        return CodedAnswers(
            self.line[mask],
            self.annotator[mask],
            self.label[mask],
            self.annotators,
            self.contents,
        )

    @property
    def usable(self) -> CodedAnswers:
        """Those that give a label."""
        return self.where(self.label >= 0)

    def to_bytes(self) -> bytes:
        """Equal answers give equal bytes."""
        buffer = io.BytesIO()
        names = np.array(self.annotators, dtype=np.str_)
        columns: dict[str, Any] = {
            "line": self.line,
            "annotator": self.annotator,
            "label": self.label,
            "annotators": names,
        }
        if self.contents:
            # One byte string: as an array of strings each would be as long as the longest.
            columns["contents"] = np.frombuffer(b"\n".join(self.contents), np.uint8)
        np.savez(buffer, allow_pickle=False, **columns)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> CodedAnswers:
        """What ``to_bytes`` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            contents = stored["contents"].tobytes().split(b"\n") if "contents" in stored else ()
            return cls(
                stored["line"],
                stored["annotator"],
                stored["label"],
                tuple(stored["annotators"].tolist()),
                tuple(contents),
            )


def merge(parts: Iterable[CodedAnswers]) -> CodedAnswers:
    """All answers in the given order, with one list of annotators (sorted by name), and one of
    contents where answers are no classes (sorted by their bytes)."""
    parts = [part for part in parts if len(part.line)]
    names = tuple(sorted({name for part in parts for name in part.annotators}))
    if not parts:
        return CodedAnswers.empty()
    position = {name: index for index, name in enumerate(names)}
    recoded = [
        np.array([position[name] for name in part.annotators], np.int32)[part.annotator]
        for part in parts
    ]
    contents = sorted({content for part in parts for content in part.contents})
    place = {content: index for index, content in enumerate(contents)}
    return CodedAnswers(
        np.concatenate([part.line for part in parts]),
        np.concatenate(recoded),
        np.concatenate([_relabeled(part, place) for part in parts]),
        names,
        tuple(contents),
    )


def _relabeled(part: CodedAnswers, place: Mapping[bytes, int]) -> NDArray[np.int32]:
    if not part.contents:
        return part.label
    codes = np.array([place[content] for content in part.contents], np.int32)
    # Below 0 stands why there is no answer.
    return np.where(part.label >= 0, codes[part.label], part.label).astype(np.int32)


@dataclass(frozen=True)
class SetAside:
    """An answer that cannot be used, as it came."""

    segment: str
    line: int
    reason: str
    answer: str

    def to_dict(self) -> dict[str, Any]:
        """For the list of answers set aside."""
        return {
            "segment": self.segment,
            "line": self.line,
            "reason": self.reason,
            "answer": self.answer,
        }


def read_segments(
    folder: Folder,
    segments: Iterable[ObjectRef],
    lines: Mapping[str, int],
    parse: Callable[[Mapping[str, Any]], int | bytes],
) -> tuple[CodedAnswers, list[SetAside]]:
    """The answers of some segments about the items in ``lines`` (id to line).

    ``parse(answer content)`` is the class id, or the bytes of what is no class, or raises
    ValueError. The last answer of a person to
    an item counts; review answers are no part of a consensus and are left out.
    """
    decoder = msgspec.json.Decoder(Answer)
    latest: dict[tuple[int, str], int | bytes] = {}
    aside: list[SetAside] = []
    for segment in segments:
        for number, raw in enumerate(folder.read(segment.key).splitlines(), 1):
            try:
                answer = decoder.decode(raw)
                if answer.role != "annotator":
                    continue
                code = _code(answer, lines, parse)
            except (ValueError, UnicodeDecodeError) as error:
                text = raw[:1000].decode(errors="replace")
                aside.append(SetAside(segment.key, number, str(error), text))
                continue
            key = (lines[answer.item_id], answer.annotator)
            # Out and in again: a correction takes its place at the end.
            latest.pop(key, None)
            latest[key] = code
    if not latest:
        return CodedAnswers.empty(), aside
    # The order in which answers came must not decide anything later on.
    ordered = sorted(latest)
    names = tuple(sorted({name for _, name in ordered}))
    position = {name: index for index, name in enumerate(names)}
    contents = sorted({code for code in latest.values() if isinstance(code, bytes)})
    codes = {content: index for index, content in enumerate(contents)}
    return (
        CodedAnswers(
            np.array([line for line, _ in ordered], np.int64),
            np.array([position[name] for _, name in ordered], np.int32),
            np.array([_number(latest[key], codes) for key in ordered], np.int32),
            names,
            tuple(contents),
        ),
        aside,
    )


def _number(code: int | bytes, codes: Mapping[bytes, int]) -> int:
    return codes[code] if isinstance(code, bytes) else code


def _code(
    answer: Answer, lines: Mapping[str, int], parse: Callable[[Mapping[str, Any]], int | bytes]
) -> int | bytes:
    if answer.item_id not in lines:
        raise ValueError(f"itemId {answer.item_id!r} is not in the task file")
    if answer.status not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}; got {answer.status!r}")
    if answer.status == SKIPPED:
        return SKIPPED_CODE
    if answer.status == CANNOT_TELL:
        return CANNOT_TELL_CODE
    if answer.answer_content is None:
        raise ValueError("a submitted answer must have answerContent")
    return parse(answer.answer_content)

"""People's answers as arrays, kept for later rounds, and where the segments lie that have them.

Refuses to read segments (``answer_segments``) and to consolidate.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from surelabel_contract.model import Record
from surelabel_contract.stages import ObjectRef

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
    # Below 0 stands why there is no answer; both sides are computed, so it must be no index.
    return np.where(part.label >= 0, codes[np.maximum(part.label, 0)], part.label).astype(np.int32)

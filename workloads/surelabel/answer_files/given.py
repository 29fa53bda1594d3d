"""What a set of answers is once it is read, whatever files it came in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.answer_table import TableError
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import ImageSize, Value


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as its file has it; ``content`` None is an abstention ("can't tell")."""

    item: str
    annotator: str
    content: Any
    # File, and line or position in it.
    where: str
    submitted: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What one annotator said of one item; ``value`` None is an abstention.

    ``submitted``: as in the file. ``seconds``: time spent on it, where that is known.
    """

    item: str
    annotator: str
    value: Value | None
    submitted: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """An answer, or a file of answers, that cannot be read; the message says what is wrong."""

    where: str
    reason: str
    message: str
    # The item that it was about, where that is known.
    item: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}: {self.message}"


class AnswerFilesError(TableError):
    """There are no answers there at all; the message names place, rule and next step."""


@dataclass(frozen=True)
class GivenAnswers:
    """Answers in the order in which they came: of an annotator's to one item the last counts.

    ``sources``, ``texts``, ``labels``, ``sizes``: by item, as far as the files have them;
    ``labels`` are those that the job itself made, texts are read where the task type wants them.
    ``set_aside``: what could not be read; none of it is in ``answers``.
    """

    task_type: str
    classes: Classes
    answers: tuple[GivenAnswer, ...]
    set_aside: tuple[SetAside, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Label[Any]] = field(default_factory=dict)
    sizes: Mapping[str, ImageSize] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def items(self) -> tuple[str, ...]:
        """Items in the order of their first answer, then those whose answers were all set aside."""
        told = (each.item for each in self.answers)
        aside = (each.item for each in self.set_aside if each.item is not None)
        return tuple(dict.fromkeys((*told, *aside)))

    @property
    def annotators(self) -> tuple[str, ...]:
        """Annotators in the order of their first answer."""
        return tuple(dict.fromkeys(each.annotator for each in self.answers))

    def codes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(n_answers,) twice: places in ``items`` and ``annotators``, as consolidation has them."""
        item = {name: code for code, name in enumerate(self.items)}
        annotator = {name: code for code, name in enumerate(self.annotators)}
        return (
            np.array([item[each.item] for each in self.answers], np.int64),
            np.array([annotator[each.annotator] for each in self.answers], np.int64),
        )

    def of_item(self) -> Iterator[tuple[str, list[GivenAnswer]]]:
        """Each item with its answers."""
        found: dict[str, list[GivenAnswer]] = {}
        for each in self.answers:
            found.setdefault(each.item, []).append(each)
        yield from found.items()

"""Answers as sequences of BIO tags over units, one sequence per item and layer.

Tags: 0 is O, 1 + 2k begins a span of class k, 2 + 2k goes on with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import Codes
from surelabel.consolidation.spans.answers import SpanAnswers
from surelabel.consolidation.spans.units import Units, ranges

Tags = NDArray[np.uint16]


@dataclass(frozen=True)
class Sequences:
    """What every annotator said about every unit.

    A sequence is one layer of one item: ``item``, (n_sequences,); its units are the rows
    ``first[s] .. first[s + 1] - 1`` of ``start`` and ``end`` (code points). A reading is one
    annotator's tags for one sequence: ``sequence``, ``annotator``, ``place``, (n_readings,),
    sorted by sequence and annotator; its tags are ``tags[place : place + length of sequence]``.
    """

    item: Codes
    first: Codes
    start: Codes
    end: Codes
    sequence: Codes
    annotator: Codes
    place: Codes
    tags: Tags
    n_annotators: int
    n_classes: int

    @property
    def n_tags(self) -> int:
        """O, and two for each class."""
        return 1 + 2 * self.n_classes

    @property
    def length(self) -> Codes:
        """(n_sequences,): units of each."""
        return np.diff(self.first)

    @property
    def n_readings(self) -> Codes:
        """(n_sequences,): annotators who read each."""
        return np.bincount(self.sequence, minlength=len(self.item))

    def readings(self, rows: Codes) -> Sequences:
        """The same sequences with these readings only; ``rows`` ascend."""
        length = self.length[self.sequence[rows]]
        return replace(
            self,
            sequence=self.sequence[rows],
            annotator=self.annotator[rows],
            place=np.cumsum(length) - length,
            tags=self.tags[ranges(self.place[rows], length)],
        )

    def only(self, sequences: Codes) -> Sequences:
        """These sequences with all their readings, renumbered; ``sequences`` ascend."""
        number = np.full(len(self.item), -1, dtype=np.int64)
        number[sequences] = np.arange(len(sequences))
        kept = self.readings(np.flatnonzero(number[self.sequence] >= 0))
        length = self.length[sequences]
        unit = ranges(self.first[sequences], length)
        return replace(
            kept,
            item=self.item[sequences],
            first=np.concatenate(([0], np.cumsum(length))),
            start=self.start[unit],
            end=self.end[unit],
            sequence=number[kept.sequence],
        )


def build_sequences(answers: SpanAnswers, units: Units, layer: Codes) -> Sequences:
    """Everybody who answered an item reads each of its layers, with or without spans there.

    ``layer``: (n_spans,), from 0; spans of one answer in one layer do not overlap.
    """
    n_layers = np.ones(answers.n_items, dtype=np.int64)
    np.maximum.at(n_layers, answers.span_item, layer + 1)
    before = np.concatenate(([0], np.cumsum(n_layers)))
    item = np.repeat(np.arange(answers.n_items), n_layers)
    length = np.diff(units.first)[item]
    unit = ranges(units.first[item], length)
    sequence, reader = _readings(answers, n_layers, before)
    place = np.concatenate(([0], np.cumsum(length[sequence])))
    tags = np.zeros(place[-1], dtype=np.uint16)
    # A reading's row: readings are sorted by (sequence, annotator), answers by (item, annotator).
    n_answers = answers.n_answers
    first_answer = np.concatenate(([0], np.cumsum(n_answers)))
    first_reading = np.concatenate(([0], np.cumsum(n_answers * n_layers)))
    of_item = answers.span_item
    reading = (
        first_reading[of_item] + layer * n_answers[of_item] + answers.answer - first_answer[of_item]
    )
    begin, stop = units.locate(answers)
    at = place[reading] + begin - units.first[of_item]
    inside = ranges(at + 1, stop - begin - 1)
    tags[inside] = np.repeat(2 + 2 * answers.label, stop - begin - 1)
    tags[at] = 1 + 2 * answers.label
    return Sequences(
        item,
        np.concatenate(([0], np.cumsum(length))),
        units.start[unit],
        units.end[unit],
        sequence,
        answers.annotator[reader],
        place[:-1],
        tags,
        answers.n_annotators,
        answers.n_classes,
    )


def _readings(answers: SpanAnswers, n_layers: Codes, before: Codes) -> tuple[Codes, Codes]:
    """The sequence and the row of the answer of each reading."""
    n_answers = answers.n_answers
    first_answer = np.concatenate(([0], np.cumsum(n_answers)))
    item = np.repeat(np.arange(answers.n_items), n_layers)
    sequence = np.repeat(np.arange(before[-1]), n_answers[item])
    return sequence, ranges(first_answer[item], n_answers[item])

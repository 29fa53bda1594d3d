"""Real crowds whose labels are no classes, one by one answer, for benches that let answers out."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from consolidation import data, read
from span_crowds import pico

from surelabel.consolidation.spans import disagreement as spans_apart
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueAnswers, ValueTask, classes_of
from surelabel.tasks.values import Box, Boxes, LabelSet, Rating, Span, Spans, Verification
from workloads.consolidation.multi_label.crowds import emotions
from workloads.consolidation.ratings.crowds import SNOW, snow

# An item's answers: who, and what.
Given = list[tuple[int, Any]]
# Items of a set of classes, at most.
_CHOICES = 600


@dataclass(frozen=True)
class ValueCrowd:
    """Real answers that are no classes: rows of (item, annotator, value), and the truths.

    ``apart``: how far two values are from each other.
    """

    name: str
    task: ValueTask[Any]
    rows: list[tuple[int, int, Any]]
    truth: dict[int, Any]
    classes: tuple[str, ...]
    apart: Callable[[Any, Any], float]

    def shuffled(self, seed: int) -> list[Given]:
        """Who said what of each item, in an order drawn by ``seed``."""
        given: list[Given] = [[] for _ in range(1 + max(row[0] for row in self.rows))]
        for place in np.random.default_rng(seed).permutation(len(self.rows)).tolist():
            item, who, value = self.rows[place]
            given[item].append((who, value))
        return given

    def labels(
        self, given: Mapping[int, Given], gold: Mapping[int, Any] = MappingProxyType({})
    ) -> dict[int, Any]:
        """The label of each item in ``given``, by all of these answers; ``gold``: known truths."""
        items = list(given)
        kept = [
            (code, who, value)
            for code, item in enumerate(items)
            for who, value in sorted(given[item], key=lambda answer: answer[0])
        ]
        item, who, values = zip(*kept, strict=True)
        answers = ValueAnswers(
            item,
            who,
            values,
            1 + max(row[1] for row in self.rows),
            (None,) * len(items),
            classes_of(self.classes),
            {code: gold[item] for code, item in enumerate(items) if item in gold},
        )
        found = dict(self.task.consolidate(answers))
        return {item: found[code] for code, item in enumerate(items)}

    def loss(self, labels: Mapping[int, Any]) -> float:
        """Mean distance of labels to the truth, where that is known."""
        known = [item for item in labels if item in self.truth]
        return float(np.mean([self.apart(labels[i].value, self.truth[i]) for i in known]))


def ratings() -> Iterator[ValueCrowd]:
    """Eight sets of Snow et al. 2008, ten ratings an item; distances in parts of the scale."""
    for name, (low, high) in SNOW.items():
        answers, truth = snow(name)
        columns = (answers.item, answers.annotator, answers.value)
        rows = [(i, w, Rating(v)) for i, w, v in zip(*(c.tolist() for c in columns), strict=True)]
        length = high - low
        yield ValueCrowd(
            "ratings", TASK_TYPES["Rating"], rows,
            {item: Rating(value) for item, value in enumerate(truth.tolist())}, (),
            lambda one, other, length=length: abs(one.value - other.value) / length,
        )  # fmt: skip


def label_sets() -> Iterator[ValueCrowd]:
    """Emotions of 100 headlines at four thresholds, ten people each; MASI distances."""
    task = TASK_TYPES["TextClassificationMultiLabel"]
    for threshold in (15, 25, 35, 50):
        crowd = emotions(threshold)
        chosen: list[list[int]] = [[] for _ in crowd.item]
        for answer, label in zip(crowd.answer.tolist(), crowd.label.tolist(), strict=True):
            chosen[answer].append(label)
        sets = [LabelSet(tuple(sorted(each))) for each in chosen]
        rows = list(zip(crowd.item.tolist(), crowd.annotator.tolist(), sets, strict=True))
        truth = {i: LabelSet(tuple(np.flatnonzero(t).tolist())) for i, t in enumerate(crowd.truth)}
        names = tuple("abcdef")
        yield ValueCrowd("label sets", task, rows, truth, names, task.disagreement)


def boxes() -> Iterator[ValueCrowd]:
    """The 938 images of pedestrians that an expert annotated, seven people each; 1 - soft F1."""
    folder = data() / "boxes" / "pedestrians_mturk"

    def rows(name: str) -> list[dict[str, str]]:
        with (folder / f"{name}.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def box(row: dict[str, str]) -> Box:
        left, top, right, bottom = (float(row[key]) for key in ("x1", "y1", "x2", "y2"))
        return Box(0, left, top, right - left, bottom - top)

    images = {row["image"]: code for code, row in enumerate(rows("truth_images"))}
    truth: dict[int, list[Box]] = {code: [] for code in images.values()}
    for row in rows("truth_boxes"):
        truth[images[row["image"]]].append(box(row))
    told = {
        (images[row["image"]], row["worker"]): list[Box]()
        for row in rows("assignments")
        if row["image"] in images
    }
    for row in rows("boxes"):
        if row["image"] in images:
            told[images[row["image"]], row["worker"]].append(box(row))
    people = {name: code for code, name in enumerate(sorted({who for _, who in told}))}
    task = TASK_TYPES["BoundingBox"]
    yield ValueCrowd(
        "boxes",
        task,
        [(item, people[who], Boxes(tuple(marks))) for (item, who), marks in told.items()],
        {item: Boxes(tuple(marks)) for item, marks in truth.items()},
        ("person",),
        task.disagreement,
    )


def spans() -> Iterator[ValueCrowd]:
    """The 191 abstracts of PICO whose truth is known; 1 - relaxed F1."""
    crowd = pico()
    answers, truth = crowd.answers, crowd.truth
    place = {item: code for code, item in enumerate(sorted(crowd.judged.tolist()))}
    told: list[list[Span]] = [[] for _ in answers.item]
    columns = (answers.answer, answers.start, answers.end, answers.label)
    for row, start, end, label in zip(*(c.tolist() for c in columns), strict=True):
        told[row].append(Span(label, start, end))
    true: dict[int, list[Span]] = {code: [] for code in place.values()}
    columns = (truth.group, truth.start, truth.end, truth.label)
    for item, start, end, label in zip(*(c.tolist() for c in columns), strict=True):
        true[place[item]].append(Span(label, start, end))
    asked = zip(answers.item.tolist(), answers.annotator.tolist(), told, strict=True)

    def apart(one: Spans, other: Spans) -> float:
        pair = ([(s.start, s.end, s.label) for s in each.spans] for each in (one, other))
        return spans_apart(*pair, relaxed=True)

    yield ValueCrowd(
        "spans",
        TASK_TYPES["NamedEntityRecognition"],
        [(place[item], who, Spans(tuple(own))) for item, who, own in asked if item in place],
        {item: Spans(tuple(own)) for item, own in true.items()},
        ("participants",),
        apart,
    )


def choices() -> Iterator[ValueCrowd]:
    """Five sets of classes as judgements of earlier labels; 0 for the right class, else 1."""
    task = TASK_TYPES["LabelVerification"]
    for name in ("d_sentiment", "dog", "music_genre", "rte", "web"):
        item, who, label, truth = read(name)
        kept = np.flatnonzero(truth >= 0)[:_CHOICES]
        place = {int(old): code for code, old in enumerate(kept)}
        # Of several answers to one item the last counts.
        columns = (item.tolist(), who.tolist(), label.tolist())
        last = {(i, w): Verification(v) for i, w, v in zip(*columns, strict=True) if i in place}
        n_classes = int(max(label.max(), truth.max())) + 1
        yield ValueCrowd(
            "choices",
            task,
            [(place[i], w, value) for (i, w), value in last.items()],
            {place[i]: Verification(int(truth[i])) for i in place},
            tuple(str(number) for number in range(n_classes)),
            task.disagreement,
        )

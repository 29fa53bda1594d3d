"""Crowds that mark objects: made up ones of every kind, and the real boxes of $SURELABEL_DATA."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from surelabel.consolidation.objects import (
    Boxes,
    Geometry,
    KeyPoints,
    ObjectAnswers,
    Polygons,
    Polylines,
    RotatedBoxes,
)
from workloads.consolidation.crowds import DATA


@dataclass(frozen=True)
class Scene:
    """Answers in the order in which they came, and the truth as marks with item and label."""

    item: np.ndarray
    annotator: np.ndarray
    answer: np.ndarray
    geometry: Geometry
    label: np.ndarray
    n_items: int
    n_annotators: int
    n_classes: int
    true_item: np.ndarray
    truth: Geometry
    true_label: np.ndarray

    @property
    def coded(self) -> ObjectAnswers:
        return ObjectAnswers.of(
            self.item,
            self.annotator,
            self.answer,
            self.geometry,
            self.label,
            self.n_items,
            self.n_annotators,
            self.n_classes,
        )

    def answers_shuffled(self, seed: int) -> Scene:
        """The answers, and the marks in them, in another order."""
        rng = np.random.default_rng(seed)
        answers = rng.permutation(len(self.item))
        marks = rng.permutation(len(self.answer))
        place = np.argsort(answers)
        return replace(
            self,
            item=self.item[answers],
            annotator=self.annotator[answers],
            answer=place[self.answer[marks]],
            geometry=self.geometry[marks],
            label=self.label[marks],
        )


# Of each kind: true objects at (x, y, size), and jittered copies of such rows.
def _boxes(centre, size, rng, jitter):
    box = np.hstack((centre - size[:, None] / 2, size[:, None], size[:, None] * 0.6))
    noisy = box + rng.normal(0, jitter, box.shape) * size[:, None]
    noisy[:, 2:] = np.abs(noisy[:, 2:])
    return Boxes.of(noisy)


def _rotated(centre, size, rng, jitter):
    angle = 7 * centre.sum(axis=1)
    box = np.stack((*(centre - size[:, None] / 2).T, size, size * 0.4, angle), axis=1)
    noisy = box + rng.normal(0, jitter, box.shape) * size[:, None]
    noisy[:, 2:4] = np.abs(noisy[:, 2:4])
    # Some people turn a box the other way round.
    noisy[:, 4] = (
        angle + rng.normal(0, 60 * jitter, len(box)) + 180 * rng.integers(2, size=len(box))
    )
    return RotatedBoxes.of(noisy)


def _chains(shape, kind):
    def made(centre, size, rng, jitter):
        chains = []
        for middle, scale in zip(centre, size, strict=True):
            chain = shape * scale + middle + rng.normal(0, jitter, 2) * scale
            chain = chain + rng.normal(0, jitter, chain.shape) * scale
            if jitter and rng.random() < 0.5:
                chain = chain[::-1]
            if jitter and kind is Polygons:
                chain = np.roll(chain, rng.integers(len(chain)), axis=0)
            chains.append(chain)
        return chains_of(kind, chains)

    return made


def _points(centre, size, rng, jitter):
    noisy = centre + rng.normal(0, jitter, centre.shape) * size[:, None]
    return KeyPoints.of(noisy, size / 4)


def chains_of(kind, chains):
    """Polygons or polylines of these (n, 2) chains."""
    mark = np.repeat(np.arange(len(chains)), [len(chain) for chain in chains])
    return kind.of(np.vstack([np.empty((0, 2)), *chains]), mark, len(chains))


_L = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.0], [0.0, 0.0], [0.0, 0.5], [-0.5, 0.5]])
_CURVE = np.stack((np.linspace(-0.5, 0.5, 6), 0.3 * np.sin(np.linspace(0, 3, 6))), axis=1)
KINDS: dict[str, Callable[..., Geometry]] = {
    "Boxes": _boxes,
    "RotatedBoxes": _rotated,
    "Polygons": _chains(_L, Polygons),
    "Polylines": _chains(_CURVE, Polylines),
    "KeyPoints": _points,
}


def made_up_scene(
    kind: str,
    seed: int,
    n_items: int = 12,
    n_annotators: int = 6,
    per_item: int = 5,
    n_objects: int = 4,
    jitter: float = 0.03,
    n_classes: int = 3,
) -> Scene:
    """Objects on a grid; people miss some, invent some, and mistake some for another class.

    Annotators differ: the last misses half of the objects, the first is the most precise.
    """
    rng = np.random.default_rng(seed)
    true_item = np.repeat(np.arange(n_items), n_objects)
    cell = np.concatenate([rng.permutation(9)[:n_objects] for _ in range(n_items)])
    centre = np.stack((cell % 3, cell // 3), axis=1) * 200.0 + rng.uniform(80, 120, (len(cell), 2))
    size = rng.uniform(60, 100, len(cell))
    true_label = rng.integers(n_classes, size=len(cell))
    empty = rng.random(n_items) < 0.1
    real = ~empty[true_item]
    item, annotator, answer, place, extent, label, precise = [], [], [], [], [], [], []
    for image in range(n_items):
        for who in rng.permutation(n_annotators)[:per_item]:
            number = len(item)
            item.append(image)
            annotator.append(who)
            miss = 0.5 if who == n_annotators - 1 else 0.07
            for row in np.flatnonzero((true_item == image) & real):
                if rng.random() < miss:
                    continue
                wrong = rng.random() < 0.08 and kind != "KeyPoints"
                answer.append(number)
                place.append(centre[row])
                extent.append(size[row])
                label.append(rng.integers(n_classes) if wrong else true_label[row])
                precise.append(0.5 + who / 4)
            if rng.random() < 0.1:
                answer.append(number)
                place.append(rng.uniform(0, 600, 2))
                extent.append(50.0)
                label.append(0)
                precise.append(1.0)
    make, places, extents = KINDS[kind], np.array(place), np.array(extent)
    # One mark at a time, since the jitter differs.
    marks = [make(places[[k]], extents[[k]], rng, jitter * precise[k]) for k in range(len(answer))]
    return Scene(
        np.array(item),
        np.array(annotator),
        np.array(answer),
        joined(marks),
        np.array(label),
        n_items,
        n_annotators,
        n_classes,
        true_item[real],
        make(centre[real], size[real], rng, 0.0),
        true_label[real],
    )


def joined(marks: list[Geometry]) -> Geometry:
    """One geometry of several of the same kind."""
    first = marks[0]
    if isinstance(first, Polygons | Polylines):
        return chains_of(type(first), [m.outline(k) for m in marks for k in range(len(m))])
    fields = first.__dataclass_fields__
    return type(first)(*(np.concatenate([getattr(m, name) for m in marks]) for name in fields))


def matched(item, geometry, true_item, truth, least=0.5):
    """(n_objects,) similarity of each object to the truth it is matched with, 0 without one."""
    return matched_rows(item, geometry, true_item, truth, least)[0]


def matched_rows(item, geometry, true_item, truth, least=0.5):
    """``matched``, and the row of that truth (-1 without one)."""
    found, partner = np.zeros(len(item)), np.full(len(item), -1)
    for image in np.unique(item):
        mine, theirs = np.flatnonzero(item == image), np.flatnonzero(true_item == image)
        if not len(theirs):
            continue
        a, b = np.repeat(mine, len(theirs)), np.tile(theirs, len(mine))
        table = geometry.similarity(a, truth, b).reshape(len(mine), len(theirs))
        rows, columns = linear_sum_assignment(np.where(table >= least, table, 0), maximize=True)
        good = table[rows, columns] >= least
        found[mine[rows[good]]] = table[rows[good], columns[good]]
        partner[mine[rows[good]]] = theirs[columns[good]]
    return found, partner


def pedestrians() -> tuple[Scene, np.ndarray]:
    """The real boxes, and (n_items,) which images an expert annotated."""
    folder = DATA / "boxes" / "pedestrians_mturk"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}; SURELABEL_DATA names the one with the real data")

    def rows(name):
        with (folder / f"{name}.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def corners(lines):
        return Boxes(np.array([[float(row[k]) for k in ("x1", "y1", "x2", "y2")] for row in lines]))

    images = {row["image"]: code for code, row in enumerate(rows("images"))}
    assignments, boxes, truth = rows("assignments"), rows("boxes"), rows("truth_boxes")
    workers = {name: k for k, name in enumerate(sorted({row["worker"] for row in assignments}))}
    place = {(row["image"], row["worker"]): k for k, row in enumerate(assignments)}
    expert = np.zeros(len(images), dtype=bool)
    expert[[images[row["image"]] for row in rows("truth_images")]] = True
    scene = Scene(
        np.array([images[row["image"]] for row in assignments]),
        np.array([workers[row["worker"]] for row in assignments]),
        np.array([place[row["image"], row["worker"]] for row in boxes]),
        corners(boxes),
        np.zeros(len(boxes), np.int64),
        len(images),
        len(workers),
        1,
        np.array([images[row["image"]] for row in truth]),
        corners(truth),
        np.zeros(len(truth), np.int64),
    )
    return scene, expert

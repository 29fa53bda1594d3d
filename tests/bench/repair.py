"""Labels that the model contradicts, asked about again: how wrong people's labels are in the end.

People label every item, batch after batch, as a job's stages ask them to; no region is ever
proposed. At as many answers stands what the same people make of them when each item has as many
answers as any other.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from consolidation import data
from page import Section, publish, say
from PIL import Image
from sklearn.datasets import load_digits

from surelabel.labels import Kind, LabelFiles, LabelState, read_labels
from surelabel.stages.history import History
from surelabel_contract.stages import AutoLabeling, StageReport
from surelabel_contract.steps import Stage
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

# So strict that no region is worth a test: people label everything.
_STRICT = 1
_SEED_ITEMS, _ITEMS_PER_ROUND, _ITEMS = 200, 200, 1_200
_TEAM = (950, 900, 850, 850, 800, 750, 700)
_FIXED = (1, 2, 3)
# Answers an item at first, and repairPercent.
_WAYS = ((1, 10), (1, 30), (2, 10))
_SEEDS = 1


@dataclass(frozen=True)
class Source:
    """Items with their truth: ``lines`` of a manifest, whose pictures lie below its folder."""

    name: str
    task_type: str
    labels: tuple[str, ...]
    truth: tuple[str, ...]
    pictures: NDArray[np.uint8] | None = None
    texts: tuple[str, ...] = ()

    def driver(self, root: Path, seed: int, **values: Any) -> MiniDriver:
        """A job on it in ``root``."""
        root.mkdir(parents=True)
        driver = MiniDriver(root, self.labels, self.task_type, _TEAM, seed=seed, **values)
        lines: list[Any] = [{"source": text} for text in self.texts]
        for number, pixels in enumerate(self.pictures if self.pictures is not None else ()):
            path = root / f"{number:05d}.png"
            Image.fromarray(pixels).save(path)
            lines.append({"source-ref": path.as_uri()})
        driver.write_input(lines, self.truth)
        return driver


@dataclass(frozen=True)
class Ended:
    """Answers an item, the share of wrong labels, labels asked about again and changed since."""

    answers: float
    wrong: float
    again: float = 0
    relabeled: float = 0


def sources() -> Iterator[Source]:
    """What is there of the sets."""
    digits = load_digits()
    rng = np.random.default_rng(0)
    some = rng.permutation(len(digits.target))[:_ITEMS]
    ten = tuple("0123456789")
    pixels = (digits.images[some] * 15.9).astype(np.uint8)
    truth = tuple(str(label) for label in digits.target[some])
    yield Source("digits", "ImageClassification", ten, truth, pixels)
    mnist = data() / "images" / "mnist10k" / "mnist10k.npz"
    if mnist.is_file():
        with np.load(mnist) as stored:
            some = rng.permutation(len(stored["y"]))[:_ITEMS]
            truth = tuple(str(label) for label in stored["y"][some])
            yield Source("MNIST10k", "ImageClassification", ten, truth, stored["x"][some])
    banking = data() / "text" / "banking77" / "train.csv"
    if banking.is_file():
        with banking.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        chosen = [rows[row] for row in rng.permutation(len(rows))[:_ITEMS].tolist()]
        classes = tuple(sorted({row["category"] for row in rows}))
        yield Source(
            "banking77",
            "TextClassification",
            classes,
            tuple(row["category"] for row in chosen),
            texts=tuple(row["text"] for row in chosen),
        )


def fixed(source: Source, folder: Path, seed: int, annotators: int) -> Ended:
    """Every item has as many answers, which are consolidated together."""
    people = {"annotators_per_item": annotators, "max_annotators_per_item": annotators}
    spec = {**people, "max_open_items": len(source.truth)}
    driver = source.driver(folder, seed, spec=spec)
    report = driver.run(0, Stage.PREPARE)
    report = driver.run(1, Stage.ANNOTATE, before=report)
    return _ended(source, driver, driver.run(1, Stage.CONSOLIDATE, before=report))


def repaired(source: Source, folder: Path, seed: int, annotators: int, percent: int) -> Ended:
    """A batch a round; with each some labels of earlier rounds are asked about again."""
    promise = AutoLabeling(
        target_error_permille=_STRICT,
        risk_permille=50,
        seed_items=_SEED_ITEMS,
        items_per_round=_ITEMS_PER_ROUND,
        repair_percent=percent,
    )
    people = {"annotators_per_item": annotators, "max_annotators_per_item": annotators}
    driver = source.driver(folder, seed, auto_labeling=promise, spec=people)
    report, round_ = driver.run(0, Stage.PREPARE), 0
    while "tasks" in report.carry:
        round_ += 1
        report = driver.run(round_, Stage.ANNOTATE, before=report)
        report = driver.run(round_, Stage.CONSOLIDATE, before=report)
        if report.next.trainable:
            report = driver.run(round_, Stage.TRAIN, before=report)
            report = driver.run(round_, Stage.INFER, before=report)
    return _ended(source, driver, report)


def _ended(source: Source, driver: MiniDriver, report: StageReport) -> Ended:
    folder = Storage(driver.access).folder(driver.folder_uri)
    files = LabelFiles.from_json(folder.read(report.carry["labels"].key))
    state: LabelState = read_labels(folder, files)
    if not (state.kind == Kind.HUMAN).all():
        raise SystemExit(f"{source.name}: {report.step.key} left items without a label of people.")
    truth = np.array([source.labels.index(name) for name in source.truth])
    history = History.from_json(folder.read(report.carry["history"].key))
    again = [entry.asked_again for entry in history.rounds if entry.asked_again is not None]
    return Ended(
        report.progressed.answers / len(truth),
        float(np.mean(state.label != truth)),
        sum(each.items for each in again),
        sum(each.relabeled for each in again),
    )


def measure(folder: Path) -> Section:
    """The section."""
    section = Section(
        "repair",
        "Labels that the model contradicts, asked about again",
        f"{_ITEMS:,} items each, all labeled by simulated people who are right in "
        f"{min(_TEAM) / 10:g} to {max(_TEAM) / 10:g} % of the cases, {_SEED_ITEMS} first and "
        f"{_ITEMS_PER_ROUND} a round, by the stages' own code; seeds: {_SEEDS}. Beside "
        "it the same people with 1, 2 or 3 answers for every item, and between these, at as many "
        "answers as repair took, the straight line. Wrong: final labels of people unlike the "
        "truth.",
    )
    for source in sources():
        curve = [
            _mean([fixed(source, folder / f"{source.name}-{k}-{seed}", seed, k)
                   for seed in range(_SEEDS)])
            for k in _FIXED
        ]  # fmt: skip
        say(f"repair: {source.name}, fixed {[round(each.wrong, 4) for each in curve]}")
        lines: list[tuple[str, ...]] = [
            (f"{k}", "", f"{each.answers:.2f}", f"{each.wrong:.2%}", "", "", "")
            for k, each in zip(_FIXED, curve, strict=True)
        ]
        for annotators, percent in _WAYS:
            way = f"{annotators} + {percent} %"
            runs = [
                repaired(source, folder / f"{source.name}-{way}-{seed}", seed, annotators, percent)
                for seed in range(_SEEDS)
            ]
            found = _mean(runs)
            same = float(np.interp(found.answers, _FIXED, [each.wrong for each in curve]))
            section.add(
                f"{source.name}, {annotators} answers an item and {percent} % for repair: wrong "
                "labels, against fixed redundancy at as many answers",
                f"{found.wrong:.2%} against {same:.2%}",
                "fewer",
                found.wrong < same,
            )
            share = f"{found.relabeled / max(found.again, 1):.0%}"
            lines.append(
                (f"{annotators}", f"{percent} %", f"{found.answers:.2f}", f"{found.wrong:.2%}",
                 f"{same:.2%}", f"{found.again:.0f}", share)
            )  # fmt: skip
            say(f"repair: {source.name}, {way}: {found}")
        section.tables.append((
            f"{source.name}:",
            ("answers each", "repairPercent", "answers an item", "wrong",
             "fixed, as many answers", "asked again", "relabeled"),
            lines,
        ))  # fmt: skip
    return section


def _mean(runs: Sequence[Ended]) -> Ended:
    columns = zip(*(astuple(run) for run in runs), strict=True)
    return Ended(*(float(np.mean(column)) for column in columns))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as name:
        publish(measure(Path(name)))

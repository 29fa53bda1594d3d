"""What a round of masks costs in the loop, and how sure a label is that says that there is nothing.

The round runs in processes of their own, so that the peak of memory is that of one stage.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from objects import Pedestrians, data
from page import ROOT, Section, publish, say
from PIL import Image

sys.path.insert(0, str(ROOT / "tests"))

from surelabel.blobs import brought_in
from surelabel.consolidation.objects import METHODS, ObjectAnswers
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.classes import Classes
from surelabel.tasks.values import Instances, SemanticMask
from surelabel_contract.stages import StageReport
from surelabel_contract.steps import Stage
from workloads.stages.mini_driver import MiniDriver

_IMAGES, _EDGE, _PEOPLE, _OBJECTS = 30, 512, 5, 12
_LABELS = ("a", "b", "c")
_TYPES = ("SemanticSegmentation", "InstanceSegmentation")
_DRAWS, _CROWDS = 3, (1, 2, 3, 5, 7)


def driver_of(root: Path, name: str) -> MiniDriver:
    """The job that lies below ``root``."""
    people = {"annotators_per_item": _PEOPLE, "max_annotators_per_item": _PEOPLE}
    driver = MiniDriver(root, labels=_LABELS, task_type=name, spec=people)
    driver.accuracies = (950,) * _PEOPLE
    return driver


def asked(root: Path, name: str) -> None:
    """Made-up images and masks, and people's answers to them."""
    rng = np.random.default_rng(0)
    form = TASK_TYPES[name].format  # type: ignore[union-attr]
    lines, truth = [], []
    for number in range(_IMAGES):
        mask, labels = drawn(rng)
        value = (
            Instances(labels, mask)
            if name == "InstanceSegmentation"
            else SemanticMask(np.where(mask >= 0, np.array(labels)[mask], -1).astype(np.int32))
        )
        Image.new("RGB", (_EDGE, _EDGE)).save(root / f"{number}.png")
        lines.append({"source-ref": f"file://{root}/{number}.png"})
        truth.append(form.answer_content(value, Classes.of(_LABELS)))
    driver = driver_of(root, name)
    driver.write_input(lines, truth, key="answer")
    report = driver.run(1, Stage.ANNOTATE, before=driver.run(0, Stage.PREPARE))
    (root / "asked.json").write_bytes(report.to_json())


def drawn(rng: np.random.Generator) -> tuple[NDArray[np.int32], tuple[int, ...]]:
    """Round objects with wavy borders, later ones on top of earlier ones."""
    down, right = np.mgrid[:_EDGE, :_EDGE]
    mask = np.full((_EDGE, _EDGE), -1, np.int32)
    for number in range(_OBJECTS):
        x, y, radius = rng.integers(40, 470), rng.integers(40, 470), rng.integers(20, 60)
        angle = np.arctan2(down - y, right - x)
        inside = (right - x) ** 2 + (down - y) ** 2 < radius**2 * (1 + 0.3 * np.sin(7 * angle))
        mask[inside] = number
    there = np.unique(mask[mask >= 0])
    numbers = np.full(_OBJECTS + 1, -1, np.int32)
    numbers[there] = np.arange(len(there))
    return numbers[mask], tuple(int(number) % len(_LABELS) for number in there)


def consolidated(root: Path, name: str) -> None:
    """Print seconds of CPU and the peak of memory of the round's consolidation."""
    driver = driver_of(root, name)
    before = StageReport.from_json((root / "asked.json").read_bytes())
    for commit in driver.path.rglob("con-p1/COMMITTED.json"):
        commit.unlink()
    start, took = time.process_time(), time.perf_counter()
    driver.run(1, Stage.CONSOLIDATE, before=before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    kept = sum(path.stat().st_size for path in driver.path.rglob("con-p1/answers.npz"))
    figures = time.process_time() - start, time.perf_counter() - took, peak, kept
    sys.stdout.write(json.dumps(figures) + "\n")


def with_images_inside(root: Path, name: str) -> None:
    """Put every image into its answer, as other writers may."""
    for segment in driver_of(root, name).path.rglob("answers/*.jsonl"):
        lines = [json.loads(line) for line in segment.read_bytes().splitlines()]
        for line in lines:
            line["answerContent"] = brought_in(
                line["answerContent"], lambda ref, of=segment: (of.parents[1] / ref).read_bytes()
            )
        segment.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def rounds(section: Section) -> None:
    """Time and memory of a round of masks."""
    lines: list[tuple[str, ...]] = []
    for name in _TYPES:
        with tempfile.TemporaryDirectory() as folder:
            _run("asked", folder, name)
            for where in ("blobs", "inside the answers"):
                if where != "blobs":
                    _run("with_images_inside", folder, name)
                cpu, wall, peak, kept = json.loads(_run("consolidated", folder, name))
                say(f"value_rounds: {name}, {where}: {cpu:.1f} s of CPU, {peak / 1e6:.0f} MB")
                lines.append((
                    name, where, f"{cpu / _IMAGES * 1e3:.0f} ms", f"{wall:.1f} s",
                    f"{peak / 1e6:.0f} MB", f"{kept / 1e3:,.0f} kB",
                ))  # fmt: skip
    section.tables.append((
        f"The consolidate stage of a round of {_IMAGES} images of {_EDGE} x {_EDGE} pixels, "
        f"{_PEOPLE} people each, everything included (reading, decoding, fusing, judging people, "
        "the manifest), by where the images of the answers lie:",
        ("task type", "images", "CPU an image", "whole stage", "peak memory", "coded answers"),
        lines,
    ))  # fmt: skip


def _run(what: str, folder: str, name: str) -> str:
    command = [sys.executable, __file__, what, folder, name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def nothing_there(section: Section) -> None:
    """Confidence of empty labels against the experts."""
    crowd = Pedestrians()
    truly_empty = np.bincount(crowd.true_item, minlength=crowd.answers.n_items) == 0
    rng = np.random.default_rng(0)
    lines: list[tuple[str, ...]] = []
    for people in _CROWDS:
        rows: list[tuple[float, bool, bool]] = []
        for _ in range(1 if people == max(_CROWDS) else _DRAWS):
            answers = _some(crowd.answers, people, rng)
            result = METHODS["Auto"]().fit_predict(answers)
            empty = np.bincount(result.item, minlength=answers.n_items) == 0
            silent = np.bincount(answers.mark_item, minlength=answers.n_items) == 0
            for item in np.flatnonzero(empty & crowd.expert).tolist():
                sure = float(result.item_confidence[item])
                rows.append((sure, bool(truly_empty[item]), bool(silent[item])))
        table: NDArray[Any] = np.array(rows, float)
        silent = table[:, 2] > 0
        cells = []
        for part in (table[silent], table[~silent]):
            means = part[:, :2].mean(axis=0) if len(part) else ()
            cells += [f"{len(part):,}", *([f"{mean:.2f}" for mean in means] or ["", ""])]
        lines.append((str(people), *cells))
    section.tables.append((
        "Pedestrians, so many of the seven people drawn at random for each image, three draws: "
        "labels without an object, their confidence, and the share in which the expert marked "
        "nothing either. First where nobody marked anything, then where somebody did, but too few "
        "for an object:",
        ("people", "nobody", "confidence", "true", "somebody", "confidence", "true"),
        lines,
    ))  # fmt: skip


def _some(answers: ObjectAnswers, people: int, rng: np.random.Generator) -> ObjectAnswers:
    """The answers of so many people, drawn for each item."""
    order = np.lexsort((rng.random(len(answers.item)), answers.item))
    place = np.arange(len(order)) - np.searchsorted(answers.item, answers.item[order])
    kept = np.sort(order[place < people])
    number = np.full(len(answers.item), -1, np.int64)
    number[kept] = np.arange(len(kept))
    marks = np.flatnonzero(number[answers.answer] >= 0)
    return ObjectAnswers.of(
        answers.item[kept],
        answers.annotator[kept],
        number[answers.answer[marks]],
        answers.geometry[marks],
        answers.label[marks],
        answers.n_items,
        answers.n_annotators,
        answers.n_classes,
    )


def measure() -> Section:
    """Both."""
    section = Section(
        name="value_rounds",
        title="Masks in the loop, and labels that say that there is nothing",
        how="Made-up masks go through the stages as a job's do, in a folder. What a confidence "
        "says where nobody marked anything is held against experts.",
    )
    rounds(section)
    if (data() / "boxes" / "pedestrians_mturk").is_dir():
        nothing_there(section)
    else:
        section.notes.append("Without the pedestrians: SURELABEL_DATA names no folder with them.")
    return section


if __name__ == "__main__":
    if len(sys.argv) == 4:
        {"asked": asked, "with_images_inside": with_images_inside, "consolidated": consolidated}[
            sys.argv[1]
        ](Path(sys.argv[2]), sys.argv[3])
        sys.exit(0)
    publish(measure())

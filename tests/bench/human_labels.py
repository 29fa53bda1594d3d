"""How few labels of people a promise needs: whole jobs on labeled data, many seeds each.

    python tests/bench/human_labels.py                        20 seeds each, written into the page
    python tests/bench/human_labels.py --jobs 3 --only mnist  only printed

The stages' own code and the operator's own decisions, as ``surelabel simulate`` runs them. Run it
when a model, the selection or the proposing changes.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from page import ROOT, Section, publish, say
from PIL import Image

from surelabel_cli.simulation.many import Run, run_all
from surelabel_cli.simulation.outcome import Outcome
from surelabel_cli.simulation.replay import Simulated

DATA = Path(os.environ.get("SURELABEL_DATA", ROOT.parent / "shared" / "data"))
_SEEDS = 20
_RISK_PERMILLE = 50

# A line of the manifest, and the label that is right.
Labeled = tuple[dict[str, Any], str]


@dataclass(frozen=True)
class Case:
    """Jobs on one data set at one promise. ``most``: percent of the labels by people, at most.

    ``accuracies``: of the people, in permille; ``per_item``: how many label each item.
    """

    data: str
    target_permille: int
    seed_items: int
    items_per_round: int
    most: float | None = None
    accuracies: tuple[int, ...] = (1000,)
    per_item: int = 1

    @property
    def title(self) -> str:
        """In a few words."""
        people = "one perfect annotator"
        if self.per_item > 1:
            people = f"{len(self.accuracies)} people, {self.per_item} an item"
        return f"{self.data}, at most {self.target_permille / 10:g} % wrong, {people}"


CASES = (
    Case("mnist10k", 50, 100, 50, 8.0),
    Case("mnist10k", 20, 100, 100, 15.0),
    Case("mnist10k", 10, 100, 100, 28.0),
    Case("digits", 50, 100, 50, 24.0, (990, 970, 960, 950, 940), 3),
    Case("banking77", 50, 400, 400),
)


def _pictures(arrays: Sequence[Any], labels: Sequence[Any], folder: Path) -> Iterator[Labeled]:
    images = folder / "images"
    images.mkdir()
    for number, (pixels, label) in enumerate(zip(arrays, labels, strict=True)):
        path = images / f"{number:05d}.png"
        Image.fromarray(pixels).save(path)
        yield {"source-ref": path.as_uri()}, str(label)


def _mnist(folder: Path) -> Iterator[Labeled]:
    with np.load(io.BytesIO((DATA / "images/mnist10k/mnist10k.npz").read_bytes())) as stored:
        return _pictures(list(stored["x"]), stored["y"].tolist(), folder)


def _digits(folder: Path) -> Iterator[Labeled]:
    from sklearn.datasets import load_digits

    data = load_digits()
    images = [(pixels * 15.9).astype(np.uint8) for pixels in data.images]
    return _pictures(images, data.target.tolist(), folder)


def _banking(folder: Path) -> Iterator[Labeled]:
    del folder
    for part in ("train", "test"):
        with (DATA / "text/banking77" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield {"source": row["text"]}, row["category"]


_MAKERS: dict[str, tuple[str, Callable[[Path], Iterator[Labeled]]]] = {
    "mnist10k": ("ImageClassification", _mnist),
    "digits": ("ImageClassification", _digits),
    "banking77": ("TextClassification", _banking),
}


def simulated(case: Case, folder: Path) -> Simulated:
    """The job of a case; its data are made in ``folder`` unless they are there."""
    task_type, make = _MAKERS[case.data]
    here = folder / case.data
    if not here.exists():
        here.mkdir(parents=True)
        lines = list(make(here))
        for name, records in (
            ("input.manifest", [item for item, _ in lines]),
            ("truth.jsonl", [{**item, "label": label} for item, label in lines]),
        ):
            text = "".join(json.dumps(record) + "\n" for record in records)
            (here / name).write_text(text, encoding="utf-8")
    with (here / "truth.jsonl").open(encoding="utf-8") as file:
        names = sorted({json.loads(line)["label"] for line in file})
    job = {
        "apiVersion": "surelabel.dev/v1alpha1",
        "kind": "LabelingJob",
        "metadata": {"name": case.data},
        "spec": {
            "taskType": task_type,
            "labels": [{"name": name} for name in names],
            "labelAttributeName": "label",
            "seed": 0,
            "input": {"manifest": (here / "input.manifest").as_uri()},
            "output": {"uri": (folder / "out").as_uri()},
            "workforce": {"workTeam": "people", "annotatorsPerItem": case.per_item},
            "autoLabeling": {
                "targetErrorPermille": case.target_permille,
                "riskPermille": _RISK_PERMILLE,
                "seedItems": case.seed_items,
                "itemsPerRound": case.items_per_round,
            },
            "compute": {"ray": {"address": {"name": "local"}}},
        },
    }
    people = [
        {"name": f"p{number}", "accuracyPermille": accuracy}
        for number, accuracy in enumerate(case.accuracies)
    ]
    team = {
        "apiVersion": "surelabel.dev/v1alpha1",
        "kind": "WorkTeam",
        "metadata": {"name": "people"},
        "spec": {
            "simulated": {
                "truthURI": (here / "truth.jsonl").as_uri(),
                "seed": 0,
                "annotators": people,
            }
        },
    }
    return Simulated(job, team)


def outcomes_of(case: Case, jobs: int, folder: Path) -> list[Outcome]:
    """The case ``jobs`` times, with other people, batches and samples each time."""
    job = simulated(case, folder)
    runs = [Run(job, number) for number in range(jobs)]
    return run_all(
        runs,
        folder,
        len(os.sched_getaffinity(0)),
        lambda run: say(f"human_labels: {case.title}: seed {run.repetition}"),
    )


def add_case(section: Section, case: Case, outcomes: Sequence[Outcome]) -> None:
    """The figures of one case."""
    share = [100 * outcome.human_labels / outcome.items for outcome in outcomes]
    mean = float(np.mean(share))
    error = float(np.std(share, ddof=1) / np.sqrt(len(share))) if len(share) > 1 else float("nan")
    met = None if case.most is None else mean <= case.most
    target = "" if case.most is None else f"≤ {case.most:g} %"
    section.add(f"{case.title}: labeled by people, mean of {len(share)}",
                f"{mean:.1f} % (± {error:.1f}; {min(share):.1f} to {max(share):.1f})",
                target, met)  # fmt: skip
    wrong = [100 * o.wrong_by_people for o in outcomes if o.wrong_by_people is not None]
    broken = sum(outcome.kept is False for outcome in outcomes)
    allowed = _RISK_PERMILLE / 1000 * len(outcomes)
    most = f"{np.mean(wrong):.2f} and {max(wrong):.2f} %" if wrong else "none labeled"
    section.add("… machine labels unlike the people's, mean and most", most)
    section.add("… promises broken", f"{broken} of {len(outcomes)}",
                f"≤ {allowed:g} expected", broken <= allowed)  # fmt: skip
    section.add("… proposals refused, rounds, mean",
                f"{np.mean([o.refused for o in outcomes]):.1f}, "
                f"{np.mean([o.rounds for o in outcomes]):.1f}")  # fmt: skip


def main() -> None:
    """Print every case; without options the section goes into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=_SEEDS, help="seeds of each case")
    parser.add_argument("--only", default="", help="cases whose title contains this")
    parser.add_argument("--folder", type=Path, help="kept, so that a run that ended goes on")
    options = parser.parse_args()
    section = Section(
        "human_labels",
        "Labels by people",
        "Whole jobs on labeled data, with other batches, samples and people each time; risk 5 %. "
        "What is not labeled by machines goes to people. MNIST10k: 10,000 pictures; banking77: "
        "13,083 texts of 77 classes; digits: 1,797 pictures.",
    )
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as temporary:
        folder = options.folder or Path(temporary)
        for case in CASES:
            if options.only in case.title:
                outcomes = outcomes_of(case, options.jobs, folder)
                add_case(section, case, outcomes)
                sys.stdout.write(f"{section.rows[-4].what}: {section.rows[-4].got}\n")
                sys.stdout.flush()
    if len(sys.argv) == 1:
        publish(section)
    else:
        sys.stdout.write(section.text())


if __name__ == "__main__":
    main()

"""What the promise is tried on: data, people, models, and how many jobs of each.

A pool is a folder with manifest, truth and media, made anew from its number alone.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from surelabel.models import classifier
from surelabel_cli.simulation.replay import Simulated

DATA = Path(os.environ.get("SURELABEL_DATA", "../shared/data"))
RISK_PERMILLE = 50
_POOL = 2_000
# Right in so many of 1,000 answers; three of them are asked about an item.
_CAREFUL = (970, 980, 985, 990, 995)
_NOISY = (800, 850, 900)
_ADVERSARY = "adversary"

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Pool:
    """Sources as the manifest has them but for their place, and the name of each one's class."""

    task_type: str
    labels: tuple[str, ...]
    truth: tuple[str, ...]
    images: Images | None = None
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """``data``: a key of ``POOLS``. ``per_pool``: jobs of one pool before the next one's turn.
    ``model``: the job's, or a key of ``MODELS`` that takes the place of one of them."""

    name: str
    data: str
    permille: int
    jobs: int
    per_pool: int
    people: tuple[int, ...] = _CAREFUL
    model: str | None = None
    adversary: bool = False

    def job(self, folder: Path) -> Simulated:
        """The job on the pool in ``folder``."""
        pool = json.loads((folder / "pool.json").read_text(encoding="utf-8"))
        auto: dict[str, Any] = {"targetErrorPermille": self.permille, "riskPermille": RISK_PERMILLE}
        if self.model is not None:
            auto["model"] = {"name": _REPLACED if self.model in MODELS else self.model}
        spec = {
            "taskType": pool["taskType"],
            "labels": [{"name": name} for name in pool["labels"]],
            "labelAttributeName": "label",
            "seed": 0,
            "input": {"manifest": (folder / "input.manifest").as_uri()},
            "output": {"uri": "file:///replaced"},
            "workforce": {"workTeam": "people", "annotatorsPerItem": 3},
            "autoLabeling": auto,
            "compute": {"ray": {"address": {"name": "local"}}},
        }
        people = [
            {"name": f"person-{number}", "accuracyPermille": permille}
            for number, permille in enumerate(self.people)
        ]
        answers = None
        if self.adversary:
            # Whose answer is recorded is asked about every item.
            people[0] = {"name": _ADVERSARY, "accuracyPermille": 0}
            answers = (folder / "adversary.jsonl").as_uri()
        truth = (folder / "truth.jsonl").as_uri()
        team = {"simulated": {"annotators": people, "truthURI": truth, "seed": 0}}
        return Simulated(
            {"metadata": {"name": "promise"}, "spec": spec},
            {"metadata": {"name": "people"}, "spec": team},
            answers,
        )


def write_pool(data: str, number: int, folder: Path) -> None:
    """The pool of this number in ``folder``, which must not exist."""
    pool = POOLS[data](np.random.default_rng([number, *data.encode()]))
    (folder / "images").mkdir(parents=True)
    content = "crowd-image-classifier" if pool.images is not None else "crowd-classifier"
    always = {"annotator": _ADVERSARY, "answerContent": {content: {"label": pool.labels[0]}}}
    lines: list[dict[str, str]] = []
    if pool.images is not None:
        for row, image in enumerate(pool.images):
            file = folder / "images" / f"{row:05d}.png"
            Image.fromarray(image).save(file)
            lines.append({"source-ref": file.as_uri()})
    else:
        lines = [{"source": text} for text in pool.texts]
    _write(folder / "input.manifest", lines)
    _write(folder / "truth.jsonl", [{"label": name} for name in pool.truth])
    _write(folder / "adversary.jsonl", [{"answers": [always]}] * len(lines))
    about = {"taskType": pool.task_type, "labels": pool.labels}
    (folder / "pool.json").write_text(json.dumps(about), encoding="utf-8")


def _write(path: Path, records: Sequence[Any]) -> None:
    path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")


# -- pools


def _digits(_rng: np.random.Generator) -> Pool:
    images, truth = _all_digits()
    return _of_images(images, truth)


def _mnist(rng: np.random.Generator) -> Pool:
    with np.load(DATA / "images" / "mnist10k" / "mnist10k.npz") as stored:
        names = sorted(stored.files, key=lambda name: stored[name].ndim)
        truth, images = stored[names[0]], stored[names[-1]]
    rows = np.sort(rng.choice(len(images), _POOL, replace=False))
    return _of_images(images[rows].reshape(-1, 28, 28).astype(np.uint8), truth[rows])


def _banking(rng: np.random.Generator) -> Pool:
    rows: list[tuple[str, str]] = []
    for name in ("train.csv", "test.csv"):
        with (DATA / "text" / "banking77" / name).open(encoding="utf-8", newline="") as file:
            rows += [(row["text"], row["category"]) for row in csv.DictReader(file)]
    labels = tuple(sorted({label for _, label in rows}))
    chosen = [rows[i] for i in np.sort(rng.choice(len(rows), _POOL, replace=False)).tolist()]
    texts, truth = zip(*chosen, strict=True)
    return Pool("TextClassification", labels, truth, texts=texts)


def _imbalanced(rng: np.random.Generator) -> Pool:
    """One "1" in 101; the rest are other digits of one class."""
    images, truth = _all_digits()
    common, rare = np.flatnonzero(truth != 1)[:1_500], np.flatnonzero(truth == 1)
    rows = np.sort(np.concatenate((common, rng.choice(rare, 15, replace=False))))
    names = tuple("one" if label == 1 else "other" for label in truth[rows].tolist())
    return Pool("ImageClassification", ("other", "one"), names, images[rows])


def _near_duplicates(rng: np.random.Generator) -> Pool:
    """300 digits six times each, with a little noise."""
    images, truth = _all_digits()
    rows = np.repeat(rng.choice(len(images), 300, replace=False), 6)
    rows = rows[rng.permutation(len(rows))]
    noise = rng.integers(-8, 9, images[rows].shape)
    return _of_images(np.clip(images[rows] + noise, 0, 255).astype(np.uint8), truth[rows])


def _sorted(_rng: np.random.Generator) -> Pool:
    images, truth = _all_digits()
    order = np.argsort(truth, kind="stable")
    return _of_images(images[order], truth[order])


def _all_digits() -> tuple[Images, NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.rint(digits.images * (255 / 16)).astype(np.uint8), digits.target.astype(np.int64)


def _of_images(images: Images, truth: NDArray[Any]) -> Pool:
    labels = tuple(map(str, range(10)))
    return Pool("ImageClassification", labels, tuple(map(str, truth.tolist())), images)


POOLS: dict[str, Callable[[np.random.Generator], Pool]] = {
    "digits": _digits,
    "mnist10k": _mnist,
    "banking77": _banking,
    "imbalanced": _imbalanced,
    "near-duplicates": _near_duplicates,
    "sorted": _sorted,
}

# -- models that are bad in a way of their own


def _overconfident(_features: Any, _seed: int) -> Any:
    """Naive Bayes takes pixels for independent, so that it is sure of everything it says."""
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline

    return make_pipeline(GaussianNB(var_smoothing=1e-3))


def _worsening(features: Any, seed: int) -> Any:
    """A kernel that grows narrower with every label, until it knows only what it was told."""
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    scale = 1 / (features.shape[1] * float(np.var(features)))
    gamma = scale * 4 ** (features.shape[0] / 200 - 1)
    return make_pipeline(SVC(C=10.0, gamma=gamma, random_state=seed))


MODELS: dict[str, Callable[[Any, int], Any]] = {
    "overconfident": _overconfident,
    "worsening": _worsening,
}
# The name under which a job asks for one of them.
_REPLACED = "SVM"


@contextmanager
def model_of(setting: Setting) -> Iterator[None]:
    """The setting's model in place of another one, in this process."""
    if setting.model not in MODELS:
        yield
        return
    own = classifier.MODELS[_REPLACED]
    classifier.MODELS[_REPLACED] = MODELS[setting.model]
    try:
        yield
    finally:
        classifier.MODELS[_REPLACED] = own


def _of_data(
    data: str, jobs: dict[int, int], per_pool: dict[int, int], model: str | None = None
) -> list[Setting]:
    return [
        Setting(
            f"{data}, eps {permille / 10:g} %", data, permille, n, per_pool[permille], model=model
        )
        for permille, n in jobs.items()
    ]


_FULL, _FEW = 1_000, 200
_RANDOM_POOLS = {10: _FEW, 20: _FEW, 50: _FULL, 100: _FEW}
# A hundred pools each, so that a pool's features serve sixteen jobs.
_PER_POOL = {10: 2, 20: 2, 50: 10, 100: 2}
_ONE_POOL = 1_000_000

SETTINGS: tuple[Setting, ...] = (
    *_of_data(
        "digits", dict.fromkeys((10, 20, 50, 100), _FULL), dict.fromkeys(_PER_POOL, _ONE_POOL)
    ),
    *_of_data("mnist10k", _RANDOM_POOLS, _PER_POOL),
    # Without a word Auto takes logistic regression for texts: minutes a fit with 77 classes.
    *_of_data("banking77", _RANDOM_POOLS, _PER_POOL, "KernelRidge"),
    Setting("badly calibrated model", "digits", 100, _FULL, _ONE_POOL, model="overconfident"),
    Setting("1:100 class imbalance", "imbalanced", 50, _FULL, 50),
    Setting("near-duplicates", "near-duplicates", 50, _FULL, 50),
    Setting("sorted input order", "sorted", 50, _FULL, _ONE_POOL),
    Setting("three noisy annotators", "digits", 150, _FULL, _ONE_POOL, people=_NOISY),
    Setting("an adversary who says 0", "digits", 50, _FULL, _ONE_POOL, adversary=True),
    Setting("a model that gets worse", "digits", 100, _FULL, _ONE_POOL, model="worsening"),
)

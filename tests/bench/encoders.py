"""What an encoder gains over built-in features, and what it costs: at equal numbers of labels.

Labels are the truth, of items drawn uniformly; the rest of the pool is what models would label.
"""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page import Section, publish, say

from surelabel.encoders.image_encoder import ImageEncoder
from surelabel.encoders.packages import NAMED_ENCODERS
from surelabel.encoders.text_encoder import TextEncoder
from surelabel.items import stacked
from surelabel.models import fit
from surelabel.tasks import learnable
from surelabel.tasks.base import FeatureBatch
from workloads.consolidation.crowds import DATA

_LABELS = (200, 1_000)
_DRAWS = 5
_ERROR = 0.05
_BATCH = 64


@dataclass(frozen=True)
class Pool:
    """Items with their true classes."""

    name: str
    task_type: str
    sources: Sequence[bytes | str]
    label: NDArray[np.int64]


def banking77(n: int = 4_000) -> Pool:
    """Utterances of customers of a bank, 77 intents."""
    with (DATA / "text" / "banking77" / "train.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    names = sorted({line["category"] for line in lines})
    chosen = np.sort(np.random.default_rng(0).choice(len(lines), n, replace=False))
    texts = [lines[row]["text"] for row in chosen]
    label = np.array([names.index(lines[row]["category"]) for row in chosen])
    return Pool("banking77", "TextClassification", texts, label)


def mnist(n: int = 2_000) -> Pool:
    """Handwritten digits: no photographs at all."""
    with np.load(DATA / "images" / "mnist10k" / "mnist10k.npz") as stored:
        images, labels = stored["x"], stored["y"]
    chosen = np.sort(np.random.default_rng(0).choice(len(labels), n, replace=False))
    sources = []
    for row in chosen:
        buffer = io.BytesIO()
        Image.fromarray(images[row]).save(buffer, "PNG")
        sources.append(buffer.getvalue())
    return Pool("MNIST10k", "ImageClassification", sources, labels[chosen].astype(np.int64))


def encoded(encode: Callable[[Any], FeatureBatch], sources: Sequence[Any]) -> Any:
    """Features of all sources, in the batches that prepare uses."""
    return stacked(
        [
            encode(sources[start : start + _BATCH]).features
            for start in range(0, len(sources), _BATCH)
        ]
    )


def outcome(features: Any, label: NDArray[np.int64], n_labels: int, seed: int) -> list[float]:
    """Share of the rest that is right; the share of it that can be labeled with 5 % wrong."""
    rng = np.random.default_rng(seed)
    known = np.zeros(len(label), bool)
    known[rng.choice(len(label), n_labels, replace=False)] = True
    n_classes = int(label.max()) + 1
    model = fit(features[known], label[known], n_classes, seed=seed)
    proba = model.predict_proba(features[~known])
    order = np.argsort(-proba.max(axis=1), kind="stable")
    wrong = (proba.argmax(axis=1) != label[~known])[order]
    share = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    fit_for_machines = np.flatnonzero(share <= _ERROR)
    certain = (fit_for_machines[-1] + 1) / len(wrong) if len(fit_for_machines) else 0.0
    return [1 - float(wrong.mean()), float(certain)]


def measure() -> Section:
    """The section."""
    section = Section(
        "encoders",
        "Encoders",
        "Models trained on so many items with their true labels, drawn uniformly "
        f"{_DRAWS} times from a pool of 4,000 utterances (banking77, 77 intents) and of 2,000 "
        "digits (MNIST10k); all else as in a job, the model is Auto. Right: of the rest of the "
        "pool. Certain: the largest part of the rest, by the model's confidence, of which at most "
        "5 % are wrong; no promise can cover more.",
    )
    lines: list[Sequence[str]] = []
    found: dict[tuple[str, str, int], NDArray[np.float64]] = {}
    for pool, name, kind in (
        (banking77(), "MiniLM", TextEncoder),
        (mnist(), "EfficientNetLite0", ImageEncoder),
    ):
        named = NAMED_ENCODERS[name]
        encoder = kind.open(named.build(named))
        for which, encode in (
            ("Builtin", learnable(pool.task_type).features),
            (name, encoder.encode),
        ):
            say(f"{pool.name}: {which}")
            began = time.process_time()
            features = encoded(encode, pool.sources)
            seconds = time.process_time() - began
            cells = [pool.name, which]
            for n_labels in _LABELS:
                results = [outcome(features, pool.label, n_labels, seed) for seed in range(_DRAWS)]
                mean = 100 * np.mean(results, axis=0)
                found[pool.name, which, n_labels] = mean
                cells += [f"{mean[0]:.1f} %", f"{mean[1]:.1f} %"]
            lines.append([*cells, f"{seconds:.0f}"])
    header = ["pool", "encoder"]
    for n_labels in _LABELS:
        header += [f"right, {n_labels:,} labels", f"certain, {n_labels:,} labels"]
    section.tables.append(("Encoding, and models on what it gives:", [*header, "seconds"], lines))
    for n_labels in _LABELS:
        gain = found["banking77", "MiniLM", n_labels] - found["banking77", "Builtin", n_labels]
        section.add(
            f"banking77, {n_labels:,} labels: certain by MiniLM beyond the built-in features",
            f"{gain[1]:+.1f} points",
            "> 0",
            bool(gain[1] > 0),
        )
    section.notes.append(
        "Encoders are trained on photographs and on sentences, so digits are where built-in "
        "features should win. Seconds are of the processor, on one core: other work on the "
        "machine does not count."
    )
    return section


if __name__ == "__main__":
    publish(measure())

"""How right, and how sure of itself, each consolidation is on real crowds whose truth is known.

Beside it crowd-kit's methods, in an environment of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from page import ROOT, Section, publish, say
from peers.environment import peer_python
from sklearn.metrics import roc_auc_score

from surelabel.consolidation import METHODS

SETS = (
    "bluebird", "cf", "d_sentiment", "dog", "music_genre", "product", "rte", "s_rel", "trec",
    "web", "zencrowd_us",
)  # fmt: skip
_TIE, _LEAST, _BINS = 1e-9, 1e-6, 15
# Mean accuracy, negative log-likelihood and calibration error that the default must reach.
_TARGETS = (0.839, 0.532, 0.071)
_BELOW_VOTE = 0.01

Codes = NDArray[np.int64]


def data() -> Path:
    """The folder with the real data."""
    return Path(os.environ.get("SURELABEL_DATA", ROOT.parent / "shared" / "data"))


def read(name: str) -> tuple[Codes, Codes, Codes, Codes]:
    """Items, annotators, labels (coded from 0), and the truth of each item (-1: not known)."""
    folder = data() / "classification" / name
    answers = np.loadtxt(folder / "labels.csv", delimiter=",", skiprows=1, dtype=np.int64)
    truths = np.loadtxt(folder / "truth.csv", delimiter=",", skiprows=1, dtype=np.int64, ndmin=2)
    items, item = np.unique(answers[:, 0], return_inverse=True)
    _, annotator = np.unique(answers[:, 1], return_inverse=True)
    known = dict(truths.tolist())
    truth = np.array([known.get(item, -1) for item in items.tolist()])
    return item, annotator, answers[:, 2], truth


def score(posterior: NDArray[np.float64], truth: Codes) -> list[float]:
    """Accuracy (a tie among m is worth 1/m), NLL, ECE with 15 bins, AUROC of the confidence."""
    known = truth >= 0
    rows, truth = posterior[known], truth[known]
    place = np.arange(len(truth))
    best = rows >= rows.max(axis=1, keepdims=True) - _TIE
    accuracy = (best[place, truth] / best.sum(axis=1)).mean()
    nll = -np.log(np.clip(rows[place, truth], _LEAST, 1)).mean()
    confidence, right = rows.max(axis=1), rows.argmax(axis=1) == truth
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    off = np.bincount(bins, weights=confidence - right, minlength=_BINS)
    return [accuracy, nll, np.abs(off).sum() / len(truth), roc_auc_score(right, confidence)]


def crowd_kit() -> dict[str, NDArray[np.float64]]:
    """(sets, 4) scores of each of its methods."""
    python = peer_python()
    script = Path(__file__).with_name("peers") / "crowd_kit_peer.py"
    found: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        source, result = Path(folder) / "in.npz", Path(folder) / "out.npz"
        for each in SETS:
            item, annotator, label, truth = read(each)
            # Of several answers to one item the last counts; crowd-kit would count all.
            _, last = np.unique((item * (annotator.max() + 1) + annotator)[::-1], return_index=True)
            kept = np.sort(len(item) - 1 - last)
            np.savez(
                source,
                item=item[kept],
                annotator=annotator[kept],
                label=label[kept],
                n_items=len(truth),
                n_classes=int(max(label.max(), truth.max())) + 1,
            )
            subprocess.run([python, script, source, result], check=True)
            with np.load(result) as posteriors:
                for name in posteriors.files:
                    if name != "seconds":
                        found.setdefault(name, []).append(score(posteriors[name], truth))
            say(f"consolidation: crowd-kit, {each}")
    return {name: np.array(scores) for name, scores in found.items()}


def measure() -> Section:
    """The section of the classification sets."""
    section = Section(
        "consolidation",
        "Classification by crowds: how right, how sure",
        "Eleven public sets with truth (`SURELABEL_DATA`, classification). Accuracy: ties split. "
        "NLL: probabilities clipped at 1e-6. ECE: 15 bins. AUROC: of the confidence, for right "
        "labels. Means over the sets.",
    )
    found: dict[str, NDArray[np.float64]] = {}
    for name, method in METHODS.items():
        scores = []
        for each in SETS:
            item, annotator, label, truth = read(each)
            n_classes = int(max(label.max(), truth.max())) + 1
            result = method().fit_predict(
                item, annotator, label, len(truth), annotator.max() + 1, n_classes
            )
            scores.append(score(result.posterior, truth))
        found[name] = np.array(scores)
        say(f"consolidation: {name} {found[name].mean(axis=0).round(4).tolist()}")
    peers = crowd_kit()
    means = {name: scores.mean(axis=0) for name, scores in found.items()}
    means |= {f"crowd-kit {name}": scores.mean(axis=0) for name, scores in peers.items()}
    accuracy, nll, ece, _ = means["Auto"]
    section.add("Auto, accuracy", f"{accuracy:.4f}", f"≥ {_TARGETS[0]}", accuracy >= _TARGETS[0])
    section.add("Auto, NLL", f"{nll:.3f}", f"≤ {_TARGETS[1]}", nll <= _TARGETS[1])
    section.add("Auto, ECE", f"{ece:.3f}", f"≤ {_TARGETS[2]}", ece <= _TARGETS[2])
    below = found["MajorityVote"][:, 0] - found["Auto"][:, 0]
    worst = int(below.argmax())
    section.add(
        "Auto, at most below majority vote on any set",
        f"{below[worst]:.4f} ({SETS[worst]})",
        f"≤ {_BELOW_VOTE}",
        bool(below[worst] <= _BELOW_VOTE),
    )
    best = max((scores.mean(axis=0)[0], name) for name, scores in peers.items())
    section.add(
        "Auto's accuracy above crowd-kit's best method",
        f"{accuracy - best[0]:.4f} ({best[1]})",
        "> 0",
        bool(accuracy > best[0]),
    )
    section.tables.append((
        "Means over the sets:",
        ("method", "accuracy", "NLL", "ECE", "AUROC"),
        [[name, *(f"{value:.4f}" for value in values)] for name, values in means.items()],
    ))  # fmt: skip
    section.tables.append((
        "Accuracy on each set:",
        ("set", *METHODS),
        [
            [each, *(f"{found[name][row, 0]:.4f}" for name in METHODS)]
            for row, each in enumerate(SETS)
        ],
    ))  # fmt: skip
    return section


if __name__ == "__main__":
    if not (data() / "classification").is_dir():
        say(f"consolidation is left out: no folder {data()}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure())

"""How right, and how sure of itself, each consolidation is on real crowds whose truth is known.

Beside it crowd-kit's methods, in an environment of their own; each run of those that give labels
alone in a process of its own, with bounds on its memory and time.
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
# crowd-kit's methods that give labels and no probabilities; memory and time that each may take.
_LABELS_ALONE, _MOST_GIB, _MOST_SECONDS = ("KOS", "MMSR"), 8, 240

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


def write_for_peers(name: str, path: Path) -> Codes:
    """Write the answers of a set for the peers; what comes back is its truth."""
    item, annotator, label, truth = read(name)
    # Of several answers to one item the last counts; crowd-kit would count all.
    _, last = np.unique((item * (annotator.max() + 1) + annotator)[::-1], return_index=True)
    kept = np.sort(len(item) - 1 - last)
    np.savez(
        path,
        item=item[kept],
        annotator=annotator[kept],
        label=label[kept],
        n_items=len(truth),
        n_classes=int(max(label.max(), truth.max())) + 1,
    )
    return truth


def crowd_kit() -> dict[str, NDArray[np.float64]]:
    """(sets, 4) scores of each of its methods."""
    script = Path(__file__).with_name("peers") / "crowd_kit_peer.py"
    found: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        source, result = Path(folder) / "in.npz", Path(folder) / "out.npz"
        for each in SETS:
            truth = write_for_peers(each, source)
            subprocess.run([peer_python(), script, source, result], check=True)
            with np.load(result) as posteriors:
                for name in posteriors.files:
                    if name != "seconds":
                        found.setdefault(name, []).append(score(posteriors[name], truth))
            say(f"consolidation: crowd-kit, {each}")
    return {name: np.array(scores) for name, scores in found.items()}


def labels_alone(method: str) -> list[float | str]:
    """Accuracy on each set of a method of crowd-kit's that has no probabilities, or why not.

    A tie is worth nothing more than the label that it gave.
    """
    script = Path(__file__).with_name("peers") / "crowd_kit_labels_peer.py"
    found: list[float | str] = []
    with tempfile.TemporaryDirectory(prefix="sl-bench-") as folder:
        source, result = Path(folder) / "in.npz", Path(folder) / "out.npz"
        for each in SETS:
            truth = write_for_peers(each, source)
            command = [str(peer_python()), str(script), method, str(source), str(result)]
            try:
                done = subprocess.run(
                    [*command, str(_MOST_GIB)],
                    timeout=_MOST_SECONDS,
                    stderr=subprocess.PIPE,
                    text=True,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                found.append(f"not in {_MOST_SECONDS} s")
            else:
                found.append(_accuracy(result, truth) if done.returncode == 0 else _why(done))
            say(f"consolidation: crowd-kit {method}, {each}: {found[-1]}")
    return found


def _accuracy(result: Path, truth: Codes) -> float:
    with np.load(result) as given:
        label = np.full(len(truth), -1)
        label[given["item"]] = given["label"]
    known = truth >= 0
    return float((label[known] == truth[known]).mean())


def _why(done: subprocess.CompletedProcess[str]) -> str:
    """Why a peer gave nothing, in a few words."""
    last = (done.stderr.strip().splitlines() or ["ended without a word"])[-1]
    if "MemoryError" in last:
        return f"more than {_MOST_GIB} GiB"
    if "binary classification only" in last:
        return "for two classes only"
    if last == "KeyError: 0.0":
        return "fails at a tie (KeyError: 0.0)"
    return f"failed: {last[:60]}"


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
    alone = {name: labels_alone(name) for name in _LABELS_ALONE}
    for name, given in alone.items():
        done = {row: got for row, got in enumerate(given) if not isinstance(got, str)}
        if not done:
            continue
        theirs = float(np.mean(list(done.values())))
        ours = found["Auto"][list(done), 0].mean()
        section.add(
            f"Auto's accuracy above crowd-kit's {name}, mean of the {len(done)} sets it can do",
            f"{ours - theirs:.4f} ({ours:.4f} against {theirs:.4f})",
            "> 0",
            bool(ours > theirs),
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
    section.tables.append((
        "Accuracy of crowd-kit's methods that give labels without probabilities, or what keeps "
        f"them from a set ({_MOST_GIB} GiB and {_MOST_SECONDS} s each):",
        ("set", *_LABELS_ALONE, "Auto"),
        [
            [each, *(_shown(alone[name][row]) for name in alone), f"{found['Auto'][row, 0]:.4f}"]
            for row, each in enumerate(SETS)
        ],
    ))  # fmt: skip
    return section


def _shown(got: float | str) -> str:
    return got if isinstance(got, str) else f"{got:.4f}"


if __name__ == "__main__":
    if not (data() / "classification").is_dir():
        say(f"consolidation is left out: no folder {data()}; SURELABEL_DATA names it.")
        sys.exit(0)
    publish(measure())

"""Crowds that mark spans: PICO, whose annotators are real, and WNUT-17 with simulated ones."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from surelabel.consolidation.spans import Marks, SpanAnswers

DATA = Path(os.environ.get("SURELABEL_DATA", Path(__file__).parents[3] / "shared" / "data"))

Span = tuple[int, int, int]
_BINS = 10


@dataclass(frozen=True)
class SpanCrowd:
    """Answers, the truth of some items, and the texts where they are known."""

    answers: SpanAnswers
    truth: Marks
    judged: np.ndarray
    texts: list[str] | None

    def found(self, result) -> Marks:
        """The result's spans of the items whose truth is known."""
        kept = np.isin(result.item, self.judged)
        columns = (result.item, result.start, result.end, result.label)
        return Marks(*(column[kept] for column in columns))


def calibration(crowd: SpanCrowd, result) -> float:
    """ECE of the confidence that a span is exactly right."""
    truth = set(zip(*(column.tolist() for column in crowd.truth), strict=True))
    found = zip(*(column.tolist() for column in crowd.found(result)), strict=True)
    right = np.array([span in truth for span in found])
    confidence = result.confidence[np.isin(result.item, crowd.judged)]
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    off = np.bincount(bins, weights=confidence - right, minlength=_BINS)
    return float(np.abs(off).sum() / max(len(right), 1))


def alone(crowd: SpanCrowd) -> SpanCrowd:
    """The same with one answer to each item, drawn from those that there are."""
    a, rng = crowd.answers, np.random.default_rng(0)
    drawn = rng.permutation(len(a.item))
    kept = np.sort(drawn[np.unique(a.item[drawn], return_index=True)[1]])
    number = np.full(len(a.item), -1)
    number[kept] = np.arange(len(kept))
    marks = number[a.answer] >= 0
    answers = SpanAnswers.of(
        a.item[kept], a.annotator[kept], number[a.answer[marks]], a.start[marks], a.end[marks],
        a.label[marks], a.n_items, a.n_annotators, a.n_classes,
    )  # fmt: skip
    return replace(crowd, answers=answers)


def pico() -> SpanCrowd:
    """4,740 abstracts, 312 annotators, the truth of 191; one class (who took part in a trial).

    Texts are left out where they are not those that the answers' offsets point into.
    """
    folder = DATA / "ner" / "pico"
    items: dict[str, int] = {}
    annotators: dict[str, int] = {}
    answers = []
    for part in ("train", "dev", "test", "acl17-test"):
        for row in _rows(folder / f"crowd_{part}.csv"):
            item = items.setdefault(row["doc"], len(items))
            who = annotators.setdefault(row["worker"], len(annotators))
            answers.append((item, who, [(a, b, 0) for a, b in json.loads(row["spans"])]))
    truth = {
        items[row["doc"]]: [(a, b, 0) for a, b in json.loads(row["spans"])]
        for row in _rows(folder / "gold_acl17-test.csv")
    }
    coded = SpanAnswers.of_lists(answers, len(items), len(annotators), 1)
    texts = {}
    with (folder / "docs.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            texts[document["doc"]] = document["text"]
    kept = [texts.get(doc, "") for doc in items]
    fits = all(
        end <= len(kept[item])
        for item, end in zip(coded.span_item.tolist(), coded.end.tolist(), strict=True)
    )
    return SpanCrowd(coded, _marks(truth), np.array(sorted(truth)), kept if fits else None)


@dataclass(frozen=True)
class Errors:
    """How often a simulated annotator errs, per true span, and false spans per sentence."""

    missed: float
    shifted: float
    mislabeled: float
    merged: float
    false: float


# Five people from careful to careless; the last hardly reads.
WNUT_ANNOTATORS = (
    Errors(missed=0.10, shifted=0.05, mislabeled=0.05, merged=0.00, false=0.02),
    Errors(missed=0.30, shifted=0.10, mislabeled=0.10, merged=0.02, false=0.02),
    Errors(missed=0.20, shifted=0.30, mislabeled=0.15, merged=0.05, false=0.10),
    Errors(missed=0.40, shifted=0.20, mislabeled=0.30, merged=0.05, false=0.15),
    Errors(missed=0.60, shifted=0.30, mislabeled=0.40, merged=0.10, false=0.40),
)


def wnut17(seed: int, people: tuple[Errors, ...] = WNUT_ANNOTATORS) -> SpanCrowd:
    """The training sentences of WNUT-17 (3,394, six classes), answered by everybody."""
    sentences = _conll(DATA / "ner" / "wnut17" / "wnut17train.conll")
    classes = sorted({tag[2:] for tokens in sentences for _, tag in tokens if tag != "O"})
    rng = np.random.default_rng(seed)
    truth: dict[int, list[Span]] = {}
    answers, texts = [], []
    for item, tokens in enumerate(sentences):
        words = [word for word, _ in tokens]
        ends = np.cumsum([len(word) + 1 for word in words]) - 1
        starts = ends - [len(word) for word in words]
        texts.append(" ".join(words))
        true = _spans([tag for _, tag in tokens], classes)

        def placed(spans, starts=starts, ends=ends):
            return sorted({(int(starts[a]), int(ends[b - 1]), k) for a, b, k in spans})

        truth[item] = placed(true)
        for who, errors in enumerate(people):
            spans = _answered(true, len(words), len(classes), errors, rng)
            answers.append((item, who, placed(spans)))
    coded = SpanAnswers.of_lists(answers, len(sentences), len(people), len(classes))
    return SpanCrowd(coded, _marks(truth), np.arange(len(sentences)), texts)


def _answered(true: list[Span], length: int, n_classes: int, errors: Errors, rng) -> list[Span]:
    """What one annotator makes of the true spans, in tokens; the result never overlaps itself."""
    spans: list[Span] = []
    for mark in true:
        begin, end, label = mark
        if rng.random() < errors.missed:
            continue
        if rng.random() < errors.shifted:
            begin, end = _shifted(begin, end, length, rng)
        if rng.random() < errors.mislabeled:
            label = int((label + rng.integers(1, n_classes)) % n_classes)
        if spans and rng.random() < errors.merged:
            begin = spans.pop()[0]
        spans.append((begin, end, label))
    if rng.random() < errors.false:
        begin = int(rng.integers(length))
        end = min(begin + int(rng.integers(1, 4)), length)
        spans.append((begin, end, int(rng.integers(n_classes))))
    taken = np.zeros(length, dtype=bool)
    kept = []
    for begin, end, label in spans:
        if not taken[begin:end].any():
            taken[begin:end] = True
            kept.append((begin, end, label))
    return kept


def _shifted(begin: int, end: int, length: int, rng) -> tuple[int, int]:
    """One end is a token off, to either side, where that leaves a span."""
    step = int(rng.choice((-1, 1)))
    moved = (begin + step, end) if rng.random() < 0.5 else (begin, end + step)
    return moved if 0 <= moved[0] < moved[1] <= length else (begin, end)


def _spans(tags: list[str], classes: list[str]) -> list[Span]:
    spans: list[Span] = []
    for place, tag in enumerate(tags):
        if tag == "O":
            continue
        label = classes.index(tag[2:])
        if tag[0] == "I" and spans and spans[-1][1] == place and spans[-1][2] == label:
            spans[-1] = (spans[-1][0], place + 1, label)
        else:
            spans.append((place, place + 1, label))
    return spans


def _conll(path: Path) -> list[list[tuple[str, str]]]:
    blocks = path.read_text(encoding="utf-8").replace("\t\n", "\n").split("\n\n")
    sentences = []
    for block in blocks:
        pairs = [line.split("\t") for line in block.splitlines() if line.strip()]
        if pairs:
            sentences.append([(word, tag) for word, tag in pairs])
    return sentences


def _marks(truth: dict[int, list[Span]]) -> Marks:
    rows = [(item, *span) for item, spans in truth.items() for span in spans]
    return Marks(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))

"""``surelabel consolidate`` where a label is more than a class."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from surelabel.agreement import Agreement
from surelabel.annotators import is_hasty, median_seconds
from surelabel.answer_files import GivenAnswers
from surelabel.answer_files.coding import as_values, seconds_of
from surelabel.tasks.classes import Classes
from surelabel.tasks.consolidated import Consolidated
from surelabel.tasks.valued import ValueAnswers, ValueTask
from surelabel.value_agreement import AnnotatorAgreement, agreement_of_values
from surelabel.value_annotators import quality_of_people
from surelabel.value_gain import gain_by_item
from surelabel_cli.annotator_figures import figures_of, flags_of
from surelabel_cli.answer_input import answer_counts
from surelabel_cli.output_files import whole_file


@dataclass(frozen=True)
class Valued:
    """Answers, their labels by the position of the item, and who gave them.

    ``method``: by which the labels were made.
    """

    task: ValueTask[Any]
    given: GivenAnswers
    answers: ValueAnswers[Any]
    labels: dict[int, Consolidated[Any]]
    method: str

    @classmethod
    def of(
        cls, task: ValueTask[Any], given: GivenAnswers, method: str, gold: dict[str, Any]
    ) -> Valued:
        """Consolidate the answers by one of the task type's methods; ``gold`` stands as it is."""
        answers = as_values(given, gold)
        labels = dict(task.consolidate(answers, method))
        for item, value in answers.gold.items():
            parts = (1.0,) * _n_parts(task, value, given.classes)
            chances: dict[int, float] = {}
            if task.has_chances:
                said = labels[item].chances if item in labels else {}
                chances = dict.fromkeys(said, 0.0) | dict.fromkeys(value.labels, 1.0)
            labels[item] = Consolidated(value, 1.0, parts, chances=chances)
        return cls(task, given, answers, labels, method)

    def lines(self, *, gain: bool = False, probabilities: bool = False) -> Iterator[dict[str, Any]]:
        """A line for each item; with ``gain`` how much nearer two more answers bring its label.

        With ``probabilities`` the chance of each class that somebody chose, for sets of classes
        alone: nobody can list all boxes or texts that there might be.
        """
        gains = self._gains() if gain else None
        for code, item in enumerate(self.given.items):
            label = self.labels.get(code)
            line: dict[str, Any] = {"item": item, "label": None, "confidence": None}
            if label is not None:
                line["label"] = _with_confidences(self.task, label, self.answers)
                line["confidence"] = round(label.confidence, 6)
            if gains is not None:
                line["gain"] = gains.get(code)
            if probabilities:
                chances = sorted(label.chances.items()) if label is not None else []
                names = self.given.classes.names
                line["probabilities"] = {names[each]: round(p, 6) for each, p in chances}
            yield line

    def _gains(self) -> dict[int, float]:
        """By item with a label; what is known gains nothing."""
        rows = dict(self.answers.by_item())
        found = gain_by_item(self.task, self.answers.value, rows)
        found |= dict.fromkeys(self.answers.gold, 0.0)
        return {item: round(gain, 6) for item, gain in found.items()}

    def summary(self) -> dict[str, Any]:
        """Counts, and how far the iterations came."""
        return {
            "items": len(self.given.items),
            **answer_counts(*self.given.codes(), len(self.answers.item)),
            "setAside": len(self.given.set_aside),
            "annotators": len(self.given.annotators),
            "labels": len(self.given.classes),
            "unlabeled": len(self.given.items) - len(self.labels),
            "iterations": self.answers.fit.n_iter,
            "converged": self.answers.fit.converged,
        }

    def agreement(self) -> Agreement:
        """How far people agree beyond chance."""
        return agreement_of_values(self.task, self.answers)

    def write_annotators(self, path: Path) -> None:
        """A row for each annotator: how near to the others' labels and to gold, agreement with the
        labels, time, flags, and the figures that the method has."""
        agreement = AnnotatorAgreement(self.task, self.answers)
        for item, label in self.labels.items():
            agreement.add(item, label)
        names = self.given.annotators
        fits = self.answers.fit.annotators
        figures = figures_of(fits, len(names))
        quality = quality_of_people(self.task, self.answers, self.labels, self.method)
        given = seconds_of(self.given, self.answers.item, self.answers.annotator)
        times = median_seconds(self.answers.annotator, given, len(names))
        hasty = is_hasty(times, [each.n_answers for each in quality])
        agreed = agreement.means()
        with whole_file(path) as file:
            writer = csv.writer(file)
            writer.writerow([
                "annotator", "answers", "gold", "accuracy", "low", "high", "agreement",
                "spamScore", "medianSeconds", "flags", "colluders", *figures,
            ])  # fmt: skip
            for code, own in enumerate(flags_of(fits, len(names))):
                each, (_, mean) = quality[code], agreed[code]
                told = math.nan if mean is None else mean
                numbers = (each.accuracy, each.low, each.high, told, each.spam_score,
                           float(times[code]))  # fmt: skip
                flags = [*own, *each.flags, *(["Haste"] if hasty[code] else [])]
                writer.writerow([
                    names[code],
                    each.n_answers,
                    each.n_gold,
                    *map(_number, numbers),
                    " ".join(flags),
                    " ".join(names[other] for other in each.colluders),
                    *(_number(float(column[code])) for column in figures.values()),
                ])  # fmt: skip

    def compared(self) -> Iterator[str]:
        """What differs from the labels that the job itself made, the furthest first."""
        codes = {item: code for code, item in enumerate(self.given.items)}
        differing = []
        measured = self.task.measured_on(self.answers.value)
        for item, theirs in self.given.labels.items():
            ours = self.labels.get(codes.get(item, -1))
            apart = 1.0 if ours is None else measured.disagreement(ours.value, theirs.value)
            if apart > 0:
                differing.append((apart, item, ours, theirs.value))
        differing.sort(key=lambda each: (-each[0], each[1]))
        for apart, item, ours, theirs_value in differing:
            mine = None if ours is None else self._shown(ours.value)
            yield f"{item}: {apart:.3f} apart: {mine} here, {self._shown(theirs_value)} there"
        yield f"{len(differing):,} of {len(self.given.labels):,} labels differ."

    def _shown(self, value: Any) -> str:
        content = self.task.format.answer_content(value, self.answers.classes)
        text = json.dumps(next(iter(content.values()), None), ensure_ascii=False)
        return text if len(text) <= 120 else text[:117] + "..."


def _number(number: float) -> str:
    return "" if math.isnan(number) else f"{number:.4f}"


def _n_parts(task: ValueTask[Any], value: Any, classes: Classes) -> int:
    """How many objects, spans or labels a value has, each of which has a confidence."""
    inner = next(iter(task.format.answer_content(value, classes).values()), None)
    lists = [part for part in inner.values() if isinstance(part, list)] if _is_dict(inner) else []
    return len(lists[0]) if lists else 1


def _is_dict(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _with_confidences(
    task: ValueTask[Any], label: Consolidated[Any], answers: ValueAnswers[Any]
) -> Any:
    """What an answer with this label would have below its key, each part with its confidence."""
    content = task.format.answer_content(label.value, answers.classes)
    inner = content if len(content) != 1 else next(iter(content.values()))
    if not isinstance(inner, dict) or not label.confidences:
        return inner
    for key, parts in inner.items():
        # An order is one thing, whose confidence stands beside it.
        if key != "order" and isinstance(parts, list) and len(parts) == len(label.confidences):
            return {**inner, key: list(map(_with_confidence, parts, label.confidences))}
    return inner


def _with_confidence(part: Any, confidence: float) -> dict[str, Any]:
    named = part if isinstance(part, dict) else {"label": part}
    return {**named, "confidence": round(confidence, 6)}

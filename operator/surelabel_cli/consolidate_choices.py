"""``surelabel consolidate`` where a label is one of a few choices: classes, verdicts, sides."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.agreement import Agreement, krippendorff_alpha
from surelabel.annotators import annotator_quality
from surelabel.answer_files import GivenAnswers
from surelabel.answer_files.coding import seconds_of
from surelabel.answer_table import AnswerTable
from surelabel.consolidation import METHODS, ConsolidationResult, value_of_two_answers
from surelabel.tasks.base import Choosing
from surelabel.tasks.classes import Classes
from surelabel.tasks.values import Verification
from surelabel_cli.agreement import number_or_none
from surelabel_cli.answer_input import answer_counts, coded_answers
from surelabel_cli.errors import UserError
from surelabel_cli.output_files import whole_file

# With more choices the table of an annotator would have more columns than anybody reads.
_CONFUSED = 20


@dataclass(frozen=True)
class Chosen:
    """Answers, the choice that each item's become, and who gave them.

    ``given``: what else the files say; None for plain CSV. ``gold``: (n_items,), known codes or
    -1; None where nothing is known.
    """

    task: Choosing
    table: AnswerTable
    given: GivenAnswers | None
    gold: NDArray[np.int64] | None
    result: ConsolidationResult

    @classmethod
    def of(
        cls,
        task: Choosing,
        table: AnswerTable,
        given: GivenAnswers | None,
        method: str,
        gold: dict[str, Any],
    ) -> Chosen:
        """Consolidate the answers by one of the methods; ``gold``, by item, stands as it is."""
        known = _known(task, table, gold) if gold else None
        result = METHODS[method]().fit_predict(
            table.item,
            table.annotator,
            table.label,
            len(table.items),
            len(table.annotators),
            max(len(table.labels), 1),
            gold=known,
            item_ids=table.items,
            label_names=table.labels,
        )
        return cls(task, table, given, known, result)

    def lines(self, *, gain: bool = False, probabilities: bool = False) -> Iterator[dict[str, Any]]:
        """A line for each item; with ``gain`` how much nearer two more answers bring its label."""
        result, gains = self.result, None
        if gain:
            # In the loop two people are asked at a time.
            gains = value_of_two_answers(result.posterior, result.annotators)
        comments = self._comments()
        for code, item in enumerate(self.table.items):
            label = int(result.label[code])
            line: dict[str, Any] = {
                "item": item,
                "label": self.table.labels[label] if label >= 0 else None,
                "confidence": number_or_none(float(result.confidence[code])),
            }
            if gains is not None:
                line["gain"] = round(float(gains[code]), 6) if label >= 0 else None
            if probabilities:
                shares = result.posterior[code].tolist() if label >= 0 else []
                line["probabilities"] = dict(zip(self.table.labels, shares, strict=label >= 0))
            if item in comments:
                line["comments"] = comments[item]
            yield line

    def _comments(self) -> dict[str, list[str]]:
        """What people said beside their choice, by item; of an annotator's answers in the last."""
        last = {(each.item, each.annotator): each.value for each in self._answers()}
        found: dict[str, list[str]] = {}
        for (item, _), value in last.items():
            if isinstance(value, Verification) and value.comments:
                found.setdefault(item, []).extend(value.comments)
        return found

    def _answers(self) -> tuple[Any, ...]:
        return () if self.given is None else self.given.answers

    def summary(self) -> dict[str, Any]:
        """Counts, and how far the iteration came."""
        table, result = self.table, self.result
        return {
            "items": len(table.items),
            **answer_counts(table.item, table.annotator, len(coded_answers(table).item)),
            "annotators": len(table.annotators),
            "labels": len(table.labels),
            "unlabeled": int((result.label < 0).sum()),
            "tied": int(result.tied.sum()),
            "iterations": result.n_iter,
            "converged": result.converged,
            "setAside": 0 if self.given is None else len(self.given.set_aside),
        }

    def agreement(self) -> Agreement:
        """How far people agree beyond chance."""
        return krippendorff_alpha(coded_answers(self.table))

    def write_annotators(self, path: Path) -> None:
        """A row for each annotator: how right, how biased, how fast, flags, and the confusion."""
        table, coded = self.table, coded_answers(self.table)
        seconds = None
        if self.given is not None:
            seconds = seconds_of(self.given, coded.item, coded.annotator)
        found = annotator_quality(coded, self.result, gold=self.gold, seconds=seconds)
        with whole_file(path) as file:
            writer = csv.writer(file)
            biases = [f"bias {label}" for label in table.labels]
            # A method that knows one accuracy for all choices has no table.
            tables = all(each.confusion.shape == (len(table.labels),) * 2 for each in found)
            pairs = [f"{true} -> {said}" for true in table.labels for said in table.labels]
            pairs = pairs if tables and len(table.labels) <= _CONFUSED else []
            writer.writerow([
                "annotator", "answers", "gold", "accuracy", "low", "high", "agreement",
                "spamScore", "medianSeconds", "flags", "colluders", *biases, *pairs,
            ])  # fmt: skip
            for code, each in enumerate(found):
                figures = (each.accuracy, each.low, each.high, each.agreement, each.spam_score,
                           each.seconds)  # fmt: skip
                writer.writerow([
                    table.annotators[code],
                    each.n_answers,
                    each.n_gold,
                    *("" if math.isnan(figure) else f"{figure:.4f}" for figure in figures),
                    " ".join(each.flags),
                    " ".join(table.annotators[int(other)] for other in each.colluders),
                    *(f"{bias:.4f}" for bias in each.bias.tolist()),
                    *(f"{chance:.4f}" for chance in each.confusion.ravel().tolist() if pairs),
                ])  # fmt: skip

    def compared(self) -> Iterator[str]:
        """What differs from the labels that the job itself made, the surest first."""
        table, result = self.table, self.result
        labels = {} if self.given is None else self.given.labels
        codes = {item: code for code, item in enumerate(table.items)}
        differing = []
        for item, label in labels.items():
            code = codes.get(item, -1)
            ours = int(result.label[code]) if code >= 0 else -1
            theirs = self.task.code_of(label.value)
            if ours != theirs:
                sure = float(result.confidence[code]) if ours >= 0 else 0.0
                there = f" ({label.confidences[0]:.2f})" if label.confidences else ""
                differing.append((sure, item, ours, f"{table.labels[theirs]}{there}"))
        for sure, item, ours, there in sorted(differing, key=lambda each: (-each[0], each[1])):
            mine = f"{table.labels[ours]} ({sure:.2f})" if ours >= 0 else "no label"
            yield f"{item}: {mine} here, {there} there"
        yield f"{len(differing):,} of {len(labels):,} labels differ."


def _known(task: Choosing, table: AnswerTable, gold: dict[str, Any]) -> NDArray[np.int64]:
    """Codes of the truths; UserError for a choice that no answer has, such as a tie."""
    codes = np.full(len(table.items), -1, np.int64)
    for row, item in enumerate(table.items):
        if item in gold:
            codes[row] = task.code_of(gold[item])
            if codes[row] >= len(table.labels):
                names = ", ".join(table.labels)
                got = task.choices(Classes(()), codes.tolist())[codes[row]]
                raise UserError(
                    f"--gold: item {item!r}: label must be one of those that the answers have "
                    f"({names}); got {got!r}. Correct it, or pass --label {got!r} if nobody gave "
                    "it."
                )
    return codes

"""What report/report.html is told: report.json's numbers, how models did, and some of the items."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.items import ItemReader
from surelabel.labels import Kind, LabelState, Role
from surelabel.report_page import JobFacts, build_page
from surelabel.report_page.facts import (
    AnnotatorFacts,
    CalibrationBin,
    ClassCount,
    Confused,
    Confusion,
    Cost,
    Promise,
    RoundFacts,
)
from surelabel.stages.context import StageContext
from surelabel.stages.history import History, read_curve
from surelabel.stages.report_examples import example_groups
from surelabel.stages.train import OutOfFold
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.stages import Progressed

# With more classes a table of all of them tells nothing.
_MAX_MATRIX = 20
_MAX_PAIRS = 15
_MAX_BINS = 8
_ITEMS_PER_BIN = 12


def report_page(
    context: StageContext,
    reader: ItemReader,
    state: LabelState,
    progressed: Progressed,
    report: dict[str, Any],
    history: History,
) -> bytes:
    """The page; ``report``: what report.json says, ``history``: of all rounds."""
    config = context.config
    labels = tuple(label.name for label in config.labels)
    past = OutOfFold.from_bytes(context.read("outOfFold")) if context.has("outOfFold") else None
    has_classes = not isinstance(TASK_TYPES[config.task_type], ValueTask)
    error = report["consensusError"]
    promise = config.auto_labeling
    ending = config.ending
    facts = JobFacts(
        name=config.job.name,
        namespace=config.job.namespace,
        task_type=config.task_type,
        counters=progressed.counters,
        cost=_cost(report),
        ending=None if ending is None else ending.reason,
        succeeded=ending is None or ending.succeeded,
        unlabeled_reasons=progressed.unlabeled_reasons,
        promise=None
        if promise is None
        else Promise(promise.target_error_permille, promise.risk_permille),
        certificate=progressed.certificate,
        statement=report.get("statement"),
        consensus_error=None if error is None else (error["share"], error["low"], error["high"]),
        rounds=_rounds(history),
        learning=read_curve(context).points,
        calibration=() if past is None else calibration_bins(past),
        confusion=confusion_of(past, labels) if past is not None and has_classes else None,
        annotators=_annotators(report),
        classes=class_counts(state, labels) if has_classes else (),
        examples=example_groups(context, reader, state, past if has_classes else None),
    )
    return build_page(facts)


def _cost(report: dict[str, Any]) -> Cost:
    cost = report["cost"]
    return Cost(
        answers=report["answers"],
        all_human_answers=cost["allHumanAnswers"],
        amount=cost["amount"],
        all_human_amount=cost["allHumanAmount"],
        to_finish_amount=cost["toFinishAmount"],
        currency=cost["currency"],
    )


def _rounds(history: History) -> tuple[RoundFacts, ...]:
    return tuple(
        RoundFacts(
            round=entry.round,
            counters=entry.counters,
            answers=entry.answers,
            validation=entry.validation,
            certificate=entry.certificate,
        )
        for entry in history.rounds
    )


def _annotators(report: dict[str, Any]) -> tuple[AnnotatorFacts, ...]:
    return tuple(
        AnnotatorFacts(each["name"], each["answers"], each["agreement"], each["accuracy"])
        for each in report["annotators"]
    )


def class_counts(state: LabelState, labels: tuple[str, ...]) -> tuple[ClassCount, ...]:
    """How many items have each class, by who gave it here; classes that none has are left out."""
    counts = [
        np.bincount(state.label[state.kind == kind].clip(0), minlength=len(labels)).tolist()
        for kind in (Kind.HUMAN, Kind.MACHINE)
    ]
    return tuple(
        ClassCount(name, people, machines)
        for name, people, machines in zip(labels, *counts, strict=True)
        if people + machines
    )


def calibration_bins(past: OutOfFold) -> tuple[CalibrationBin, ...]:
    """Uniform items by confidence, in bins of about equal size; few items make few bins."""
    uniform = past.role == Role.UNIFORM
    confidence = past.confidence[uniform].astype(np.float64)
    right = past.predicted[uniform] == past.label[uniform]
    n_bins = min(_MAX_BINS, len(confidence) // _ITEMS_PER_BIN)
    if n_bins == 0:
        return ()
    order = np.argsort(confidence, kind="stable")
    return tuple(
        CalibrationBin(
            confidence=float(confidence[rows].mean()),
            items=len(rows),
            right=int(right[rows].sum()),
        )
        for rows in np.array_split(order, n_bins)
    )


def confusion_of(past: OutOfFold, labels: tuple[str, ...]) -> Confusion:
    """What people and the model say of the items that people labeled."""
    n = len(labels)
    code = past.label.astype(np.int64) * n + past.predicted
    cells, counts = np.unique(code, return_counts=True)
    wrong = cells // n != cells % n
    # The commonest first; among equals the order of the classes.
    order = np.argsort(-counts[wrong], kind="stable")[:_MAX_PAIRS]
    pairs = tuple(
        Confused(labels[cell // n], labels[cell % n], count)
        for cell, count in zip(
            cells[wrong][order].tolist(), counts[wrong][order].tolist(), strict=True
        )
    )
    table = None
    if n <= _MAX_MATRIX:
        full: NDArray[np.int64] = np.zeros(n * n, np.int64)
        full[cells] = counts
        table = tuple(tuple(row) for row in full.reshape(n, n).tolist())
    right = int(counts[~wrong].sum())
    return Confusion(labels, table, pairs, items=len(past.line), right=right)

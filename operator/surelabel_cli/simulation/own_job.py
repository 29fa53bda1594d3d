"""Reads a finished LabelingJob from its store: items, labels, answers, and what it was told."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np

from surelabel.answer_files.job_manifest import read_manifest_lines
from surelabel.answers import AnswerIndex
from surelabel.labels import Kind
from surelabel.stages.context import StageContext
from surelabel.stages.finished_job import NothingToVerifyError, open_finished
from surelabel.stages.stored import read_answer_index, read_items, read_state
from surelabel.tasks.base import AnswerError
from surelabel.tasks.classes import Classes
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel_cli.errors import UserError
from surelabel_cli.simulation.finished import FinishedJob, PastAnswer, check_replayed
from surelabel_contract.keys import OUTPUT_MANIFEST
from surelabel_contract.people import Answer
from surelabel_contract.stages import StageConfig
from surelabel_contract.store import Storage


def read_own_job(storage: Storage, where: str) -> FinishedJob:
    """The job in ``<output.uri>/<job name>``; UserError where none has ended there."""
    uri = where if "://" in where else f"file://{quote(str(Path(where).resolve()))}"
    try:
        context, _, problems = open_finished(storage, uri)
    except (NothingToVerifyError, ValueError) as error:
        raise UserError(f"{where}: cannot be replayed: {error}") from error
    if problems:
        raise UserError(f"{where}: cannot be replayed: {problems[0]}")
    config = context.config
    check_replayed(where, config.task_type)
    form = LABEL_FORMATS[config.task_type]
    classes = Classes.of(label.name for label in config.labels)
    reader = read_items(context)
    lines = tuple(raw for _, part in reader.raw_lines() for raw in part)
    state = read_state(context)
    brought = np.isin(state.kind, (Kind.EARLIER_HUMAN, Kind.EARLIER_MACHINE))
    labels: dict[int, Any] = {}
    by_machine = set()
    output, _ = read_manifest_lines(context.folder.read(OUTPUT_MANIFEST), OUTPUT_MANIFEST)
    for line in output:
        value, metadata = line.label(config.label_attribute_name)
        # A label that the input brought was no work of this job.
        if value is None or brought[line.number]:
            continue
        label = form.read_label(value, metadata, classes)
        labels[line.number] = label.value
        if not label.human:
            by_machine.add(line.number)
    return FinishedJob(
        name=config.job.name,
        task_type=config.task_type,
        classes=classes,
        lines=lines,
        labels=labels,
        by_machine=frozenset(by_machine),
        answers=_answers(context, read_answer_index(context), classes),
        spec=_spec(config),
    )


def _answers(context: StageContext, index: AnswerIndex, classes: Classes) -> tuple[PastAnswer, ...]:
    """Of a person's answers to an item the last; what cannot be read is left out."""
    form = LABEL_FORMATS[context.config.task_type]
    decoder = msgspec.json.Decoder(Answer)
    given: dict[tuple[str, str], Answer] = {}
    for step in index.steps:
        for segment in step.segments:
            for raw in context.folder.read(segment.key).splitlines():
                answer = decoder.decode(raw)
                if answer.role == "annotator":
                    given[answer.item_id, answer.annotator] = answer
    lines = read_items(context).lines_of({item for item, _ in given})
    found: list[PastAnswer] = []
    for (item, annotator), answer in given.items():
        value = None
        if answer.answer_content is not None:
            try:
                value = form.parse_answer(answer.answer_content, classes)
            except AnswerError:
                continue
        found.append(PastAnswer(lines[item], annotator, value))
    return tuple(found)


def _spec(config: StageConfig) -> dict[str, Any]:
    """What of the job's spec its last step knows; limits of money and time are not among it."""
    auto, price = config.auto_labeling, config.price_per_annotation
    workforce: dict[str, Any] = {
        "annotatorsPerItem": config.annotators_per_item,
        "maxAnnotatorsPerItem": config.max_annotators_per_item,
        "maxOpenItems": config.max_open_items,
    }
    if price is not None:
        workforce["pricePerAnnotation"] = {"amount": price.amount, "currency": price.currency}
    spec: dict[str, Any] = {
        "labelAttributeName": config.label_attribute_name,
        "workforce": workforce,
        "consolidation": {"method": config.consolidation_method},
        "stopping": {"remainder": config.remainder},
        "seed": config.seed,
    }
    if auto is not None:
        spec["autoLabeling"] = {
            "targetErrorPermille": auto.target_error_permille,
            "riskPermille": auto.risk_permille,
            "seedItems": auto.seed_items,
            "itemsPerRound": auto.items_per_round,
            "model": {"name": auto.model},
        }
        if auto.tolerance_permille is not None:
            spec["autoLabeling"]["tolerancePermille"] = auto.tolerance_permille
    return spec

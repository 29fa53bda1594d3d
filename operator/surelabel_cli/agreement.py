"""``surelabel agreement``: how far people agree beyond chance."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import typer

from surelabel.agreement import (
    Agreement,
    alpha_of_annotator,
    alpha_of_class,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
)
from surelabel.answer_files.coding import as_values
from surelabel.plural import counted
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import Choosing
from surelabel.value_agreement import (
    agreement_of_classes,
    agreement_of_people,
    agreement_of_values,
)
from surelabel_cli.answer_input import (
    check_choice,
    coded_answers,
    field_type,
    read_choices,
    read_typed,
)

_TITLES = {
    "krippendorffAlpha": "Krippendorff's alpha",
    "fleissKappa": "Fleiss' kappa",
    "cohenKappa": "Cohen's kappa",
}


def agreement(answers: str, task_type: str, *, as_json: bool, field: str | None = None) -> None:
    """Print how far annotators agree: all, by class, by annotator. ``field``: of a custom form."""
    check_choice("--task-type", task_type, tuple(TASK_TYPES))
    task_type = field_type(task_type, field)
    task = TASK_TYPES[task_type]
    if isinstance(task, Choosing):
        table, _ = read_choices(answers, task_type, task, field=field)
        coded = coded_answers(table)
        found = {
            "krippendorffAlpha": krippendorff_alpha(coded),
            "fleissKappa": fleiss_kappa(coded),
        }
        if len(table.annotators) == 2:
            found["cohenKappa"] = cohen_kappa(coded, 0, 1)
        classes = {name: alpha_of_class(coded, code) for code, name in enumerate(table.labels)}
        people = {
            name: alpha_of_annotator(coded, code) for code, name in enumerate(table.annotators)
        }
    else:
        given = read_typed(answers, task_type)
        values = as_values(given)
        found = {"krippendorffAlpha": agreement_of_values(task, values)}
        classes = dict(zip(given.classes.names, agreement_of_classes(task, values), strict=False))
        people = dict(zip(given.annotators, agreement_of_people(task, values), strict=True))
    _print(found, classes, people, as_json=as_json)


def _print(
    found: Mapping[str, Agreement],
    by_class: Mapping[str, Agreement],
    by_annotator: Mapping[str, Agreement],
    *,
    as_json: bool,
) -> None:
    if as_json:
        value: dict[str, Any] = {name: agreement_json(each) for name, each in found.items()}
        value["classes"] = {name: agreement_json(each) for name, each in by_class.items()}
        value["annotators"] = {name: agreement_json(each) for name, each in by_annotator.items()}
        typer.echo(json.dumps(value, ensure_ascii=False))
        return
    rows = [(_TITLES[name], each) for name, each in found.items()]
    rows += [(f"alpha of class {name}", each) for name, each in by_class.items()]
    rows += [(f"alpha of annotator {name}", each) for name, each in by_annotator.items()]
    width = max(len(title) for title, _ in rows)
    for title, each in rows:
        typer.echo(f"{title:{width}}  {_shown(each)}")


def _shown(found: Agreement) -> str:
    items = counted(found.n_items, "item")
    if math.isnan(found.value):
        return f"cannot be told ({items} with two answers)"
    return f"{found.value:6.3f}  ({found.low:.3f} to {found.high:.3f}, {items})"


def agreement_json(found: Agreement) -> dict[str, Any]:
    """The figure with its interval; null where it cannot be told."""
    return {
        "value": number_or_none(found.value),
        "low": number_or_none(found.low),
        "high": number_or_none(found.high),
        "items": found.n_items,
        "answers": found.n_answers,
    }


def number_or_none(value: float) -> float | None:
    """nan is null in JSON."""
    return None if math.isnan(value) else value

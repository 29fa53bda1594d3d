"""One field of a custom form as a class: what each person chose there.

A form's answer may have any fields. Where one of them says what is wanted, the others are left out,
and the answers are consolidated as classes are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from surelabel.answer_files.given import GivenAnswer, GivenAnswers, SetAside
from surelabel.answer_table import plain_labels
from surelabel.spelling import plain_name
from surelabel.tasks.base import AnswerError
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import Custom, SingleClass

# The type that such answers are of: one class of a few.
TASK_TYPE = "TextClassification"


def by_field(given: GivenAnswers, name: str, also: Sequence[str] = ()) -> GivenAnswers:
    """Answers of the type Custom as the classes in their field ``name``, sorted by name.

    A dot leads into objects: ``animal.kind``. A class is a text, a number, true or false, or of an
    object of true and false, as radio buttons answer, the name of the only true one. Nothing, null
    and "" are abstentions; an answer with anything else, or without the field, is set aside.
    ``also``: classes that nobody chose.
    """
    read: list[tuple[GivenAnswer, str | None]] = []
    aside = list(given.set_aside)
    for each in given.answers:
        try:
            found = None if each.value is None else _class_in(_content(each.value), name)
        except AnswerError as error:
            where = f"item {each.item!r}, annotator {each.annotator!r}"
            aside.append(SetAside(where, error.reason, str(error), each.item))
            continue
        read.append((each, found))
    labels = dict(_labels(given, name))
    names = {found for _, found in read if found is not None}
    classes = Classes.of(sorted({*names, *labels.values(), *plain_labels(also)}))
    code = {each: place for place, each in enumerate(classes.names)}
    answers = tuple(
        replace(each, value=None if found is None else SingleClass(code[found]))
        for each, found in read
    )
    return replace(
        given,
        task_type=TASK_TYPE,
        classes=classes,
        answers=answers,
        set_aside=tuple(aside),
        labels={item: Label(SingleClass(code[each])) for item, each in labels.items()},
    )


def _content(value: Any) -> Any:
    return value.content if isinstance(value, Custom) else value


def _labels(given: GivenAnswers, name: str) -> Iterator[tuple[str, str]]:
    """The job's own labels, where they have the field: what made them may have kept anything."""
    for item, label in given.labels.items():
        try:
            found = _class_in(_content(label.value), name)
        except AnswerError:
            continue
        if found is not None:
            yield item, found


def _class_in(content: Any, name: str) -> str | None:
    """The class in a form; None for an abstention."""
    field = Field(content, "answerContent")
    first = name.partition(".")[0]
    if isinstance(content, dict) and first not in content and len(content) == 1:
        # Under the name of the form, as Ground Truth's own elements have it.
        field = field.only()
    try:
        for key in name.split("."):
            if not isinstance(field.value, dict) or key not in field.value:
                step = "Name a field of the form by --field, or correct the answer."
                raise field.wrong(f"an object with the key {key!r}", step)
            field = Field(field.value[key], key, field)
        return _name(field)
    except FieldError as error:
        raise AnswerError("MalformedAnswer", str(error)) from None


def _name(field: Field) -> str | None:
    value = field.value
    if isinstance(value, dict) and value and all(isinstance(each, bool) for each in value.values()):
        chosen = [key for key, is_chosen in value.items() if is_chosen]
        if len(chosen) > 1:
            raise field.wrong("one choice", "A field with several is no class.")
        value = chosen[0] if chosen else None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if not isinstance(value, str):
        raise field.wrong("a text, a number, true or false", "A field with more is no class.")
    return plain_name(value) or None

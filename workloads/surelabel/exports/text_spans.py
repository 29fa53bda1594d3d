"""Spans of text: CoNLL with BIO tags, and spaCy's JSON Lines.

CoNLL has a token and its tag a line and an empty line between texts. It cannot have overlapping
spans, and the text between tokens is lost, so it is not read back. spaCy's lines carry everything::

    {"text": "...", "entities": [[start, end, "Label"]]}

spaCy refuses entities that overlap; where some do, ``"spans": {"sc": [...]}`` has all, and
``entities`` the longer ones. Neither has classes that no text has: ``labels.json`` beside it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from surelabel.exports import notes
from surelabel.exports.class_list import read_classes, write_class_list
from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.plural import counted
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import Span, Spans

CONLL = "spans.conll"
SPACY = "spans.jsonl"
# Where spaCy's own span categorizer looks.
SPANS_KEY = "sc"
_TOKEN = re.compile(r"\w+|[^\w\s]")


def write_conll(data: LabeledData, folder: Path) -> list[str]:
    """Write the files; notes say how many spans had no place."""
    lost: list[str] = []
    dropped = 0
    blocks: list[str] = []
    for name, example in data.named():
        if not example.is_text:
            lost.append(notes.no_text(name))
            continue
        spans = flat(example.label.value.spans)
        dropped += len(example.label.value.spans) - len(spans)
        lines = bio(example.source, spans, data.classes)
        blocks.append("".join(f"{token}\t{tag}\n" for token, tag in lines))
    if dropped:
        lost.append(f"{counted(dropped, 'span')}: left out, since longer ones overlap.")
    _write(folder / CONLL, "\n".join(blocks))
    write_class_list(data.classes, folder)
    return lost + notes.of_confidences(data, "CoNLL")


def write_spacy(data: LabeledData, folder: Path) -> list[str]:
    """Write the file; notes say what is lost."""
    lost: list[str] = []
    lines: list[str] = []
    for name, example in data.named():
        if not example.is_text:
            lost.append(notes.no_text(name))
            continue
        spans = example.label.value.spans
        named = _named(spans, data.classes)
        line: dict[str, Any] = {"text": example.source, "entities": named}
        if len(apart := flat(spans)) < len(spans):
            line |= {"entities": _named(apart, data.classes), "spans": {SPANS_KEY: named}}
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    _write(folder / SPACY, "".join(lines))
    write_class_list(data.classes, folder)
    return lost + notes.of_confidences(data, "spaCy's JSON Lines")


def read_spacy(path: Path, task_type: str | None) -> LabeledData:
    """The file, or the folder that it lies in; the classes as `read_classes` has them."""
    if task_type not in (None, "NamedEntityRecognition"):
        raise ExportError(f"--task-type: spaCy's lines have no {task_type}.")
    file = path / SPACY if path.is_dir() else path
    found: list[tuple[str, list[tuple[str, int, int]]]] = []
    # Not splitlines(): a text may have other line ends in it.
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = Field(json.loads(line), f"{file}:{number}")
            spans = value.get("spans")
            listed = value["entities"] if spans is None else spans[SPANS_KEY]
            found.append((value["text"].text(), _entities(listed)))
        except FieldError as error:
            raise ExportError(str(error)) from None
        except (ValueError, RecursionError) as error:
            raise ExportError(f"{file}:{number}: is not JSON: {error}.") from None
    classes = read_classes(path, (name for _, spans in found for name, _, _ in spans))
    examples = [
        Example(text, Label(Spans(tuple(
            Span(classes.code(name) or 0, start, end) for name, start, end in spans
        ))), is_text=True)
        for text, spans in found
    ]  # fmt: skip
    return LabeledData("NamedEntityRecognition", classes, tuple(examples))


def flat(spans: tuple[Span, ...]) -> list[Span]:
    """Spans that do not overlap, in the order of the text: longer ones first, then earlier ones."""
    kept: list[Span] = []
    for each in sorted(spans, key=lambda s: (s.start - s.end, s.start, s.label)):
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda s: s.start)


def bio(text: str, spans: list[Span], classes: Classes) -> list[tuple[str, str]]:
    """Tokens with tags: words and single signs, split where a span begins or ends."""
    edges = sorted({edge for each in spans for edge in (each.start, each.end)})
    found: list[tuple[str, str]] = []
    began: Span | None = None
    for match in _TOKEN.finditer(text):
        cuts = [match.start(), *(e for e in edges if match.start() < e < match.end()), match.end()]
        for start, end in pairwise(cuts):
            span = next((each for each in spans if each.start <= start < each.end), None)
            tag = "O"
            if span is not None:
                tag = f"{'I' if span is began else 'B'}-{classes.names[span.label]}"
            began = span
            found.append((text[start:end], tag))
    return found


def _named(spans: Iterable[Span], classes: Classes) -> list[list[int | str]]:
    return [[each.start, each.end, classes.names[each.label]] for each in spans]


def _entities(value: Field) -> list[tuple[str, int, int]]:
    found = []
    for each in value.each():
        parts: list[Any] = list(each.each())
        if len(parts) != 3:
            raise each.wrong("[start, end, label]")
        start = parts[0].whole()
        found.append((parts[2].text(), start, parts[1].whole(start + 1)))
    return found


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")

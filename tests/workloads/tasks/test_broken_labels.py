"""A label or an answer that is broken anywhere is read or told."""

from __future__ import annotations

import json
from dataclasses import replace

from surelabel.tasks.base import AnswerError, LabelError
from surelabel.tasks.classes import SeenClasses
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import (
    Adjustment,
    SemanticMask,
)
from workloads.broken_json import JUNK, broken_at_every_leaf
from workloads.tasks.label_values import CATS, each


@each
def test_what_is_broken_anywhere_is_read_or_told(name, value):
    form = LABEL_FORMATS[name]
    content = json.loads(json.dumps(form.answer_content(value, CATS)))
    if isinstance(inner := getattr(value, "value", value), SemanticMask):
        inner = replace(inner, ref="s3://b/m.png")
        value = replace(value, value=inner) if isinstance(value, Adjustment) else inner
    written, metadata = form.write_label(Label(value), CATS)
    for junk in JUNK:
        for broken in broken_at_every_leaf(content, junk):
            try:
                form.parse_answer(broken, CATS)
            except AnswerError as error:
                assert len(str(error)) < 400
        pairs = [(other, metadata) for other in broken_at_every_leaf(written, junk)]
        pairs += [(written, other) for other in broken_at_every_leaf(metadata, junk)]
        for broken, about in pairs:
            try:
                form.read_label(broken, about, CATS)
            except LabelError as error:
                assert len(str(error)) < 400
            seen = SeenClasses()
            seen.see_label(broken, about)
            seen.settle()

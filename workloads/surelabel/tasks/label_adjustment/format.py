"""Labels that are a corrected earlier label: the same value, and whether anything was changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from surelabel.tasks.base import AnswerError, LabelError
from surelabel.tasks.classes import Classes
from surelabel.tasks.fields import Field, FieldError
from surelabel.tasks.label_format import CUSTOM_TYPE, Label, LabelFormat
from surelabel.tasks.values import Adjustment

_STATUS = "adjustment-status"


@dataclass(frozen=True)
class Adjustable:
    """A kind of label that can be corrected: the key that tells its answers from others' first."""

    key: str
    value_type: type
    form: LabelFormat[Any]


@dataclass(frozen=True)
class LabelAdjustmentFormat:
    """The format of what is adjusted, which an answer or label shows by its keys.

    ``needs_ref`` is that of the adjusted type, and not known here.
    """

    adjustable: tuple[Adjustable, ...]
    name: str = "LabelAdjustment"
    manifest_type: str = ""
    crowd_element: str = ""
    needs_ref: bool = False
    needs_labels: bool = True

    def parse_answer(self, content: Any, classes: Classes) -> Adjustment:
        """See ``LabelFormat``. ``initialValueModified`` says whether the annotator changed it."""
        try:
            inner = Field(content, "answerContent").only()
            modified = inner.get("initialValueModified")
            if modified is not None and not isinstance(modified.value, bool):
                raise modified.wrong("true or false")
            form = self._form(inner)
        except FieldError as error:
            raise AnswerError("MalformedAnswer", str(error)) from None
        value = form.parse_answer(content, classes)
        return Adjustment(value, None if modified is None else modified.value)

    def answer_content(self, value: Adjustment, classes: Classes) -> dict[str, Any]:
        """See ``LabelFormat``."""
        content = self._of_value(value).answer_content(value.value, classes)
        if value.adjusted is not None:
            for inner in content.values():
                inner["initialValueModified"] = value.adjusted
        return content

    def read_label(self, value: Any, metadata: Any, classes: Classes) -> Label[Adjustment]:
        """See ``LabelFormat``; the metadata's ``type`` says what was adjusted."""
        about = Field({} if metadata is None else metadata, "metadata")
        try:
            status = about.get(_STATUS)
            adjusted = status is not None and status.one_of("adjusted", "unadjusted") == "adjusted"
            form = self._of_label(Field(value, "label"), about)
        except FieldError as error:
            raise LabelError(str(error)) from None
        label: Label[Any] = form.read_label(value, metadata, classes)
        extra = {key: each for key, each in label.extra.items() if key != _STATUS}
        found = Adjustment(label.value, None if status is None else adjusted)
        return replace(label, value=found, extra=extra)

    def write_label(self, label: Label[Adjustment], classes: Classes) -> tuple[Any, dict[str, Any]]:
        """See ``LabelFormat``."""
        form = self._of_value(label.value)
        whole: Label[Any] = label
        inner = replace(whole, value=label.value.value, extra={})
        value, metadata = form.write_label(inner, classes)
        if label.value.adjusted is not None:
            metadata[_STATUS] = "adjusted" if label.value.adjusted else "unadjusted"
        return value, metadata | dict(label.extra)

    def _form(self, inner: Field) -> LabelFormat[Any]:
        for each in self.adjustable:
            if each.key in inner:
                return each.form
        keys = ", ".join(each.key for each in self.adjustable)
        raise inner.wrong(f"an object with one of the keys {keys}")

    def _of_label(self, value: Field, metadata: Field) -> LabelFormat[Any]:
        kind = metadata.get("type")
        said = None if kind is None else kind.text()
        # Several types are custom: those show by their keys.
        if said is not None and said != CUSTOM_TYPE:
            for each in self.adjustable:
                if each.form.manifest_type == said:
                    return each.form
        return self._form(value)

    def _of_value(self, value: Adjustment) -> LabelFormat[Any]:
        return next(e.form for e in self.adjustable if isinstance(value.value, e.value_type))

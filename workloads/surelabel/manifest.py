"""Manifest lines: checked, addressed, and extended by a label; JSON Lines as Ground Truth has them.

Refuses to rewrite a line: what a user wrote leaves byte for byte as it came, with the label and
its metadata before the closing brace. Reads no store; ``surelabel validate`` uses the same check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from surelabel_contract.allowed_uris import SCHEMES, form_problem

# Ground Truth's limits (reference: input data quotas), in characters.
MAX_LINE = 100_000
# A line of more bytes has more characters than that, whatever they are.
MAX_LINE_BYTES = 4 * MAX_LINE
MAX_ATTRIBUTE = 20_000
MAX_ID_KEY = 140
MAX_ID = 1_024

ID_KEY_ATTRIBUTE = "dataset-objectid-attribute-name"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a line is no item; ``reason`` is PascalCase, the message names rule, value, next step."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ManifestItem:
    """A line that is an item. ``item_id`` is None where the line's position is its id."""

    item_id: str | None
    source: str | None
    source_ref: str | None
    # The label that the line brought, and whether a person gave it; None: not labeled yet.
    earlier: Earlier | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """A label of an earlier job under the same attribute name."""

    label: int
    is_human: bool


class InvalidLabelError(ValueError):
    """The label that a line brought cannot be read; the message says why."""


# (value under the attribute, its metadata) -> class id; InvalidLabelError.
ReadLabel = Callable[[Any, Any], int]


@dataclass(frozen=True)
class LineCheck:
    """The rules for the lines of one job.

    ``takes_text``: the task type works on ``source``; ``takes_media``: on ``source-ref``.
    ``audited``: key of an earlier label that every line without a label must have.
    """

    attribute: str
    read_label: ReadLabel
    takes_text: bool = True
    takes_media: bool = True
    audited: str | None = None
    read_audited: ReadLabel | None = None

    def __call__(self, raw: bytes) -> ManifestItem | Rejected:
        """What the line is; never raises on any bytes."""
        if len(raw) > MAX_LINE_BYTES:
            return _too_long("a line", f"more than {MAX_LINE_BYTES} bytes", MAX_LINE)
        try:
            value = read_line(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _unreadable(raw.removeprefix(_BOM))
        if type(value) is not dict:
            return Rejected(
                "NotAnObject",
                f"a line must be a JSON object; got {_kind(value)}. "
                'Write {"source-ref": "s3://..."} or {"source": "text"}.',
            )
        if len(raw) > MAX_LINE and len(raw.decode()) > MAX_LINE:
            return _too_long("a line", len(raw.decode()), MAX_LINE)
        return self._item(value)

    def _item(self, value: dict[str, Any]) -> ManifestItem | Rejected:
        for key in value:
            if key[:1] == "$":
                return Rejected(
                    "ReservedKey", f"{key!r}: keys must not begin with '$'. Rename the key."
                )
        source, reference = value.get("source"), value.get("source-ref")
        problem = self._source_problem(value, source, reference)
        if problem is not None:
            return problem
        item_id: str | None = None
        if ID_KEY_ATTRIBUTE in value:
            found = _custom_id(value)
            if isinstance(found, Rejected):
                return found
            item_id = found
        earlier: Earlier | None = None
        if self.attribute in value or f"{self.attribute}-metadata" in value:
            labeled = self._earlier(value)
            if isinstance(labeled, Rejected):
                return labeled
            earlier = labeled
        if earlier is None and self.audited is not None:
            problem = self._audit_problem(value, self.audited)
            if problem is not None:
                return problem
        return ManifestItem(item_id, source, reference, earlier)

    def _source_problem(
        self, value: dict[str, Any], source: object, reference: object
    ) -> Rejected | None:
        has_source, has_reference = "source" in value, "source-ref" in value
        if has_source and has_reference:
            return Rejected(
                "SourceAndSourceRef",
                "a line must have exactly one of 'source' and 'source-ref'; got both. Remove one.",
            )
        if not has_source and not has_reference:
            return Rejected(
                "NoSource",
                "a line must have exactly one of 'source' and 'source-ref'; got neither "
                f"(keys: {', '.join(sorted(value)[:8]) or 'none'}). Add one.",
            )
        key, content = ("source", source) if has_source else ("source-ref", reference)
        if not isinstance(content, str) or not content:
            return Rejected(
                "InvalidSource",
                f"{key!r} must be a non-empty string; got {_shown(content)}. Write the item there.",
            )
        problem = _reference_problem(content) if has_reference else None
        return problem or self._kind_problem(has_source, content)

    def _kind_problem(self, has_source: bool, content: str) -> Rejected | None:
        if has_source and not self.takes_text:
            return Rejected(
                "SourceNotSupported",
                "'source' is text, but this task type works on files; give their URI as "
                f"'source-ref' (got {_shown(content)}).",
            )
        if not has_source and not self.takes_media:
            return Rejected(
                "SourceRefNotSupported",
                "'source-ref' names a file, but this task type works on text; give it as 'source' "
                f"(got {_shown(content)}).",
            )
        return None

    def _audit_problem(self, value: dict[str, Any], key: str) -> Rejected | None:
        if key not in value:
            return Rejected(
                "NoEarlierLabel",
                f"{key!r}, the label that people are to look at, is not there (keys: "
                f"{', '.join(sorted(value)[:8])}). Add it, or correct auditLabelAttributeName in a "
                "new job.",
            )
        if self.read_audited is None:
            return None
        try:
            self.read_audited(value[key], value.get(f"{key}-metadata"))
        except InvalidLabelError as error:
            return Rejected(
                "InvalidLabel",
                f"{key!r}, the label that people are to look at, cannot be read: {error} Correct "
                "it, or name the labels of the job that wrote it.",
            )
        return None

    def _earlier(self, value: dict[str, Any]) -> Earlier | Rejected:
        metadata = value.get(f"{self.attribute}-metadata")
        if self.attribute not in value:
            return Rejected(
                "InvalidLabel",
                f"'{self.attribute}-metadata' stands without {self.attribute!r}. Remove it, or "
                "choose another labelAttributeName.",
            )
        try:
            label = self.read_label(value[self.attribute], metadata)
        except InvalidLabelError as error:
            return Rejected(
                "InvalidLabel",
                f"{self.attribute!r} is there already and is no label of this job: {error} "
                "Remove it, or choose another labelAttributeName.",
            )
        is_human = not (isinstance(metadata, dict) and metadata.get("human-annotated") == "no")
        return Earlier(label, is_human)


def read_line(raw: bytes) -> Any:
    """The JSON value of a line, which may begin with a byte order mark; else as msgspec."""
    return msgspec.json.decode(raw.removeprefix(_BOM))


def with_label(raw: bytes, added: dict[str, Any]) -> bytes:
    """The line with ``added`` before its closing brace; every other byte as it was.

    ``raw`` must be a line that passed the check, so its last brace closes the object.
    """
    end = raw.rindex(b"}")
    # An object that passed the check has a source, so there is something before the comma.
    return raw[:end] + b"," + msgspec.json.encode(added)[1:-1] + raw[end:]


def _unreadable(raw: bytes) -> Rejected:
    if not raw.strip():
        return Rejected("EmptyLine", "the line is empty. Remove it.")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return Rejected(
            "NotUtf8",
            f"a manifest must be UTF-8; byte {error.start} is {raw[error.start]:#04x}. "
            "Convert the file to UTF-8.",
        )
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return _no_json(str(error), raw)
    return _no_json("not JSON", raw)


def _no_json(why: str, raw: bytes) -> Rejected:
    return Rejected(
        "InvalidJson",
        f"a line must be one JSON object: {why.rstrip('.')}; got {_shown(raw.decode())}. "
        'Write it like {"source": "a text"} or {"source-ref": "s3://bucket/a.png"}.',
    )


def _custom_id(value: dict[str, Any]) -> str | Rejected:
    key = value[ID_KEY_ATTRIBUTE]
    if not isinstance(key, str) or not 0 < len(key) <= MAX_ID_KEY:
        return Rejected(
            "InvalidId",
            f"{ID_KEY_ATTRIBUTE!r} must name a key of the line, at most {MAX_ID_KEY} characters; "
            f"got {_shown(key)}. Name one, or leave it out.",
        )
    item_id = value.get(key)
    if not isinstance(item_id, str) or not 0 < len(item_id) <= MAX_ID:
        return Rejected(
            "InvalidId",
            f"{key!r} (named by {ID_KEY_ATTRIBUTE!r}) must be a string of 1 to {MAX_ID} "
            f"characters; got {_shown(item_id)}. Write the item's id there.",
        )
    return item_id


def _reference_problem(uri: str) -> Rejected | None:
    if len(uri) > MAX_ATTRIBUTE:
        return _too_long("'source-ref'", len(uri), MAX_ATTRIBUTE)
    if not _is_uri_of_file(uri):
        return Rejected(
            "InvalidSource",
            f"'source-ref' must be the URI of a file, with one of {', '.join(SCHEMES)} before "
            f"'://'; got {_shown(uri)}. Write it like s3://bucket/a.png.",
        )
    wrong = form_problem(uri)
    if wrong is not None:
        return Rejected("InvalidSource", f"'source-ref' {_shown(uri)}: {wrong}")
    return None


def _is_uri_of_file(text: str) -> bool:
    """Whether it has a scheme that the store client knows, a bucket, and a path there."""
    scheme, _, rest = text.partition("://")
    place, _, path = rest.partition("/")
    return scheme in SCHEMES and path != "" and (place != "" or scheme == "file")


def _too_long(what: str, got: int | str, limit: int) -> Rejected:
    return Rejected(
        "TooLong", f"{what} may have {limit} characters; got {got}. Put it into a file and name it."
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names = {str: "a string", list: "an array", bool: "a boolean", int: "a number"}
    return names.get(type(value), "a number")

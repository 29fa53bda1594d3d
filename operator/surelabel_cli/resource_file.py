"""YAML files with several documents, read as kubectl reads them, with the line of every field.

kubectl's YAML is neither 1.1 nor 1.2: ``y`` is a boolean, ``2026-01-01`` and ``1:30`` are text.
A key that stands twice, which kubectl overlooks, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FieldPath = tuple[str | int, ...]
_DEEPEST = 50
# The API server takes objects of up to 3 MB; an alias that stands for many others (a "billion
# laughs") makes many fields of few bytes.
_LARGEST = 8 << 20
_MOST_FIELDS = 100_000


class ResourceFileError(Exception):
    """A file that cannot be read or is not YAML; ``line`` counts from 1, if there is one."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """One document of a file and the line of each of its fields, from 1."""

    value: Any
    lines: dict[FieldPath, int]

    def line_of(self, path: FieldPath) -> int:
        """The line of the field, or of the nearest one around it if it is not there."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def read_resource_file(path: Path) -> list[Document]:
    """The documents of a file, empty ones left out; ResourceFileError."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ResourceFileError(f"cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise ResourceFileError(f"is larger than {_LARGEST} bytes; is it a file of resources?")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ResourceFileError(
            f"is not UTF-8: byte {error.start}. Convert the file to UTF-8."
        ) from None
    return read_documents(text)


def read_documents(text: str) -> list[Document]:
    """The documents of a YAML text, empty ones left out; ResourceFileError."""
    try:
        return list(_documents(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        raise ResourceFileError(f"is not YAML: {error.problem}", line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"is not YAML: the character {error.character:#06x} is not allowed; remove it"
        raise ResourceFileError(message, line) from None
    except yaml.YAMLError as error:
        raise ResourceFileError(f"is not YAML: {error}") from None
    except RecursionError:
        raise ResourceFileError(f"nests deeper than {_DEEPEST} levels") from None


def _documents(text: str) -> Iterator[Document]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            lines: dict[FieldPath, int] = {}
            for n_fields, (path, line) in enumerate(_lines(node, ())):
                if n_fields == _MOST_FIELDS:
                    raise ResourceFileError(f"has more than {_MOST_FIELDS} fields")
                lines[path] = line
            value = loader.construct_document(node)
            if value is not None:
                yield Document(value, lines)
    finally:
        loader.dispose()


def _lines(node: yaml.Node, path: FieldPath) -> Iterator[tuple[FieldPath, int]]:
    if len(path) > _DEEPEST:
        # An alias may stand for what it stands in.
        raise ResourceFileError(f"nests deeper than {_DEEPEST} levels", node.start_mark.line + 1)
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            name = str(key.value)
            if name in seen:
                line = key.start_mark.line + 1
                raise ResourceFileError(f"the key {name!r} stands twice; remove one", line)
            seen.add(name)
            yield from _lines(child, (*path, name))
            # A field begins where its name stands, not where its value does.
            yield (*path, name), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for position, child in enumerate(node.value):
            yield from _lines(child, (*path, position))


class _Loader(yaml.SafeLoader):
    """Plain scalars as kubectl understands them."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node; ConstructorError, also where what its tag names cannot be read."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, AttributeError, OverflowError) as error:
            shown = str(node.value)
            shown = repr(shown) if len(shown) <= 40 else repr(shown[:40]) + "..."
            kind = node.tag.removeprefix("tag:yaml.org,2002:")
            problem = f"{shown} cannot be read as {kind}; quote it if it is text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "").lower()
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    if digits.startswith("0") and digits[1:].isdigit():
        digits = "0o" + digits[1:]
    return sign * int(digits, 0)


def _number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = loader.construct_scalar(node).replace("_", "").lower().replace(".inf", "inf")
    value = float(text.replace(".nan", "nan"))
    return int(value) if value.is_integer() else value


def _boolean(loader: _Loader, node: yaml.ScalarNode) -> bool:
    return str(loader.construct_scalar(node)).lower() in ("y", "yes", "true", "on")


for _tag, _pattern, _first in (
    ("bool", r"(?i:y|n|yes|no|true|false|on|off)", "yYnNtTfFoO"),
    ("int", r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )
_Loader.add_constructor("tag:yaml.org,2002:bool", _boolean)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)

"""XML of annotations, read without entities and written with indentation."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

from surelabel.exports.dataset import ExportError

Element = ElementTree.Element


def read_xml(path: Path) -> Element:
    """The root of the document; ExportError."""
    data = path.read_bytes()
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ExportError(f"{path}: must not declare a document type or entities. Remove them.")
    try:
        # Entities are what makes it dangerous, and none are declared.
        return ElementTree.fromstring(data)  # noqa: S314
    except ElementTree.ParseError as error:
        raise ExportError(f"{path}: is not XML: {error}.") from None


def write_xml(root: Element, path: Path, *, declaration: bool = True) -> None:
    """Write the document in UTF-8."""
    ElementTree.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=declaration))


def child(parent: Element, tag: str, text: str | float | None = None, /, **more: str) -> Element:
    """A new element at the end of ``parent``, with ``more`` as attributes."""
    found = ElementTree.SubElement(parent, tag, more)
    if text is not None:
        found.text = text if isinstance(text, str) else shown(text)
    return found


def text_of(parent: Element, name: str, path: Path) -> str:
    """The text of a child that must be there; ExportError."""
    found = parent.find(name)
    if found is None or found.text is None:
        raise ExportError(f"{path}: <{parent.tag}> needs a <{name}>. Add it.")
    return found.text.strip()


def number_of(text: str | None, what: str, path: Path) -> float:
    """A finite number; ExportError."""
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ExportError(f"{path}: {what} must be a number; got {text!r}. Correct it.")
    return number


def shown(number: float) -> str:
    """A number without a needless point."""
    return str(int(number)) if float(number).is_integer() else repr(float(number))

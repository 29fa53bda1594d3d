"""HTML made of elements; all text is escaped here, so nothing else has to think of it."""

from __future__ import annotations

import html
import re

# Controls, and halves of surrogate pairs, which no encoder takes.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_VOID = frozenset({"br", "img", "meta"})


class Markup(str):
    """Text that is HTML already. Only ``element`` and ``joined`` make it."""

    __slots__ = ()


Child = str | int | None
Attribute = str | float | None


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """An element; children that are no ``Markup`` are text, None is left out.

    ``class_`` is the attribute ``class``, ``aria_label`` is ``aria-label``; one that is None is
    left out. Numbers of SVG keep two decimals.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{joined(*children)}</{tag}>")


def joined(*children: Child) -> Markup:
    """The children one after the other."""
    return Markup("".join(escaped(child) for child in children if child is not None))


def escaped(child: Child) -> str:
    """A child as HTML."""
    if isinstance(child, Markup):
        return child
    return html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(child)))


def words(text: str, most: int) -> Markup:
    """Words of somebody else, at most so many characters of them.

    Isolated, since a sign for right-to-left would turn round what stands after it.
    """
    shown = text if len(text) <= most else text[: most - 1].rstrip() + "…"
    return element("bdi", shown)


def _value(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return escaped(value)

"""A page taken apart by the standard library's parser, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "img", "meta"}


@dataclass
class Element:
    """An element with its attributes, and all text below it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    parents: tuple[str, ...] = ()


@dataclass
class Page(HTMLParser):
    """All elements of a page; AssertionError where tags do not match."""

    elements: list[Element] = field(default_factory=list)
    open_: list[Element] = field(default_factory=list)

    @classmethod
    def of(cls, data: bytes) -> Page:
        page = cls()
        HTMLParser.__init__(page, convert_charrefs=True)
        page.feed(data.decode())
        page.close()
        assert not page.open_, [each.tag for each in page.open_]
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        parents = tuple(each.tag for each in self.open_)
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), names
        element = Element(tag, {k: v or "" for k, v in attrs}, parents=parents)
        self.elements.append(element)
        if tag not in VOID:
            self.open_.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open_[-1].tag == tag, (self.open_[-1].tag, tag)
        self.open_.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open_:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [each for each in self.elements if each.tag == tag]

    def one(self, tag: str) -> Element:
        (found,) = self.all(tag)
        return found

"""Items with their pictures or texts, and what they were labeled."""

from __future__ import annotations

import base64

from surelabel.report_page.drawing import percent
from surelabel.report_page.facts import Example, ExampleGroup, Picture
from surelabel.report_page.marks import marked_text, overlay
from surelabel.report_page.markup import Markup, element, joined, words

# Characters of a text, a label and a file name that are shown.
TEXT, LABEL, NAME = 320, 60, 40
# Pixels of a picture's longer side on the screen.
_SIDE = 104


def example_groups(groups: tuple[ExampleGroup, ...]) -> Markup | None:
    """Each group under its heading; None where there is none."""
    parts = [
        element(
            "section",
            element("h2", group.title),
            element("p", group.explanation),
            element("ul", *(_card(each) for each in group.examples), class_="cards"),
            class_="wide",
        )
        for group in groups
        if group.examples
    ]
    return joined(*parts) if parts else None


def _card(each: Example) -> Markup:
    said = element("b", words(each.label, LABEL))
    if each.model_label is None:
        verdict = element("p", said, " ", element("span", percent(each.confidence), class_="quiet"))
    else:
        verdict = element(
            "p",
            "people: ",
            said,
            element("br"),
            "model: ",
            element("b", words(each.model_label, LABEL)),
            " ",
            element("span", percent(each.confidence), class_="quiet"),
        )
    name = None if each.name is None else joined(element("br"), words(each.name, NAME))
    return element(
        "li",
        _shown(each),
        verdict,
        element("p", f"line {each.line:,}", name, class_="quiet"),
        class_="words" if each.text is not None else None,
    )


def _shown(each: Example) -> Markup:
    if each.picture is not None:
        drawn = None if each.value is None else overlay(each.value, each.picture)
        return element(
            "div",
            _image(each.picture, f"Item on line {each.line}: {each.label[:LABEL]}"),
            drawn,
            class_="picture",
        )
    if each.text is not None:
        return element("blockquote", marked_text(each.text, each.value, TEXT))
    return element("p", f"Not shown: {each.missing or 'nothing to show'}.", class_="missing")


def _image(picture: Picture, alternative: str) -> Markup:
    data = base64.b64encode(picture.data).decode()
    scale = _SIDE / max(picture.width, picture.height)
    return element(
        "img",
        src=f"data:{picture.media_type};base64,{data}",
        alt=alternative,
        width=str(max(1, round(picture.width * scale))),
        height=str(max(1, round(picture.height * scale))),
        class_="pixels" if picture.small else None,
    )

"""Labels that are no classes, drawn over a picture or marked in a text."""

from __future__ import annotations

from surelabel.report_page.facts import Picture
from surelabel.report_page.markup import Markup, element, joined, words
from surelabel.tasks.values import (
    Adjustment,
    Box,
    Boxes,
    Custom,
    Instances,
    Keypoints,
    LabelSet,
    Order,
    Polygons,
    Polylines,
    Preference,
    Rating,
    SemanticMask,
    Shape,
    SingleClass,
    Spans,
    Text,
    Value,
    Verification,
)

# More marks would hide the picture, and make the page grow.
_MAX_MARKS = 40
_MAX_VERTICES = 60


def described(  # noqa: PLR0911 - one case a kind of label.
    value: Value, labels: tuple[str, ...]
) -> str:
    """A label in words; ``labels``: the classes by their codes."""
    match value:
        case SingleClass(label) | Verification(label, _):
            return _name(label, labels)
        case LabelSet(chosen):
            return ", ".join(_name(label, labels) for label in chosen) or "none of them"
        case Boxes(found) | Polygons(found) | Polylines(found) | Keypoints(found) | Spans(found):
            return _counts([each.label for each in found], labels)
        case Instances(found):
            return _counts(list(found), labels)
        case SemanticMask():
            painted = [entry.label for entry in value.palette if entry.label >= 0]
            return ", ".join(_name(label, labels) for label in painted) or "a mask"
        case Preference(choice):
            return "equally good" if choice == "tie" else f"{choice} is better"
        case Order(order):
            return " > ".join(order)
        case Text(text):
            return text
        case Rating(number):
            return f"{number:g}"
        case Adjustment(inner, _):
            return described(inner, labels)
        case Custom(content):
            return str(content)


def overlay(value: Value, picture: Picture) -> Markup | None:
    """The marks of a label over its picture, in the picture's own pixels; None without any."""
    marks = _marks(value, max(picture.width, picture.height))
    if not marks:
        return None
    return element(
        "svg",
        *marks,
        viewBox=f"0 0 {picture.width} {picture.height}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def marked_text(text: str, value: Value | None, most: int) -> Markup:
    """At most so many characters of a text, spans marked; of spans that overlap the first."""
    if isinstance(value, Adjustment):
        value = value.value
    if not isinstance(value, Spans):
        return words(text, most)
    parts: list[Markup] = []
    end = 0
    for span in sorted(value.spans, key=lambda each: (each.start, -each.end)):
        if span.start < end or span.end > min(most, len(text)):
            continue
        parts += [
            words(text[end : span.start], most),
            element("mark", words(text[span.start : span.end], most)),
        ]
        end = span.end
    return joined(*parts, words(text[end:], max(1, most - end)))


def _marks(value: Value, side: int) -> list[Markup]:
    match value:
        case Adjustment(inner, _):
            return _marks(inner, side)
        case Boxes(boxes):
            return [_box(each) for each in boxes[:_MAX_MARKS]]
        case Polygons(shapes):
            return [_shape("polygon", each) for each in shapes[:_MAX_MARKS]]
        case Polylines(shapes):
            return [_shape("polyline", each) for each in shapes[:_MAX_MARKS]]
        case Keypoints(points):
            return [
                element("circle", cx=float(each.x), cy=float(each.y), r=side / 40)
                for each in points[:_MAX_MARKS]
            ]
        case _:
            return []


def _box(box: Box) -> Markup:
    turned = None
    if box.rotation:
        middle = f"{box.left + box.width / 2:.2f} {box.top + box.height / 2:.2f}"
        turned = f"rotate({box.rotation:.2f} {middle})"
    return element(
        "rect",
        x=float(box.left),
        y=float(box.top),
        width=float(box.width),
        height=float(box.height),
        transform=turned,
    )


def _shape(tag: str, shape: Shape) -> Markup:
    every = -(-len(shape.vertices) // _MAX_VERTICES) or 1
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.vertices[::every])
    return element(tag, points=points)


def _counts(codes: list[int], labels: tuple[str, ...]) -> str:
    """As in "2 Falcon, 1 Heron"."""
    if not codes:
        return "nothing"
    counts = {code: codes.count(code) for code in sorted(set(codes))}
    return ", ".join(f"{n} {_name(code, labels)}" for code, n in counts.items())


def _name(code: int, labels: tuple[str, ...]) -> str:
    return labels[code] if 0 <= code < len(labels) else f"class {code}"

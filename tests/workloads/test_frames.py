"""Which answers to an item can be compared."""

from __future__ import annotations

from surelabel.frames import Frame, misfits

WIDE, TALL, SMALL = Frame(size=(80, 60)), Frame(size=(60, 80)), Frame(size=(40, 30))


def reasons(frames: list[Frame | None], image: tuple[int, int] | None = None) -> list[str | None]:
    return [None if each is None else each.reason for each in misfits(frames, image)]


def test_the_images_size_holds_against_any_majority() -> None:
    assert reasons([SMALL, SMALL, WIDE], (80, 60)) == ["WrongSize", "WrongSize", None]


def test_without_an_image_the_commonest_size_holds_and_of_two_the_larger() -> None:
    assert reasons([SMALL, WIDE, SMALL]) == [None, "WrongSize", None]
    assert reasons([SMALL, WIDE]) == ["WrongSize", None]
    # As many pixels: the wider one.
    assert reasons([TALL, WIDE]) == ["WrongSize", None]


def test_answers_of_another_kind_are_told_apart_first() -> None:
    boxes, masks = Frame("boundingBoxes"), Frame("labelMappings", (80, 60))
    assert reasons([boxes, masks, boxes]) == [None, "WrongKind", None]
    assert reasons([masks, boxes]) == ["WrongKind", None]
    # The size of answers that do not count is none of the item's.
    small = Frame("labelMappings", (40, 30))
    polygons = Frame("polygons", (1, 1))
    assert reasons([small, small, polygons]) == [None, None, "WrongKind"]


def test_answers_that_fit_anywhere_are_left_alone() -> None:
    assert reasons([None, None]) == [None, None]
    assert reasons([]) == []
    (_, misfit) = misfits([None, SMALL], (80, 60))
    assert misfit is not None
    assert misfit.message == (
        "labeledImage must have the size of the image, 80 x 60 pixels; got 40 x 30. "
        "Draw it on the image in full size."
    )

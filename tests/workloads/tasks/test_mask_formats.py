"""Masks in PNGs: indexed, colored, of no class."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.instance_segmentation.format import instances_png, read_instances
from surelabel.tasks.label_format import Label
from surelabel.tasks.pixels import PixelError, decode_colors, encode_colors, encode_indices
from surelabel.tasks.semantic_segmentation.format import mask_png, read_mask
from surelabel.tasks.values import (
    Instances,
    SemanticMask,
)
from workloads.tasks.label_values import CATS, MASK


def test_a_palette_of_our_own_begins_with_the_background():
    form = LABEL_FORMATS["SemanticSegmentation"]
    _, metadata = form.write_label(Label(SemanticMask(ref="s3://b/m.png")), CATS)
    entries = metadata["internal-color-map"]
    assert [entries[str(n)]["class-name"] for n in range(4)] == ["BACKGROUND", *CATS.names]


def test_a_mask_comes_back_from_its_png():
    value = SemanticMask(ref="s3://b/m.png")
    assert np.array_equal(read_mask(value, mask_png(MASK, CATS), CATS).mask, MASK)
    found = read_instances(Instances((0, 1, 1), ref="x"), instances_png(MASK))
    assert np.array_equal(found.mask, MASK)
    many = np.arange(400, dtype=np.int32).reshape(20, 20) - 1
    assert np.array_equal(read_instances(Instances((0,) * 399), instances_png(many)).mask, many)


def test_a_pixel_of_no_class_is_an_error():
    png = encode_indices(np.array([[0, 9]]))
    with pytest.raises(PixelError, match=r"got 9\. Give the labels"):
        read_mask(SemanticMask(ref="s3://b/m.png"), png, CATS)
    with pytest.raises(PixelError, match="got 9"):
        read_instances(Instances((0,)), png)
    colored = encode_colors(np.array([[0, 1]], np.int32), ["#112233", "#445566"])
    with pytest.raises(PixelError, match=r"got #445566 at x 1, y 0"):
        decode_colors(colored, {"#112233": 0})


def test_white_and_black_are_background_unless_a_label_has_the_color():
    png = encode_colors(np.array([[0, 1, -1]], np.int32), ["#ffffff", "#000000"])
    assert decode_colors(png, {}).tolist() == [[-1, -1, -1]]
    assert decode_colors(png, {"#FFFFFF": 3}).tolist() == [[3, -1, -1]]

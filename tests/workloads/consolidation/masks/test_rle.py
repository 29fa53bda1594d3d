"""COCO's run lengths, against strings of the COCO tools and a twin that walks pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as tools

from surelabel.consolidation.masks import rle

masks = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=25))
counts = st.lists(st.integers(0, 2**40), max_size=30)


def walked(mask):
    found, value = [0], False
    for column in range(mask.shape[1]):
        for row in range(mask.shape[0]):
            if mask[row, column] != value:
                found.append(0)
                value = not value
            found[-1] += 1
    return found


@settings(deadline=None)
@given(masks)
def test_counts_are_those_of_a_walk_down_the_columns(mask):
    assert rle.encode(mask) == walked(mask)
    assert rle.area(rle.encode(mask)) == mask.sum()


@settings(deadline=None)
@given(masks)
def test_a_mask_comes_back(mask):
    text = rle.to_string(rle.encode(mask))
    np.testing.assert_array_equal(rle.decode(rle.from_string(text), *mask.shape), mask)


@settings(deadline=None)
@given(counts)
def test_any_counts_come_back_from_their_string(runs):
    assert rle.from_string(rle.to_string(runs)) == runs
    assert rle.from_string(rle.to_string(runs).encode()) == runs


@settings(deadline=None)
@given(masks)
def test_strings_are_those_of_pycocotools(mask):
    theirs = tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = theirs["counts"].decode()
    assert rle.to_string(rle.encode(mask)) == text
    assert rle.area(rle.from_string(text)) == tools.area(theirs)
    # Their plain counts become the same string.
    counts = {"counts": rle.encode(mask), "size": list(mask.shape)}
    assert tools.frPyObjects(counts, *mask.shape)["counts"].decode() == text


# Its arrays lack what NumPy 2 would like to pass them.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@settings(deadline=None)
@given(masks)
def test_pycocotools_decodes_our_strings_to_the_mask(mask):
    ours = {"counts": rle.to_string(rle.encode(mask)), "size": list(mask.shape)}
    np.testing.assert_array_equal(tools.decode(ours), mask)


def test_a_string_that_the_coco_tools_wrote():
    assert rle.to_string([6, 1, 40, 4, 5, 4, 5, 4, 21]) == "61X13mN000`0"
    assert rle.from_string("61X13mN000`0") == [6, 1, 40, 4, 5, 4, 5, 4, 21]


def test_masks_without_object_or_background_or_pixels():
    assert rle.encode(np.zeros((2, 3))) == [6]
    assert rle.encode(np.ones((2, 3))) == [0, 6]
    assert rle.encode(np.zeros((0, 3))) == []
    assert rle.decode([], 0, 3).shape == (0, 3)
    assert rle.to_string([]) == ""


BAD = {
    "sum": (lambda: rle.decode([3], 2, 2), "add up to height x width, 2 x 2 = 4; got 3"),
    "negative": (lambda: rle.decode([5, -1], 2, 2), "got -1 at position 1"),
    "fraction": (lambda: rle.area([1.5]), "got 1.5 at position 0"),
    "cut off": (lambda: rle.from_string("6X"), "end within a number; it begins at 1"),
    "character": (lambda: rle.from_string("6~"), "got '~' at position 1"),
    "below zero": (lambda: rle.from_string("O"), "not be negative; got -1 at position 0"),
    "endless": (lambda: rle.decode([2**60], 2, 2), "0 .. 2..53 - 1; got 1152921504606846976"),
    "wrapping": (lambda: rle.decode([2**52] * 4096 + [4], 2, 2), "got 18446744073709551620"),
    "shape": (lambda: rle.encode(np.zeros(3)), "must be .height, width."),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""Features that are a piece of bytes an item."""

from __future__ import annotations

import numpy as np
import pytest

from surelabel.items import read_features, stacked, write_features
from surelabel.tasks.packed import Packed

PIECES = [b"one", b"", b"three\nlines", b"\x00\xff"]


@pytest.mark.parametrize(
    "rows",
    [np.array([3, 0]), np.array([True, False, False, True]), slice(1, 3), np.array([], np.int64)],
)
def test_rows_are_picked_as_from_an_array(rows) -> None:
    expected = [PIECES[row] for row in np.arange(4)[rows].tolist()]
    assert list(Packed.of(PIECES)[rows]) == expected


def test_it_says_how_many_there_are() -> None:
    assert Packed.of(PIECES).shape == (4, 1)
    assert len(Packed.of([])) == 0
    assert list(Packed.of([])) == []


def test_it_comes_back_from_its_file() -> None:
    line, features = read_features(write_features(np.array([4, 5, 7, 9]), Packed.of(PIECES)))
    assert line.tolist() == [4, 5, 7, 9]
    assert list(features) == PIECES


def test_pieces_of_shards_stand_one_after_the_other() -> None:
    parts = [Packed.of(PIECES[:2]), Packed.of(PIECES[2:])]
    assert list(stacked(parts)) == PIECES

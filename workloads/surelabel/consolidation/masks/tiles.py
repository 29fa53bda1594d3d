"""Windows of an image, so that its size does not decide how much memory is needed."""

from __future__ import annotations

from collections.abc import Iterator

Tile = tuple[slice, slice]


def tiles(shape: tuple[int, int], edge: int) -> Iterator[Tile]:
    """Windows of at most ``edge`` x ``edge`` pixels that cover the image once."""
    height, width = shape
    for top in range(0, height, edge):
        for left in range(0, width, edge):
            yield slice(top, min(top + edge, height)), slice(left, min(left + edge, width))


def widened(tile: Tile, halo: int, shape: tuple[int, int]) -> tuple[Tile, Tile]:
    """The tile with ``halo`` pixels more on each side where the image has them.

    And where the tile lies inside that window.
    """
    outer, inner = [], []
    for side, length in zip(tile, shape, strict=True):
        first, last = max(side.start - halo, 0), min(side.stop + halo, length)
        outer.append(slice(first, last))
        inner.append(slice(side.start - first, side.stop - first))
    return (outer[0], outer[1]), (inner[0], inner[1])


def followed(tile: Tile, shape: tuple[int, int]) -> Tile:
    """The tile with one row below and one column to the right, where the image has them."""
    rows, columns = tile
    return (
        slice(rows.start, min(rows.stop + 1, shape[0])),
        slice(columns.start, min(columns.stop + 1, shape[1])),
    )

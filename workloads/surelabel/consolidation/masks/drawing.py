"""The consolidated mask of one image, tile by tile, and what was counted on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.masks.answers import MaskAnswers, Pixels
from surelabel.consolidation.masks.patterns import Coded, Ints, coded
from surelabel.consolidation.masks.smoothing import radius, smoothed
from surelabel.consolidation.masks.tiles import Tile, followed, tiles, widened
from surelabel.consolidation.masks.voting import TIE, Voting, winner
from surelabel.consolidation.result import Floats

Bytes = NDArray[np.uint8]


@dataclass
class Tally:
    """Counts over one image; C classes occur in it, in the order of ``Voting.classes``.

    ``confusion[r, t, l]``: pixels that are of class t and annotator r said l. ``certainty``: (C,),
    sum over each class's pixels of 255 times their confidence. ``border``: (C,), edges between
    pixels of the class and of another. ``disputed``: pixels that people disagree on, and
    ``disputed_certainty`` of them. Integers, so that tiles add up to the same.
    """

    confusion: Ints
    certainty: Ints
    border: Ints
    disputed: int = 0
    disputed_certainty: int = 0

    @classmethod
    def empty(cls, n_annotators: int, n_classes: int) -> Tally:
        """Nothing counted yet."""
        shape = (n_annotators, n_classes, n_classes)
        per_class = np.zeros(n_classes, np.int64)
        return cls(np.zeros(shape, np.int64), per_class.copy(), per_class.copy())

    @property
    def pixels(self) -> Ints:
        """(C,): pixels of each class."""
        return np.asarray(self.confusion[0].sum(axis=1))

    def make_sure(self) -> None:
        """What is known is certain, and nobody's answer disputes it."""
        self.certainty = 255 * self.pixels
        self.disputed = self.disputed_certainty = 0

    def count(self, votes: Ints, column: Ints, n: Ints, certainty: Ints, classes: Ints) -> None:
        """``n`` pixels of each pattern (``votes``) became ``classes[column]``."""
        said = np.searchsorted(classes, votes)
        cells = column[:, None] * len(classes) + said
        for who in range(votes.shape[1]):
            counted = np.bincount(cells[:, who], weights=n, minlength=len(classes) ** 2)
            self.confusion[who] += counted.astype(np.int64).reshape(len(classes), -1)
        np.add.at(self.certainty, column, certainty)


def confidence_of(share: Floats, n_voices: int, agreed: NDArray[np.bool_] | bool) -> Bytes:
    """255 times the chance that a class with this share of ``n_voices`` votes is right.

    Half a vote for it and half a vote against are added. Where all agree the chance to be wrong
    is 1 / (n + 1)^2. On crowds that drew cells both are near the share of pixels that are right.
    """
    open_ = (n_voices * np.clip(share, 0, 1) + 0.5) / (n_voices + 1)
    chance = np.where(agreed, 1 - 1 / (n_voices + 1) ** 2, open_)
    return np.asarray(np.rint(255 * chance), dtype=np.uint8)


def draw(
    answers: MaskAnswers,
    rows: slice,
    voting: Voting,
    edge: int,
    label: Pixels,
    confidence: Bytes | None,
    *,
    ready: Coded | None = None,
    fast: bool = False,
) -> Tally:
    """Fill ``label`` and ``confidence``, both (height, width), and count.

    ``ready``: the image coded in one piece, where somebody has done that already. ``fast``: by
    the compiled loops, with the same result.
    """
    shape = (label.shape[0], label.shape[1])
    tally = Tally.empty(rows.stop - rows.start, len(voting.classes))
    halo = radius(voting.sigma) if voting.sigma > 0 else 0
    for tile in tiles(shape, edge):
        window, core = widened(tile, halo, shape)
        piece = ready or coded(answers.window(rows, window), answers.n_classes, fast=fast)
        into = None if confidence is None else confidence[tile]
        _draw_tile(piece, core, voting, label[tile], into, tally)
    for tile in tiles(shape, edge):
        tally.border += borders(label[followed(tile, shape)], tile, voting.classes)
    return tally


def borders(labels: Pixels, tile: Tile, classes: Ints) -> Ints:
    """(n_classes,): edges between a pixel of the class and one of another.

    ``labels`` may have one row and one column more than ``tile``: the seam to the next one.
    """
    found = np.zeros(len(classes), np.int64)
    for here, there in neighbours(labels, tile):
        edge = here != there
        if len(classes) <= 2:
            # Every edge is one of both.
            found += np.count_nonzero(edge)
            continue
        for side in (here, there):
            found += np.bincount(np.searchsorted(classes, side[edge]), minlength=len(classes))
    return found


def neighbours(labels: Pixels, tile: Tile) -> list[tuple[Pixels, Pixels]]:
    """Pixels and those below them, pixels and those to their right; each pair in one tile only."""
    height, width = (side.stop - side.start for side in tile)
    return [
        (labels[: labels.shape[0] - 1, :width], labels[1:, :width]),
        (labels[:height, : labels.shape[1] - 1], labels[:height, 1:]),
    ]


def _draw_tile(
    piece: Coded,
    core: Tile,
    voting: Voting,
    label: Pixels,
    confidence: Bytes | None,
    tally: Tally,
) -> None:
    """``label`` and ``confidence`` are those of the tile, ``piece`` reaches beyond it."""
    votes, classes, n_voices = piece.patterns.votes, voting.classes, int(voting.counted.sum())
    shares = voting.shares(votes)
    column = winner(shares)
    share = shares[np.arange(len(shares)), column]
    agreed = share > 1 - TIE
    sure = confidence_of(share, n_voices, agreed)
    inside = piece.cut(core)
    n = inside.patterns.count
    inside.spread(classes[column].astype(label.dtype), label)
    if confidence is not None:
        inside.spread(sure, confidence)
    if voting.sigma == 0 or agreed.all():
        tally.count(votes, column, n, n * sure, classes)
        tally.disputed += int(n[~agreed].sum())
        tally.disputed_certainty += int((n * sure)[~agreed].sum())
        return
    tally.count(votes[agreed], column[agreed], n[agreed], (n * sure)[agreed], classes)
    # Only where people disagree do the neighbours have a say: what all drew stays.
    at = inside.where(~agreed)
    column, best = _decided(piece, shares, core, at, voting.sigma)
    sure = confidence_of(best, n_voices, False)
    label[at] = classes[column].astype(label.dtype)
    if confidence is not None:
        confidence[at] = sure
    cell = piece.table(np.arange(len(votes)))[inside.code[at]] * len(classes) + column
    n = np.bincount(cell)
    # Sums of integers, exact in float64.
    certainty = np.bincount(cell, weights=sure).astype(np.int64)
    there = np.flatnonzero(n)
    pattern, column = there // len(classes), there % len(classes)
    tally.count(votes[pattern], column, n[there], certainty[there], classes)
    tally.disputed += int(n.sum())
    tally.disputed_certainty += int(certainty.sum())


def _decided(
    piece: Coded, shares: Floats, core: Tile, at: tuple[Ints, Ints], sigma: float
) -> tuple[Ints, Floats]:
    """The class (column) with the most smoothed votes at each pixel ``at``, and its share.

    A pixel gets a class that somebody gave it. Ties go to the class that comes first, the
    background before all.
    """
    row, at_column = at[0] + core[0].start, at[1] + core[1].start
    plane = np.empty(piece.code.shape, np.float32)
    if shares.shape[1] == 2:
        # Shares sum to 1, smoothed or not.
        piece.spread(shares[:, 1].astype(np.float32), plane)
        second = smoothed(plane, row, at_column, sigma, fast=piece.fast)
        column = (second > 0.5 + TIE / 2).astype(np.int64)
        return column, np.where(column == 1, second, 1 - second).astype(float)
    column = np.zeros(len(row), np.int64)
    best = np.full(len(row), -np.inf, np.float32)
    code = piece.code[row, at_column]
    for k in range(shares.shape[1]):
        some = np.flatnonzero(piece.table(shares[:, k] > 0)[code])
        piece.spread(shares[:, k].astype(np.float32), plane)
        found = smoothed(plane, row[some], at_column[some], sigma, fast=piece.fast)
        better = found > best[some] + np.float32(TIE)
        column[some[better]] = k
        best[some[better]] = found[better]
    return column, best.astype(float)

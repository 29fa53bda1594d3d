"""What matching and fusion ask of a kind of geometry; each kind is one file beside this one.

Matching needs how alike two marks are; fusion needs coordinates that can be averaged. All else is
written once for all kinds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


class Aligned(NamedTuple):
    """Coordinates of marks that correspond within each cluster.

    ``values``: (n_marks, n_values); in a cluster, column k means the same of every mark.
    ``scale``: (n_marks, n_scales), positive, the size that an error is measured against; column k
    of the values has column k % n_scales. ``reference``: (n_clusters,), the mark whose form the
    others were aligned to.
    """

    values: Floats
    scale: Floats
    reference: Codes


class Pairs(NamedTuple):
    """Marks with something alike: rows first < second, sorted by both; each (n_pairs,)."""

    first: Codes
    second: Codes
    similarity: Floats


NO_PAIRS = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


class Geometry(ABC):
    """Marks of one kind, as columns; never changed."""

    # How alike two marks of different labels may count at most. People who mistake the class still
    # mean the same object; 0 where the label says which object it is.
    other_label: float = 0.8
    # Whether ``aligned`` wants to know which marks are alike; tens of MB for nothing otherwise.
    needs_pairs: bool = True

    @abstractmethod
    def __len__(self) -> int:
        """The number of marks."""

    @abstractmethod
    def __getitem__(self, rows: Codes) -> Self:
        """The marks of these rows, in this order."""

    @abstractmethod
    def joined(self, *others: Self) -> Self:
        """These marks, and after them those of ``others``, all of one kind."""

    @abstractmethod
    def bounds(self) -> Floats:
        """(n_marks, 4): left, top, right, bottom; marks whose bounds are apart have nothing alike.

        Bounds that touch are not apart.
        """

    @abstractmethod
    def similarity(self, rows: Codes, other: Self, other_rows: Codes) -> Floats:
        """(n_pairs,): how alike marks ``rows`` of these and ``other_rows`` of others are, 0 to 1.

        Symmetric. Marks without extent may be like nothing, themselves included.
        """

    @abstractmethod
    def aligned(self, cluster: Codes, n_clusters: int, pairs: Pairs) -> Aligned:
        """The marks' coordinates, made to correspond within each cluster.

        ``cluster``: (n_marks,); each has one mark at least. ``pairs``: of marks of one cluster all
        that have something alike, others too; none unless ``needs_pairs``.
        """

    @abstractmethod
    def rebuilt(self, values: Floats, aligned: Aligned) -> Self:
        """Coordinates ``values``, (n_clusters, n_values), as ``aligned`` has them, as marks."""

    @property
    @abstractmethod
    def error_names(self) -> tuple[str, ...]:
        """What ``errors`` has in its columns."""

    def errors(self, relative: Floats) -> Floats:
        """(n_marks, n_errors): errors as ``error_names`` has them, over the object's size.

        ``relative``: (n_marks, n_values), those of ``Aligned.values`` over the scale.
        """
        return relative

    def order(self) -> tuple[Floats, ...]:
        """Keys, (n_marks,) each, that sort the marks, the last first as ``numpy.lexsort`` has it.

        Ties between marks go by it, so that nothing depends on who marked or when.
        """
        return tuple(self.bounds().T[::-1])


def checked(name: str, values: ArrayLike, columns: tuple[str, ...]) -> Floats:
    """(n, len(columns)) finite numbers, as float64."""
    array = np.asarray(values)
    if array.size == 0 and array.ndim < 2:
        array = array.reshape(0, len(columns))
    if array.ndim != 2 or array.shape[1] != len(columns):
        raise ValueError(
            f"{name} must have shape (n, {len(columns)}) with columns {', '.join(columns)}; "
            f"got {array.shape}."
        )
    if array.size and not (
        np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)
    ):
        raise ValueError(f"{name} must hold numbers; got {array.dtype}.")
    array = array.astype(np.float64)
    # Squares of larger numbers overflow; no picture is that large.
    wrong = np.argwhere(~(np.abs(array) <= 1e100))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ValueError(
            f"{name} must be finite and below 1e100; got {array[row, column]} at row {row}, "
            f"{columns[column]}. Leave the mark out or ask the annotator again."
        )
    return array


def check_not_negative(name: str, values: Floats, column: str) -> None:
    """Raise ValueError that names the first negative entry of (n,) ``values``."""
    wrong = np.flatnonzero(values < 0)
    if wrong.size:
        row = int(wrong[0])
        raise ValueError(
            f"{name} must have a {column} of at least 0; got {values[row]} at row {row}. "
            "Give the smaller corner first."
        )

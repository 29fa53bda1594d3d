"""COCO's run-length encoding of binary masks: counts down the columns, plain or as a string.

The runs are of 0, 1, 0, ... in column-major order; the first may have length 0. The string is that
of the COCO tools (maskApi.c): each count as a difference to the one before the last, five bits a
character, lowest first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64]
# Characters are these bits, a bit for "more follows", and 48 (the digit 0).
_BITS, _MORE, _SIGN, _ZERO = 5, 0x20, 0x10, 48
# No image has so many pixels, and a float still counts them.
_TOO_LONG = 2**53


def encode(mask: ArrayLike) -> list[int]:
    """The counts of ``mask``, (height, width); what is not 0 is the object.

    [] for no pixels. ValueError unless it has two dimensions.
    """
    pixels = np.asarray(mask)
    if pixels.ndim != 2:
        raise ValueError(f"mask must be (height, width); got shape {pixels.shape}.")
    flat = (pixels != 0).ravel(order="F")
    if flat.size == 0:
        return []
    change = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate(([0], change, [flat.size])))
    first: list[int] = [0] if flat[0] else []
    return first + [int(count) for count in counts]


def decode(counts: Sequence[int] | Counts, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width): the mask with ``counts``, (n_runs,). ValueError if they do not fill it."""
    runs = _checked(counts)
    # Python's sum: one of 64 bits could come round to the right number.
    total = sum(runs.tolist())
    if total != height * width:
        raise ValueError(
            f"counts must add up to height x width, {height} x {width} = {height * width}; "
            f"got {total}."
        )
    value = np.arange(len(runs)) % 2 == 1
    return np.repeat(value, runs).reshape((height, width), order="F")


def area(counts: Sequence[int] | Counts) -> int:
    """Pixels of the object with these ``counts``, (n_runs,). ValueError for what are no counts."""
    return int(_checked(counts)[1::2].sum())


def to_string(counts: Sequence[int] | Counts) -> str:
    """``counts``, (n_runs,), as COCO's compressed string. ValueError for what are no counts."""
    runs = _checked(counts).tolist()
    found = []
    for place, run in enumerate(runs):
        rest = run - runs[place - 2] if place > 2 else run
        while True:
            bits = rest & (_MORE - 1)
            rest >>= _BITS
            # The last character's sign bit says how the number goes on.
            more = rest != (-1 if bits & _SIGN else 0)
            found.append(chr((bits | _MORE if more else bits) + _ZERO))
            if not more:
                break
    return "".join(found)


def from_string(text: str | bytes) -> list[int]:
    """The counts of COCO's compressed string. Raises ValueError for anything else."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    counts: list[int] = []
    place = 0
    while place < len(data):
        value, shift = 0, 0
        start = place
        while True:
            if place == len(data):
                raise ValueError(f"counts must not end within a number; it begins at {start}.")
            bits = data[place] - _ZERO
            if not 0 <= bits < 2 * _MORE:
                raise ValueError(
                    f"counts must have characters from '0' to 'o'; got {chr(data[place])!r} "
                    f"at position {place}."
                )
            value |= (bits & (_MORE - 1)) << shift
            shift += _BITS
            place += 1
            if not bits & _MORE:
                break
        if bits & _SIGN:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        if counts[-1] < 0:
            raise ValueError(f"counts must not be negative; got {counts[-1]} at position {start}.")
    return counts


def _checked(counts: Sequence[int] | Counts) -> Counts:
    runs = np.asarray(counts if len(counts) else [], dtype=object)
    for place, run in enumerate(runs.tolist()):
        if not isinstance(run, int) or isinstance(run, bool) or not 0 <= run < _TOO_LONG:
            raise ValueError(
                f"counts must be whole numbers, 0 .. 2**53 - 1; got {run!r:.40} at position "
                f"{place}."
            )
    return runs.astype(np.int64)

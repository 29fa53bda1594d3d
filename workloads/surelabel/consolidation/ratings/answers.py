"""Ratings: answers that are one number each, checked and coded once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from surelabel.consolidation.answered import Answered
from surelabel.consolidation.checked import Codes, Floats, codes, finite, latest, same_length

_OFF_STEP = 1e-6
_LARGEST = 1e100


@dataclass(frozen=True)
class RatingAnswers(Answered):
    """Who rated what, and how: by item and annotator, at most one answer per pair.

    ``item``, ``annotator``, ``value``: (n_answers,). ``low``, ``high``: the ends of the scale.
    ``step``: the distance of neighbouring ratings, 0 where any number between the ends may be.
    """

    item: Codes
    annotator: Codes
    value: Floats
    n_items: int
    n_annotators: int
    low: float
    high: float
    step: float = 0.0
    # Whether the ends were told, and not taken from the answers.
    scale_told: tuple[bool, bool] = (False, False)

    @classmethod
    def of(
        cls,
        item: ArrayLike,
        annotator: ArrayLike,
        value: ArrayLike,
        n_items: int,
        n_annotators: int,
        *,
        low: float | None = None,
        high: float | None = None,
        step: float = 0.0,
    ) -> RatingAnswers:
        """Checked: codes from 0, answers in the order in which they came.

        Of an annotator's answers to one item the last counts. Without ``low`` or ``high`` the
        scale ends at the least or greatest answer. ValueError: a value that is not finite, outside
        the scale, or between two steps, and codes out of range.
        """
        i = codes("item", item, 0, n_items)
        a = codes("annotator", annotator, 0, n_annotators)
        x = finite("value", value)
        same_length(item=i, annotator=a, value=x)
        kept = latest(i, a, n_annotators)
        _check_size(x)
        least = float(x[kept].min(initial=np.inf)) if low is None else float(low)
        greatest = float(x[kept].max(initial=-np.inf)) if high is None else float(high)
        if not len(kept) and not np.isfinite([least, greatest]).all():
            least, greatest = 0.0, 0.0
        _check_scale(x, least, greatest, step)
        return cls(
            i[kept], a[kept], x[kept], n_items, n_annotators, least, greatest, float(step),
            (low is not None, high is not None),
        )  # fmt: skip

    @property
    def tolerance(self) -> float:
        """How far from the truth a label may be and count as right.

        Half a step, or a twentieth of the scale where there are no steps.
        """
        return self.step / 2 if self.step else (self.high - self.low) / 20

    @property
    def n_steps(self) -> int:
        """Different ratings that the scale has; 0 without steps."""
        return round((self.high - self.low) / self.step) + 1 if self.step else 0

    def per_item(self, values: Floats) -> Floats:
        """(n_items,): sums of ``values``, (n_answers,)."""
        return np.asarray(np.bincount(self.item, weights=values, minlength=self.n_items))

    def per_annotator(self, values: Floats) -> Floats:
        """(n_annotators,): sums of ``values``, (n_answers,)."""
        return np.asarray(np.bincount(self.annotator, weights=values, minlength=self.n_annotators))


def disagreement(first: float, second: float, low: float, high: float) -> float:
    """|first - second| over the length of the scale, 1 at most.

    Two missing ratings (nan) are equal (0), a missing and a given one are as far apart as can be.
    """
    if np.isnan(first) or np.isnan(second):
        return 0.0 if np.isnan(first) and np.isnan(second) else 1.0
    if first == second:
        return 0.0
    return min(abs(first - second) / (high - low), 1.0) if high > low else 1.0


def _check_size(x: Floats) -> None:
    large = np.flatnonzero(np.abs(x) > _LARGEST)
    if large.size:
        where = int(large[0])
        raise ValueError(
            f"value must lie within {-_LARGEST:g} .. {_LARGEST:g}, so that its square is a number; "
            f"got {x[where]:g} at position {where}. Give ratings in a larger unit."
        )


def _check_scale(x: Floats, low: float, high: float, step: float) -> None:
    if not (np.isfinite([low, high, step]).all() and low <= high and step >= 0):
        raise ValueError(
            f"low, high and step must be finite, low <= high and step >= 0; got {low}, {high} "
            f"and {step}."
        )
    outside = np.flatnonzero((x < low) | (x > high))
    if outside.size:
        where = int(outside[0])
        raise ValueError(
            f"value must lie in {low:g} .. {high:g}; got {x[where]:g} at position {where}. "
            "Set low and high to the ends of the scale."
        )
    if step:
        steps = np.append(x, high) - low
        off = np.flatnonzero(np.abs(steps - np.round(steps / step) * step) > _OFF_STEP * step)
        if off.size and off[0] == len(x):
            raise ValueError(f"high must be low and a number of steps of {step:g}; got {high:g}.")
        if off.size:
            where = int(off[0])
            raise ValueError(
                f"value must be {low:g} and a number of steps of {step:g}; got {x[where]:g} at "
                f"position {where}. Pass step=0 for ratings between steps."
            )

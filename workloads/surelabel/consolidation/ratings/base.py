"""What every algorithm for ratings shares: the result from a normal posterior per item."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from surelabel.consolidation.checked import Codes, Floats, aligned, instance
from surelabel.consolidation.fitted import Fitted
from surelabel.consolidation.ratings.answers import RatingAnswers
from surelabel.consolidation.ratings.result import RatingAnnotators, RatingResult

# Half the length of a 95 % interval, in standard deviations.
_INSIDE = 1.959964


class Judged(NamedTuple):
    """All (n_items,): the label, the ends of its interval, and the chance that it is right."""

    value: Floats
    low: Floats
    high: Floats
    confidence: Floats


class Gold(NamedTuple):
    """Items whose rating is known, and that rating; both (n_gold,)."""

    item: Codes
    value: Floats

    @classmethod
    def of(cls, gold: ArrayLike | None, answers: RatingAnswers) -> Gold:
        """``gold``: (n_items,), nan where it is not known; None: nowhere. ValueError where it lies
        outside a scale that was told."""
        n_items = answers.n_items
        values = np.full(n_items, np.nan) if gold is None else np.asarray(gold, np.float64)
        if values.shape != (n_items,) or np.isinf(values).any():
            raise ValueError(
                f"gold must have {n_items} finite entries (n_items), nan where the rating is not "
                f"known; got shape {values.shape}."
            )
        item = np.flatnonzero(~np.isnan(values))
        low, high = (
            end if told else far
            for end, told, far in zip(
                (answers.low, answers.high), answers.scale_told, (-np.inf, np.inf), strict=True
            )
        )
        outside = item[(values[item] < low) | (values[item] > high)]
        if outside.size:
            raise ValueError(
                f"gold must lie on the scale, {low:g} .. {high:g}; got {values[outside[0]]:g} for "
                f"item {outside[0]}. Correct it, or pass the low and high of the real scale."
            )
        return cls(item, values[item])

    def hold(self, values: Floats) -> Floats:
        """A copy of (n_items,) ``values`` with what is known."""
        held = values.copy()
        held[self.item] = self.value
        return held


class Learned(NamedTuple):
    """What was found: labels, annotators, iterations."""

    judged: Judged
    annotators: RatingAnnotators
    n_iter: int = 0
    converged: bool = True


class Rating(Fitted, ABC):
    """An algorithm for answers that are one number each.

    ``fit`` leaves the frozen result in ``result_``; ``value_``, ``confidence_``, ``annotators_``,
    ``n_iter_`` and ``converged_`` are its parts. A label is a number, so that there are no ties;
    but ``RoundedNormal`` chooses among steps.
    """

    result_: RatingResult

    @abstractmethod
    def _learn(self, answers: RatingAnswers, gold: Gold) -> Learned:
        """Labels and annotators from these answers."""

    @abstractmethod
    def _judge(self, answers: RatingAnswers, annotators: RatingAnnotators) -> Judged:
        """Labels by annotators that are known, each item by itself."""

    def fit(
        self,
        answers: RatingAnswers,
        *,
        frozen_annotators: RatingAnnotators | None = None,
        gold: ArrayLike | None = None,
    ) -> Self:
        """Rate every item.

        ``frozen_annotators``: take the annotators as they are there, and learn nothing from these
        answers. ``gold``: (n_items,), ratings that are known, nan elsewhere; they stand with a
        confidence of 1, and annotators are judged by them. ValueError for annotators that are not
        aligned with the codes, and for parameters out of range.
        """
        known = Gold.of(gold, answers)
        self.check_parameters()
        if frozen_annotators is not None:
            instance("frozen_annotators", frozen_annotators, RatingAnnotators)
            aligned(len(frozen_annotators.bias), answers.n_annotators)
            learned = Learned(self._judge(answers, frozen_annotators), frozen_annotators)
        else:
            learned = self._learn(answers, known)
        judged = learned.judged
        unknown = answers.n_answers == 0
        near = np.abs(
            answers.value - known.hold(judged.value)[answers.item]
        ) <= answers.tolerance * (1 + 1e-9)
        value, low, high = (known.hold(np.where(unknown, np.nan, column)) for column in judged[:3])
        confidence = np.where(unknown, np.nan, judged.confidence)
        confidence[known.item] = 1.0
        self.result_ = RatingResult(
            value=value,
            low=low,
            high=high,
            confidence=confidence,
            support=np.bincount(answers.item[near], minlength=answers.n_items),
            n_answers=answers.n_answers,
            annotators=learned.annotators,
            n_iter=learned.n_iter,
            converged=learned.converged,
        )
        return self

    def fit_predict(
        self,
        answers: RatingAnswers,
        *,
        frozen_annotators: RatingAnnotators | None = None,
        gold: ArrayLike | None = None,
    ) -> RatingResult:
        """``fit``, and its result."""
        return self.fit(answers, frozen_annotators=frozen_annotators, gold=gold).result_

    @property
    def value_(self) -> Floats:
        """(n_items,): the label of each item, nan where nobody answered."""
        return self.result_.value

    @property
    def confidence_(self) -> Floats:
        """(n_items,): the chance that it is right within the answers' tolerance."""
        return self.result_.confidence

    @property
    def annotators_(self) -> RatingAnnotators:
        """How each annotator rates."""
        return self.result_.annotators


def normal(answers: RatingAnswers, mean: Floats, deviation: Floats) -> Judged:
    """Labels where the truth is normal about ``mean``; kept to the scale and its steps."""
    value = np.clip(mean, answers.low, answers.high)
    if answers.step:
        # Halves go up, so that the same mean is the same label on every machine.
        steps = np.floor((value - answers.low) / answers.step + 0.5)
        value = np.minimum(answers.low + steps * answers.step, answers.high)
    spread = np.maximum(deviation, np.finfo(float).tiny)
    t = answers.tolerance

    # What the model puts beyond an end of the scale is at that end.
    above = np.where(value + t >= answers.high, 1.0, ndtr((value + t - mean) / spread))
    below = np.where(value - t <= answers.low, 0.0, ndtr((value - t - mean) / spread))
    return Judged(
        value,
        np.clip(mean - _INSIDE * deviation, answers.low, answers.high),
        np.clip(mean + _INSIDE * deviation, answers.low, answers.high),
        above - below,
    )

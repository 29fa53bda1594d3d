"""Pairwise preferences: each item is one comparison (a, b) that several people answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.checked import Codes, Floats, codes, same_length
from surelabel.consolidation.read_only import ReadOnlyArrays
from surelabel.consolidation.result import AnnotatorParameters

# The codes of a choice, in the order of ``CHOICES``.
A, B, TIE = 0, 1, 2
CHOICES = ("a", "b", "tie")


@dataclass(frozen=True)
class PreferenceAnswers:
    """Who preferred what: ``choices`` are answers of three classes (a, b, tie) to the items.

    ``first``, ``second``: (n_items,), the objects that stand as a and as b, coded from 0.
    """

    choices: Answers
    first: Codes
    second: Codes
    n_objects: int

    @classmethod
    def of(
        cls,
        item: ArrayLike,
        annotator: ArrayLike,
        choice: ArrayLike,
        n_items: int,
        n_annotators: int,
        *,
        first: ArrayLike | None = None,
        second: ArrayLike | None = None,
        n_objects: int | None = None,
    ) -> PreferenceAnswers:
        """Checked: codes from 0, answers in the order in which they came.

        ``choice``: 0 (a), 1 (b), 2 (tie), -1 an abstention. Of an annotator's answers to one item
        the last counts. Without ``first`` and ``second`` every item compares two objects of its
        own. ValueError: codes out of range, an object compared with itself.
        """
        choices = Answers.of(item, annotator, choice, n_items, n_annotators, len(CHOICES))
        if first is None or second is None:
            one = 2 * np.arange(n_items)
            return cls(choices, one, one + 1, 2 * n_items)
        n = int(max(np.max(first, initial=-1), np.max(second, initial=-1)) + 1)
        n = n if n_objects is None else n_objects
        a, b = codes("first", first, 0, n), codes("second", second, 0, n)
        same_length(first=a, second=b, items=np.empty(n_items, bool))
        same = np.flatnonzero(a == b)
        if same.size:
            raise ValueError(
                f"first and second must differ; got object {a[same[0]]} twice at position "
                f"{same[0]}. Leave the item out."
            )
        return cls(choices, a, b, n)

    @cached_property
    def votes(self) -> Floats:
        """(n_items, 3): how many chose a, b and tie."""
        return self.choices.votes


@dataclass(frozen=True)
class PreferenceResult(ReadOnlyArrays):
    """A choice per comparison, and a score per object.

    ``choice``: (n_items,), 0 (a), 1 (b) or 2 (tie), -1 where nobody answered. ``confidence``:
    (n_items,), the chance of that choice, nan there. ``posterior``: (n_items, 3). ``n_answers``:
    (n_items,), answers that counted. ``tied``:
    (n_items,), the choice was made among equals by the tie rule: more votes, then the commoner
    choice, then a hash. ``score``, ``score_error``: (n_objects,), strength on the logit scale (a
    lead of 1 wins e times as often as it loses), mean 0, and its standard error. ``ties``:
    Davidson's nu. ``annotators``: confusions of a, b and tie.
    """

    choice: Codes
    confidence: Floats
    posterior: Floats
    tied: NDArray[np.bool_]
    n_answers: Codes
    score: Floats
    score_error: Floats
    ties: float
    annotators: AnnotatorParameters
    n_iter: int
    converged: bool

    @property
    def position_bias(self) -> Floats:
        """(n_annotators,): see ``position_bias`` of this module."""
        return position_bias(self.annotators)

    @property
    def order(self) -> Codes:
        """(n_objects,): objects from the best on; equal scores in the order of their codes."""
        return np.argsort(-self.score, kind="stable")


def position_bias(annotators: AnnotatorParameters) -> Floats:
    """(n_annotators,): by how much the logit of "a" instead of "b" is raised, whatever is true.

    0: the same mistakes both ways. Above 0: leans to what stands first.
    """
    c = annotators.confusion
    return np.asarray(np.log(c[:, A, A] * c[:, B, A] / (c[:, A, B] * c[:, B, B])) / 2)


def disagreement(first: str | None, second: str | None) -> float:
    """0 for the same choice, 1 for a against b, 1/2 for a tie against either.

    Two missing answers are equal (0), a missing and a given one differ (1).
    """
    if first == second:
        return 0.0
    if first is None or second is None:
        return 1.0
    return 0.5 if "tie" in (first, second) else 1.0


def choice_codes(choices: Sequence[str]) -> Codes:
    """(n,): codes of "a", "b" and "tie"; ValueError for any other word."""
    position = {name: code for code, name in enumerate(CHOICES)}
    for place, choice in enumerate(choices):
        if choice not in position:
            raise ValueError(f'choice must be "a", "b" or "tie"; got {choice!r} at item {place}.')
    return np.array([position[choice] for choice in choices], np.int64)

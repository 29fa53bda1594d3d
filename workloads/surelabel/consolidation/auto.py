"""The default: hierarchical Dawid-Skene, and with it EBCC where the answers show that it fits.

In most crowds mistakes are an annotator's own, and a prior for each annotator pays. In some, many
annotators mistake the same items; there EBCC is better by far, elsewhere often worse. Which crowd
it is shows in the answers themselves: the model that foretells an annotator's answer from those
of the others describes the crowd better, and no truth is needed to see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.answers import Answers, thinned
from surelabel.consolidation.base import Classification, Gold, Learned
from surelabel.consolidation.confusion import e_step
from surelabel.consolidation.ebcc import EBCC, held_out
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene, damped
from surelabel.consolidation.result import AnnotatorParameters, Floats

# Standard errors by which EBCC must foretell answers better.
_EVIDENCE = 2.0
# EBCC's tables and its passes over the answers stay below seconds and some hundred MB.
_MAX_ANSWERS, _MAX_CELLS = 1_000_000, 4_000_000
# Of more items so many are looked at first, for so many turns: most crowds do not ask for EBCC.
_LOOK_ITEMS, _LOOK_TURNS = 20_000, 50


@dataclass
class Auto(Classification):
    """``max_iter``, ``tol``, ``class_prior``: of ``HierarchicalDawidSkene``.

    Above 1,000,000 answers, or 4,000,000 cells (annotators x classes^2 x 2), EBCC is not tried. Of
    more than 20,000 items it is tried on so many first, spread evenly over their numbers, and on
    all only where it is better there.
    Nor is it tried with a ``class_prior``, which it has no place for.
    Frozen annotators judge as ``HierarchicalDawidSkene`` does.
    """

    max_iter: int = 100
    tol: float = 1e-3
    class_prior: Sequence[float] | None = None

    def _learn(self, answers: Answers, gold: Gold, start: AnnotatorParameters | None) -> Learned:
        hierarchical = HierarchicalDawidSkene(self.max_iter, self.tol, class_prior=self.class_prior)
        learned = hierarchical._learn(answers, gold, start)
        annotators = learned.annotators
        if self.class_prior is not None or not _can_try(answers):
            return learned
        if not _is_promising(answers, gold, annotators):
            return learned
        evidence, correlated = _tried(answers, gold, annotators, EBCC())
        if evidence <= _EVIDENCE:
            return learned
        posterior = hierarchical._judge(answers, annotators)
        posterior += damped(correlated, answers.n_answers)
        return learned._replace(posterior=gold.clamp(posterior / 2))

    def _judge(self, answers: Answers, annotators: AnnotatorParameters) -> Floats:
        return HierarchicalDawidSkene()._judge(answers, annotators)


def _can_try(answers: Answers) -> bool:
    cells = answers.n_annotators * answers.n_classes**2 * EBCC().subtypes
    return 0 < len(answers.item) <= _MAX_ANSWERS and cells <= _MAX_CELLS


def _is_promising(answers: Answers, gold: Gold, annotators: AnnotatorParameters) -> bool:
    """Whether EBCC foretells better, be it little, on a part of many items after some turns."""
    rows = thinned(np.arange(answers.n_items), _LOOK_ITEMS)
    if rows.size == answers.n_items:
        return True
    some, known = answers.at_items(rows), gold.at_items(rows)
    return _tried(some, known, annotators, EBCC(max_iter=_LOOK_TURNS))[0] > 0


def _tried(
    answers: Answers, gold: Gold, annotators: AnnotatorParameters, ebcc: EBCC
) -> tuple[float, Floats]:
    """By how many standard errors EBCC foretells answers better, and its posterior."""
    model = gold.clamp(e_step(answers, annotators))
    correlated, state = ebcc.learn_from(answers, gold, annotators, model)
    assert correlated.posterior is not None
    gain = held_out(answers, state)
    gain -= HierarchicalDawidSkene().held_out(answers, annotators, model)
    return _evidence(answers, gold, gain), correlated.posterior


def _evidence(answers: Answers, gold: Gold, gain: Floats) -> float:
    """The sum of ``gain`` over its standard error; answers to one item are not independent.

    Only items count that somebody else answered too, and whose label is not known anyway.
    """
    telling = answers.n_answers > 1
    telling[gold.item] = False
    by_item = np.bincount(answers.item, weights=gain, minlength=answers.n_items)[telling]
    error = by_item.std() * np.sqrt(len(by_item)) if len(by_item) else 0.0
    return float(by_item.sum() / error) if error > 0 else 0.0

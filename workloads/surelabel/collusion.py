"""Pairs of annotators whose answers agree more than those of two people who look.

Two who look agree because both see the truth. What the others say of each item tells how likely it
is that the two agree; who agrees far more often than that, and far more than pairs usually do in
this crowd (items that deceive everybody let all pairs agree), copies or has copied. In a small
crowd a copy turns labels, by which the two are found right and the others wrong: so each is judged
in the crowd that the other has left, and whom a copy has made look bad is judged again once it
counts no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.stats import norm

from surelabel.consolidation.answers import Answers, Codes, clamped
from surelabel.consolidation.confusion import e_step, without_own_word
from surelabel.consolidation.hierarchical_dawid_skene import HierarchicalDawidSkene
from surelabel.consolidation.result import AnnotatorParameters, ConsolidationResult, Floats
from surelabel.crowd_without import Others, WholeCrowd

# Items that two must have in common to be compared.
_LEAST_COMMON = 20
# Chance of any false suspicion in a crowd without colluders, and the least excess that counts.
_RISK, _LEAST_EXCESS = 0.01, 0.1
_FEW_PAIRS = 5
# Pairs nearly as striking as the most striking one are no shadow of it.
_AS_STRIKING = 0.8


@dataclass(frozen=True)
class Pair:
    """Two annotators (codes, ``first`` < ``second``) who agree on ``agreed`` of ``common`` items
    where ``expected`` were likely."""

    first: int
    second: int
    common: int
    agreed: int
    expected: float


@dataclass(frozen=True)
class Voices:
    """Answers of which those of a suspicious pair to one item count once.

    ``pairs``: the most striking first; ties by code. ``answers``: those that count, and
    ``annotators`` by them. ``stands_for``: (n_annotations,), for each of all answers the position
    in ``answers`` of the one that counts: itself, or the other one's of its pair.
    """

    pairs: list[Pair]
    answers: Answers
    annotators: AnnotatorParameters
    stands_for: Codes

    def chance_right(self, answers: Answers) -> Floats:
        """(n_annotations,): chance that each of all ``answers`` is right, by the word of others.

        nan for an answer without another voice on its item.
        """
        own = self.stands_for
        posterior = e_step(self.answers, self.annotators)[answers.item]
        chances = self.annotators.chances(self.answers.annotator[own], self.answers.label[own])
        others = without_own_word(posterior, chances)
        right: Floats = others[np.arange(len(answers.item)), answers.label]
        return np.where(self.answers.n_answers[answers.item] > 1, right, np.nan)


def suspicious_pairs(
    answers: Answers, result: ConsolidationResult, known: Codes | None = None
) -> list[Pair]:
    """All pairs above the limit, the most striking first; ties by code.

    ``known``: (n_items,), labels that are known, -1 where none is.
    """
    return independent_voices(answers, result, known).pairs


def independent_voices(
    answers: Answers, result: ConsolidationResult, known: Codes | None = None
) -> Voices:
    """The answers with every copy counted once; all of them where nobody is suspicious.

    ``result``: these answers' consolidation. ``known``: (n_items,), labels that are known, -1 where
    none is.
    """
    gold = np.full(answers.n_items, -1, np.int64) if known is None else known
    rows = np.flatnonzero(gold >= 0)
    stands_for = np.arange(len(answers.item))
    found: list[Pair] = []
    left, annotators = answers, result.annotators
    while True:
        posterior = clamped(e_step(left, annotators), rows, gold[rows])
        striking = _striking(left, WholeCrowd(left, posterior, gold))
        if not striking:
            return Voices(found, left, annotators, stands_for)
        found += striking
        for pair in striking:
            left, stands_for = _counted_once(left, stands_for, pair)
        learned = HierarchicalDawidSkene().fit_predict(
            left.item, left.annotator, left.label, left.n_items, left.n_annotators, left.n_classes,
            gold=gold,
        )  # fmt: skip
        annotators = learned.annotators


def _counted_once(answers: Answers, stands_for: Codes, pair: Pair) -> tuple[Answers, Codes]:
    """Without the answers of one of the pair to their common items: his who has fewer answers."""
    keeps, goes = pair.first, pair.second
    if answers.by_annotator[goes] > answers.by_annotator[keeps]:
        keeps, goes = goes, keeps
    of_keeper = np.full(answers.n_items, -1, np.int64)
    rows = np.flatnonzero(answers.annotator == keeps)
    of_keeper[answers.item[rows]] = rows
    double = (answers.annotator == goes) & (of_keeper[answers.item] >= 0)
    moved = np.cumsum(~double) - 1
    place = np.where(double, moved[of_keeper[answers.item]], moved)
    kept = replace(
        answers,
        item=answers.item[~double],
        annotator=answers.annotator[~double],
        label=answers.label[~double],
    )
    return kept, place[stands_for]


def _striking(answers: Answers, crowd: WholeCrowd) -> list[Pair]:
    """The most striking pair and those nearly as striking, of nobody twice; [] for none."""
    judged = list(_judged(answers, crowd))
    if not judged:
        return []
    limit = norm.isf(_RISK / len(judged))
    beyond = np.array([score for _, score, _ in judged])
    share = np.array([excess for _, _, excess in judged])
    # What the whole crowd shares is no collusion; of few pairs there is no usual one.
    if len(judged) > _FEW_PAIRS:
        beyond, share = beyond - max(np.median(beyond), 0), share - max(np.median(share), 0)
    suspect = (beyond > limit) & (share > _LEAST_EXCESS)
    found: list[Pair] = []
    taken: set[int] = set()
    for place in sorted(np.flatnonzero(suspect), key=lambda place: (-beyond[place], place)):
        pair = judged[place][0]
        if found and beyond[place] < _AS_STRIKING * beyond[suspect].max():
            break
        if taken.isdisjoint((pair.first, pair.second)):
            found.append(pair)
            taken |= {pair.first, pair.second}
    return found


def _judged(answers: Answers, crowd: WholeCrowd) -> Iterator[tuple[Pair, float, float]]:
    """Each pair with enough in common, the standard errors by which it agrees too often, and the
    share; by code."""
    there = sparse.csr_matrix(
        (np.ones(len(answers.item)), (answers.item, answers.annotator)),
        shape=(answers.n_items, answers.n_annotators),
    )
    common = sparse.triu(there.T @ there, k=1).tocoo()
    kept = common.data >= _LEAST_COMMON
    pairs = sorted(zip(common.row[kept].tolist(), common.col[kept].tolist(), strict=True))
    partners: dict[int, list[int]] = {}
    for first, second in pairs:
        partners.setdefault(first, []).append(second)
        partners.setdefault(second, []).append(first)
    label = sparse.csr_matrix(
        (answers.label, answers.annotator, answers.starts),
        shape=(answers.n_items, answers.n_annotators),
    ).tocsc()
    tables: dict[tuple[int, int], Floats] = {}
    for who in sorted(partners):
        others = crowd.without(who)
        for partner in partners[who]:
            if partner > who:
                tables[partner, who] = others.table_of(partner)
            else:
                yield _compare(label, others, tables.pop((who, partner)), partner, who)


def _compare(
    label: sparse.csc_matrix, others: Others, table: Floats, first: int, second: int
) -> tuple[Pair, float, float]:
    """``others``: the crowd without ``second``; ``table``: his, in the crowd without ``first``."""
    one, other = _column(label, first), _column(label, second)
    items, mine, his = np.intersect1d(one[0], other[0], assume_unique=True, return_indices=True)
    a, b = one[1][mine], other[1][his]
    place = np.searchsorted(others.item, items)
    own = np.full(len(items), np.searchsorted(others.annotator, first))
    word = others.annotators.chances(own, a)
    both = replace(others.annotators, confusion=np.stack([others.table_of(first), table]))
    chance = without_own_word(others.posterior[place], word) @ both.same_answer(0, 1)
    agreed = int((a == b).sum())
    expected = float(chance.sum())
    error = float(np.sqrt(np.maximum((chance * (1 - chance)).sum(), 1.0)))
    excess = (agreed - expected) / len(items)
    return Pair(first, second, len(items), agreed, expected), (agreed - expected) / error, excess


def _column(label: sparse.csc_matrix, annotator: int) -> tuple[Codes, Codes]:
    """Items and labels of one annotator."""
    rows = slice(label.indptr[annotator], label.indptr[annotator + 1])
    return label.indices[rows], label.data[rows]

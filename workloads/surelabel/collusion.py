"""Pairs of annotators whose answers agree more than those of two people who look.

Two who look agree because both see the truth. What the others say of each item tells how likely it
is that the two agree; who agrees far more often than that, and far more than pairs usually do in
this crowd (items that deceive everybody let all pairs agree), copies or has copied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.stats import norm

from surelabel.consolidation.answers import Answers
from surelabel.consolidation.confusion import e_step, without_own_word
from surelabel.consolidation.result import ConsolidationResult, Floats

# Items that two must have in common to be compared.
_LEAST_COMMON = 20
# Chance of any false suspicion in a crowd without colluders, and the least excess that counts.
_RISK, _LEAST_EXCESS = 0.01, 0.1
_FEW_PAIRS = 5


@dataclass(frozen=True)
class Pair:
    """Two annotators (codes, ``first`` < ``second``) who agree on ``agreed`` of ``common`` items
    where ``expected`` were likely."""

    first: int
    second: int
    common: int
    agreed: int
    expected: float


def suspicious_pairs(answers: Answers, result: ConsolidationResult) -> list[Pair]:
    """All pairs above the limit, the most striking first; ties by code."""
    there = sparse.csr_matrix(
        (np.ones(len(answers.item)), (answers.item, answers.annotator)),
        shape=(answers.n_items, answers.n_annotators),
    )
    common = sparse.triu(there.T @ there, k=1).tocoo()
    kept = common.data >= _LEAST_COMMON
    starts = np.searchsorted(answers.item, np.arange(answers.n_items + 1))
    label = sparse.csr_matrix(
        (answers.label + 1, answers.annotator, starts),
        shape=(answers.n_items, answers.n_annotators),
    ).tocsc()
    posterior = e_step(answers, result.annotators)
    pairs, scores, excesses = [], [], []
    for first, second in zip(common.row[kept], common.col[kept], strict=True):
        pair, score, excess = _compare(result, posterior, label, int(first), int(second))
        pairs.append(pair)
        scores.append(score)
        excesses.append(excess)
    if not pairs:
        return []
    limit = norm.isf(_RISK / len(pairs))
    beyond, share = np.array(scores), np.array(excesses)
    # What the whole crowd shares is no collusion; of few pairs there is no usual one.
    if len(pairs) > _FEW_PAIRS:
        beyond, share = beyond - max(np.median(beyond), 0), share - max(np.median(share), 0)
    striking = (beyond > limit) & (share > _LEAST_EXCESS)
    order = np.argsort(-beyond, kind="stable")
    return [pairs[place] for place in order if striking[place]]


def _compare(
    result: ConsolidationResult,
    posterior: Floats,
    label: sparse.csc_matrix,
    first: int,
    second: int,
) -> tuple[Pair, float, float]:
    """The pair, the standard errors by which it agrees too often, and the share."""
    one, other = label[:, first], label[:, second]
    items = np.intersect1d(one.indices, other.indices, assume_unique=True)
    a = np.asarray(one[items].todense()).ravel().astype(np.int64) - 1
    b = np.asarray(other[items].todense()).ravel().astype(np.int64) - 1
    annotators = result.annotators
    their_word = annotators.chances(np.full(len(a), first), a)
    their_word *= annotators.chances(np.full(len(b), second), b)
    chance = without_own_word(posterior[items], their_word) @ annotators.same_answer(first, second)
    agreed = int((a == b).sum())
    expected = float(chance.sum())
    error = float(np.sqrt(np.maximum((chance * (1 - chance)).sum(), 1.0)))
    excess = (agreed - expected) / len(items)
    return Pair(first, second, len(items), agreed, expected), (agreed - expected) / error, excess

"""The answer that is nearest to all others, so a text that somebody wrote as it stands.

The smallest average distance of A. Braylan and M. Lease, "Modeling and Aggregation of Complex
Annotations via Annotation Distances", WWW 2020, doi:10.1145/3366423.3380250, with annotators
weighed by their error rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.texts.answers import TextAnswers
from surelabel.consolidation.texts.base import Found, Text
from surelabel.consolidation.texts.edit_distance import pair_distances


@dataclass
class ClosestToCentre(Text):
    """Least mean normalised edit distance, each annotator by weight; ties: more votes, then the
    alphabet. The chance of a text: each edit from it to an answer counts as one mistake of its
    annotator, among the texts that were written, and that one of these is right at all.
    """

    max_iter: int = 5

    def _texts(self, answers: TextAnswers, weight: Floats) -> list[Found | None]:
        centres = central_answers(answers, weight)
        found: list[Found | None] = []
        for rows, edits, best in centres:
            if not len(rows):
                found.append(None)
                continue
            own = weight[rows]
            evidence = -(edits * own).sum(axis=1)
            # Answers of one text are one text: each stands for its share.
            texts = [answers.tokens[row] for row in rows.tolist()]
            same = np.array([texts.count(each) for each in texts])
            shares = softmax(evidence - np.log(same))
            right = 1 / (1 + np.exp(-own))
            length = np.maximum(answers.lengths[rows], 1)
            somebody = 1 - np.prod(1 - right**length)
            chance = float(shares[best] * same[best] * somebody)
            tokens = texts[best]
            each_token = np.full(len(tokens), chance ** (1 / max(len(tokens), 1)))
            found.append(Found(tokens, each_token, chance))
        return found


@dataclass
class MajorityVote(Text):
    """The text that most wrote, to the letter; ties: the one nearest to all answers.

    Its share of the answers is the confidence.
    """

    max_iter: int = 1

    def _texts(self, answers: TextAnswers, weight: Floats) -> list[Found | None]:
        found: list[Found | None] = []
        for rows, edits, _ in central_answers(answers, np.ones(len(weight))):
            if not len(rows):
                found.append(None)
                continue
            texts = [answers.tokens[row] for row in rows.tolist()]
            votes = np.array([texts.count(each) for each in texts])
            best = int(np.lexsort((edits.sum(axis=1), -votes))[0])
            share = float(votes[best] / len(rows))
            found.append(Found(texts[best], np.full(len(texts[best]), share), share))
        return found


def central_answers(answers: TextAnswers, weight: Floats) -> list[tuple[Codes, Floats, int]]:
    """Per item its answers (rows), their edit distances (n, n), and which is nearest to all."""
    codes, starts = answers.coded
    firsts, seconds = [], []
    for rows in answers.rows:
        one, other = np.triu_indices(len(rows), 1)
        firsts.append(rows[one])
        seconds.append(rows[other])
    first = np.concatenate([*firsts, np.empty(0, np.int64)])
    second = np.concatenate([*seconds, np.empty(0, np.int64)])
    all_edits = pair_distances(codes, starts, first, second)
    found, at = [], 0
    for rows in answers.rows:
        n = len(rows)
        one, other = np.triu_indices(n, 1)
        edits = np.zeros((n, n))
        edits[one, other] = edits[other, one] = all_edits[at : at + len(one)]
        at += len(one)
        length = answers.lengths[rows]
        longer = np.maximum(np.maximum(length[:, None], length[None, :]), 1)
        far = (edits / longer) @ weight[rows]
        votes = (edits == 0).sum(axis=1)
        # Rows are in the order of the alphabet, and the sort is stable.
        best = int(np.lexsort((-votes, np.round(far, 9)))[0]) if n else -1
        found.append((rows, edits, best))
    return found

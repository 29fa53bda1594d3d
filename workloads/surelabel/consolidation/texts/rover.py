"""ROVER: answers are laid over each other token by token, and each place is put to the vote.

J. G. Fiscus, "A Post-Processing System to Yield Reduced Word Error Rates: Recognizer Output Voting
Error Reduction (ROVER)", 1997, doi:10.1109/ASRU.1997.659110. Begun with the answer nearest to all
others, then the next nearest, so that the order of annotators does not matter. A place is dropped
where leaving it out has most votes. Votes weigh the log odds that a token of their annotator's is
right, and that sum is the confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surelabel.consolidation.checked import Floats
from surelabel.consolidation.texts.answers import TextAnswers, Tokens
from surelabel.consolidation.texts.base import Found, Text
from surelabel.consolidation.texts.closest_to_centre import central_answers

# A place: what each token, or nothing (None), weighs there.
Place = dict[str | None, float]


@dataclass
class Rover(Text):
    """Ties at a place: the token that came first, from the answer nearest to all others."""

    max_iter: int = 5

    def _texts(self, answers: TextAnswers, weight: Floats) -> list[Found | None]:
        found: list[Found | None] = []
        for rows, edits, _ in central_answers(answers, weight):
            if not len(rows):
                found.append(None)
                continue
            far = np.round(edits @ weight[rows], 9)
            order = rows[np.argsort(far, kind="stable")].tolist()
            texts = [answers.tokens[row] for row in order]
            found.append(_vote(lay_over(texts, weight[order]), float(weight[order].sum())))
        return found


def lay_over(texts: list[Tokens], weight: Floats) -> list[Place]:
    """The places of all texts together, each added to those before it."""
    places: list[Place] = [{token: float(weight[0])} for token in texts[0]]
    total = float(weight[0])
    for tokens, own in zip(texts[1:], weight[1:].tolist(), strict=True):
        places = _added(places, tokens, own, total)
        total += own
    return places


def _added(places: list[Place], tokens: Tokens, own: float, total: float) -> list[Place]:
    merged: list[Place] = []
    for place, token in _alignment(places, tokens, total):
        # Whoever has no token here says that there is none.
        kept: Place = {None: total} if place is None else dict(places[place])
        said = None if token is None else tokens[token]
        kept[said] = kept.get(said, 0.0) + own
        merged.append(kept)
    return merged


def _alignment(
    places: list[Place], tokens: Tokens, total: float
) -> list[tuple[int | None, int | None]]:
    """Pairs (place, token) from left to right, None where one of them has no counterpart.

    A token costs what does not agree with it at its place, a place without one what does not agree
    with nothing, a token without a place 1. Of equal costs a pair goes before a place alone, and
    that before a token alone. Memory is that of one table, places times tokens.
    """
    n, m = len(places), len(tokens)
    where: dict[str, list[int]] = {}
    for column, token in enumerate(tokens):
        where.setdefault(token, []).append(column)
    alone = [1 - place.get(None, 0.0) / total for place in places]
    steps = np.arange(m + 1.0)
    cost = np.empty((n + 1, m + 1))
    cost[0] = steps
    for row, place in enumerate(places):
        meet = np.ones(m)
        for said, weight in place.items():
            if said is not None and said in where:
                meet[where[said]] -= weight / total
        best = cost[row] + alone[row]
        best[1:] = np.minimum(best[1:], cost[row, :-1] + meet)
        # The cheapest way along a row of tokens alone, each of cost 1.
        cost[row + 1] = np.minimum.accumulate(best - steps) + steps
    found: list[tuple[int | None, int | None]] = []
    row, column = n, m
    while row or column:
        here = cost[row, column] + 1e-9
        meeting = np.inf
        if row and column:
            shared = places[row - 1].get(tokens[column - 1], 0.0) / total
            meeting = cost[row - 1, column - 1] + 1 - shared
        if meeting <= here:
            row, column = row - 1, column - 1
            found.append((row, column))
        elif row and cost[row - 1, column] + alone[row - 1] <= here:
            row -= 1
            found.append((row, None))
        else:
            column -= 1
            found.append((None, column))
    return found[::-1]


def _vote(places: list[Place], total: float) -> Found:
    tokens: list[str] = []
    chances: list[float] = []
    whole = 0.0
    for place in places:
        chosen = max(place, key=lambda token: round(place[token], 9))
        chance = _chance(place, chosen)
        whole += np.log(chance)
        if chosen is not None:
            tokens.append(chosen)
            chances.append(chance)
    if not places:
        # Everybody says that there is nothing.
        whole = np.log(_chance({None: total}, None))
    return Found(tuple(tokens), np.array(chances), float(np.exp(whole)))


def _chance(place: Place, chosen: str | None) -> float:
    """Of ``chosen`` among what was said, and something that nobody said."""
    best = max(*place.values(), 0.0)
    total = sum(np.exp(weight - best) for weight in place.values()) + np.exp(-best)
    return float(np.exp(place[chosen] - best) / total)

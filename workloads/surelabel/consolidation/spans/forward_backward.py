"""What annotators' tags say about each unit, and the chances of all true tags given them.

Each step has a formulation in NumPy over all sequences at once, for small input, and a compiled
loop for large input (``forward_backward_kernels``); they agree to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from surelabel.consolidation.checked import Codes, Floats
from surelabel.consolidation.spans.sequences import Sequences
from surelabel.consolidation.spans.units import ranges

# From so many tags of annotators on, importing the compiled loops pays.
_COMPILE_FROM = 200_000
_TIE = 1e-9
NEVER = -1e30


class Posterior(NamedTuple):
    """Of every unit, given all that was said about its sequence.

    ``alpha`` and ``beta``: (n_units, n_tags), scaled so that their product is the chance of each
    tag; ``scale``: (n_units,). ``likelihood``: (n_units, n_tags), what forward-backward was given.
    ``pairs``: (n_tags, n_tags), expected transitions.
    """

    alpha: Floats
    beta: Floats
    scale: Floats
    likelihood: Floats
    pairs: Floats

    @property
    def tags(self) -> Floats:
        """(n_units, n_tags): the chance of each tag, rows sum to 1."""
        return self.alpha * self.beta


@dataclass(frozen=True)
class Lattice:
    """Sequences, and whether they are worth the compiled loops (None: decided by their size)."""

    sequences: Sequences
    compiled: bool | None = None

    @property
    def n_units(self) -> int:
        """Units of all sequences."""
        return len(self.sequences.start)

    @cached_property
    def begins(self) -> NDArray[np.bool_]:
        """(n_units,): the unit begins a sequence."""
        begins = np.zeros(self.n_units, dtype=bool)
        begins[self.sequences.first[:-1][self.sequences.length > 0]] = True
        return begins

    def emissions(self, log_emission: Floats) -> Floats:
        """(n_units, n_tags): sum over annotators of log P(own tag | own before, true tag).

        ``log_emission[a, before, own, true]``.
        """
        out = np.zeros((self.n_units, log_emission.shape[-1]))
        if self.is_compiled:
            self._kernels.emissions(*self._readings, np.ascontiguousarray(log_emission), out)
            return out
        unit, cell = self._cells
        table = log_emission.reshape(-1, log_emission.shape[-1])
        for tag in range(out.shape[1]):
            out[:, tag] = np.bincount(unit, table[cell, tag], minlength=self.n_units)
        return out

    def count(self, posterior: Floats) -> Floats:
        """Expected counts [a, before, own, true] of what everybody said."""
        s = self.sequences
        n_tags = posterior.shape[1]
        shape = (s.n_annotators, n_tags, n_tags, n_tags)
        if self.is_compiled:
            out = np.zeros(shape)
            self._kernels.count(*self._readings, np.ascontiguousarray(posterior), out)
            return out
        unit, cell = self._cells
        n_cells = s.n_annotators * n_tags * n_tags
        columns = [
            np.bincount(cell, posterior[unit, tag], minlength=n_cells) for tag in range(n_tags)
        ]
        return np.stack(columns, axis=1).reshape(shape).astype(np.float64)

    def forward_backward(
        self, log_likelihood: Floats, initial: Floats, transition: Floats
    ) -> Posterior:
        """The chances of all true tags; ``initial`` and ``transition`` need not sum to 1."""
        top = log_likelihood.max(axis=1, keepdims=True, initial=NEVER)
        likelihood = np.exp(log_likelihood - top)
        shape = likelihood.shape
        found = Posterior(
            np.zeros(shape),
            np.ones(shape),
            np.ones(shape[0]),
            likelihood,
            np.zeros((shape[1],) * 2),
        )
        if self.is_compiled:
            self._kernels.forward_backward(
                self.sequences.first, likelihood, initial, transition,
                found.alpha, found.beta, found.scale, found.pairs,
            )  # fmt: skip
            return found
        columns = self._columns
        # Column after column, so that every step reads and writes slices.
        order = np.concatenate([*columns, np.empty(0, np.int64)])
        size = [len(units) for units in columns]
        ends = np.cumsum([0, *size]).tolist()
        here = [slice(end, end + n) for end, n in zip(ends, size, strict=False)]
        # Where the units before those of each column lie: longer sequences come first.
        prior = [slice(end, end + n) for end, n in zip(ends, size[1:], strict=False)]
        likely, alpha, beta = likelihood[order], np.empty(shape), np.ones(shape)
        scale, after = np.empty((shape[0], 1)), np.empty(shape)
        for step, now in enumerate(here):
            reach = alpha[prior[step - 1]] @ transition if step else initial
            np.multiply(reach, likely[now], out=alpha[now])
            alpha[now].sum(axis=1, keepdims=True, out=scale[now])
            alpha[now] /= scale[now]
        likely /= scale
        for now, before in zip(here[:0:-1], prior[::-1], strict=True):
            np.multiply(likely[now], beta[now], out=after[now])
            np.matmul(after[now], transition.T, out=beta[before])
        if len(columns) > 1:
            earlier = np.concatenate([alpha[before] for before in prior])
            found.pairs[:] = transition * (earlier.T @ after[size[0] :])
        found.alpha[order], found.beta[order], found.scale[order] = alpha, beta, scale[:, 0]
        return found

    def log_chance(self, log_likelihood: Floats, initial: Floats, transition: Floats) -> Floats:
        """(n_sequences,): log of the chance of all that was said about each; 0 without units.

        ``log_likelihood``: (n_units, n_tags); ``initial`` and ``transition`` need not sum to 1.
        """
        scale = self.forward_backward(log_likelihood, initial, transition).scale
        of_unit = np.log(scale) + log_likelihood.max(axis=1, initial=NEVER)
        total = np.concatenate(([0.0], np.cumsum(of_unit)))
        return np.diff(total[self.sequences.first])

    def viterbi(self, log_likelihood: Floats, log_initial: Floats, log_transition: Floats) -> Codes:
        """(n_units,): the likeliest tags of each sequence; of equals the lower tag."""
        if self.is_compiled:
            back = np.zeros(log_likelihood.shape, np.uint16)
            fast = np.zeros(self.n_units, np.uint16)
            self._kernels.viterbi(
                self.sequences.first, log_likelihood, log_initial, log_transition, _TIE, back, fast
            )
            return fast.astype(np.int64)
        origin = np.zeros(log_likelihood.shape, np.int64)
        score = np.zeros(log_likelihood.shape)
        for step, unit in enumerate(self._columns):
            if step:
                reach = score[unit - 1][:, :, None] + log_transition
                origin[unit] = _first_best(reach, axis=1)
                best = np.take_along_axis(reach, origin[unit][:, None], axis=1)[:, 0]
            else:
                best = np.broadcast_to(log_initial, (len(unit), len(log_initial)))
            score[unit] = best + log_likelihood[unit]
        path = np.zeros(self.n_units, np.int64)
        last = self.sequences.first[1:][self.sequences.length > 0] - 1
        path[last] = _first_best(score[last], axis=1)
        for unit in self._columns[:0:-1]:
            path[unit - 1] = origin[unit, path[unit]]
        return path

    @cached_property
    def is_compiled(self) -> bool:
        """Whether the compiled loops are taken."""
        if self.compiled is not None:
            return self.compiled
        return len(self.sequences.tags) >= _COMPILE_FROM

    @cached_property
    def _kernels(self):  # type: ignore[no-untyped-def]
        from surelabel.consolidation.spans import forward_backward_kernels

        return forward_backward_kernels

    @cached_property
    def _readings(self) -> tuple[NDArray[np.integer], ...]:
        s = self.sequences
        of = np.searchsorted(s.sequence, np.arange(len(s.item) + 1))
        return s.first, of, s.annotator, s.place, s.tags

    @property
    def said(self) -> tuple[Codes, Codes]:
        """The unit and the tag of everything that an annotator said."""
        s = self.sequences
        return ranges(s.first[s.sequence], s.length[s.sequence]), s.tags.astype(np.int64)

    @cached_property
    def _cells(self) -> tuple[Codes, Codes]:
        """Of each tag that somebody gave: the unit, and the row of (annotator, before, own)."""
        s = self.sequences
        unit, own = self.said
        length = s.length[s.sequence]
        before = np.concatenate(([0], own[:-1])) if len(own) else own
        before[s.place[length > 0]] = 0
        who = np.repeat(s.annotator, length)
        return unit, (who * s.n_tags + before) * s.n_tags + own

    @cached_property
    def _columns(self) -> list[Codes]:
        """The first units of all sequences, then their second ones, ..."""
        s = self.sequences
        order = np.argsort(-s.length, kind="stable")
        first, length = s.first[:-1][order], s.length[order]
        longest = int(length[0]) if len(length) else 0
        n_longer = np.searchsorted(-length, -np.arange(longest), side="left")
        return [first[:n] + step for step, n in enumerate(n_longer.tolist())]


def _first_best(score: Floats, axis: int) -> Codes:
    """Place of the best, of equals (within the tolerance) the first."""
    best = score.max(axis=axis, keepdims=True)
    return np.asarray((score >= best - _TIE).argmax(axis=axis))

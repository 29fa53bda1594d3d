"""Tags along sequences: a linear-chain conditional random field on sparse features.

J. Lafferty, A. McCallum and F. Pereira, "Conditional Random Fields", ICML 2001. All sequences go
forward and backward together, in probabilities that are scaled at each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from surelabel.models.files import packed, unpacked

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FORMAT = "Chain 1"
# Gaussian prior of the weights (one over its variance).
_L2 = 1.0
_MAX_ITER = 40
# A step that may not be, such as into the middle of an entity; finite, so that gradients are.
FORBIDDEN = -40.0


@dataclass(frozen=True)
class Order:
    """Positions of all sequences, first those that stand first, longest sequence first.

    So the sequences that still go on at a step lie side by side. ``token``: (n,), the position
    in the given order; ``start``: (n_steps + 1,), where each step begins; ``sequence``: (n,).
    """

    token: Ints
    start: Ints
    sequence: Ints

    @classmethod
    def of(cls, length: Ints) -> Order:
        """``length``: (n_sequences,), also 0."""
        by_length = np.argsort(-length, kind="stable")
        step = np.concatenate([np.arange(n) for n in length]) if len(length) else np.empty(0)
        sequence = np.repeat(np.arange(len(length)), length)
        rank = np.empty(len(length), np.int64)
        rank[by_length] = np.arange(len(length))
        token = np.lexsort((rank[sequence], step)).astype(np.int64)
        counts = np.bincount(step.astype(np.int64), minlength=int(length.max(initial=0)))
        start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return cls(token, start, sequence[token])

    def steps(self) -> Iterator[tuple[int, int]]:
        """Where each step begins and ends."""
        yield from zip(self.start[:-1].tolist(), self.start[1:].tolist(), strict=True)


@dataclass(frozen=True)
class Chain:
    """``column``: (n_used,), features that have weights; ``weight``: (n_used, n_tags);
    ``transition``: (n_tags, n_tags), from the tag before; ``initial``: (n_tags,)."""

    column: Ints
    weight: Floats
    transition: Floats
    initial: Floats

    def emission(self, features: sparse.csr_matrix) -> Floats:
        """(n_tokens, n_tags): what each token alone says for each tag."""
        return np.asarray(features[:, self.column] @ self.weight, np.float64)

    def save(self) -> bytes:
        """A file that ``load`` reads without executing code; equal models give equal bytes."""
        return packed({"format": _FORMAT, **self.__dict__})


def load(data: bytes) -> Chain:
    """What ``Chain.save`` wrote; ModelFileError."""
    content = unpacked(data, _FORMAT)
    return Chain(*(np.asarray(content[name]) for name in Chain.__dataclass_fields__))


@dataclass(frozen=True)
class Passed:
    """What going forward and backward found, in the order of ``Order``.

    ``alpha``, ``beta``: (n, n_tags), scaled. ``log_z``: the sum over all sequences.
    """

    alpha: Floats
    beta: Floats
    local: Floats
    log_z: float

    @property
    def marginal(self) -> Floats:
        """(n, n_tags): the chance of each tag."""
        both = self.alpha * self.beta
        return np.asarray(both / both.sum(axis=1, keepdims=True))


def forward_backward(emission: Floats, order: Order, initial: Floats, step: Floats) -> Passed:
    """``emission``: in the order of ``order``; ``step``: exponentials of the transitions."""
    top = emission.max(axis=1, initial=FORBIDDEN, keepdims=True)
    local = np.exp(emission - top)
    alpha, beta = np.empty_like(local), np.ones_like(local)
    log_z = float(top.sum())
    before = slice(0, 0)
    for begin, end in order.steps():
        now = slice(begin, end)
        if begin == 0:
            here = np.exp(initial) * local[now]
        else:
            here = (alpha[before][: end - begin] @ step) * local[now]
        scale = here.sum(axis=1, keepdims=True)
        alpha[now] = here / scale
        log_z += float(np.log(scale).sum())
        before = now
    spans = list(order.steps())
    for (begin, _), (next_begin, next_end) in zip(spans[-2::-1], spans[:0:-1], strict=True):
        n = next_end - next_begin
        here = (local[next_begin:next_end] * beta[next_begin:next_end]) @ step.T
        beta[begin : begin + n] = here / here.sum(axis=1, keepdims=True)
    return Passed(alpha, beta, local, log_z)


def fit(features: sparse.csr_matrix, tag: Ints, length: Ints, allowed: NDArray[np.bool_]) -> Chain:
    """The chain that fits the tags best, under a Gaussian prior.

    ``features``: (n_tokens, n_features), all sequences one after the other; ``tag``: (n_tokens,);
    ``length``: of each sequence; ``allowed``: (1 + n_tags, n_tags), which tag may follow which, in
    the first row which may come first.
    """
    n_tags = allowed.shape[1]
    order = Order.of(length)
    column = np.unique(features.indices).astype(np.int64)
    used = sparse.csr_matrix(features[:, column][order.token], dtype=np.float64)
    transposed = used.T.tocsr()
    one_hot = np.zeros((len(tag), n_tags))
    one_hot[np.arange(len(tag)), tag[order.token]] = 1
    forbidden = np.where(allowed, 0.0, FORBIDDEN)
    pairs = [(slice(b, b + (f - e)), slice(e, f)) for (b, e), (_, f) in _neighbours(order)]
    seen = np.zeros((n_tags, n_tags))
    for first, second in pairs:
        seen += one_hot[first].T @ one_hot[second]
    first_step = slice(0, int(order.start[1]) if len(order.start) > 1 else 0)
    n_weights = len(column) * n_tags

    def unpack(theta: Floats) -> Chain:
        rest = theta[n_weights:].reshape(n_tags + 1, n_tags) + forbidden
        return Chain(column, theta[:n_weights].reshape(-1, n_tags), rest[1:], rest[0])

    def loss(theta: Floats) -> tuple[float, Floats]:
        chain = unpack(theta)
        emission = used @ chain.weight
        step = np.exp(chain.transition)
        passed = forward_backward(emission, order, chain.initial, step)
        marginal = passed.marginal
        expected = np.zeros((n_tags, n_tags))
        for first, second in pairs:
            after = passed.local[second] * passed.beta[second]
            whole = ((passed.alpha[first] @ step) * after).sum(axis=1, keepdims=True)
            expected += (passed.alpha[first] / whole).T @ after
        expected *= step
        score = (
            float((emission * one_hot).sum())
            + float((chain.transition * seen).sum())
            + float((one_hot[first_step] @ chain.initial).sum())
        )
        gap = marginal - one_hot
        gradient = np.concatenate(
            (
                (transposed @ gap).ravel(),
                gap[first_step].sum(axis=0),
                (expected - seen).ravel(),
            )
        )
        return passed.log_z - score + _L2 / 2 * float(theta @ theta), gradient + _L2 * theta

    found = optimize.minimize(
        loss,
        np.zeros(n_weights + n_tags * (n_tags + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MAX_ITER},
    )
    return unpack(np.asarray(found.x))


def _neighbours(order: Order) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    yield from pairwise(order.steps())


def best_path(chain: Chain, emission: Floats, length: Ints) -> tuple[Ints, Floats]:
    """(n_tokens,): the likeliest tags of each sequence as a whole; (n_sequences,): their chance."""
    order = Order.of(length)
    ordered = emission[order.token]
    best = np.empty_like(ordered)
    came = np.zeros(ordered.shape, np.int64)
    spans = list(order.steps())
    for place, (begin, end) in enumerate(spans):
        if place == 0:
            best[begin:end] = chain.initial + ordered[begin:end]
            continue
        last = spans[place - 1][0]
        through = best[last : last + end - begin, :, None] + chain.transition
        came[begin:end] = through.argmax(axis=1)
        best[begin:end] = through.max(axis=1) + ordered[begin:end]
    tag = np.empty(len(order.token), np.int64)
    top = np.zeros(len(length))
    following = 0
    for place in range(len(spans) - 1, -1, -1):
        begin, end = spans[place]
        # Those that end here are the shorter ones, which stand behind.
        tag[begin + following : end] = best[begin + following : end].argmax(axis=1)
        top[order.sequence[begin + following : end]] = best[begin + following : end].max(axis=1)
        if place + 1 < len(spans):
            after = spans[place + 1]
            rows = np.arange(after[0], after[1])
            tag[begin : begin + following] = came[rows, tag[rows]]
        following = end - begin
    found = np.empty_like(tag)
    found[order.token] = tag
    return found, np.exp(np.minimum(top - _log_z(chain, ordered, order, len(length)), 0.0))


def _log_z(chain: Chain, ordered: Floats, order: Order, n_sequences: int) -> Floats:
    """(n_sequences,): log of the sum over all paths; 0 for empty ones."""
    found = np.zeros(n_sequences)
    step = np.exp(chain.transition)
    top = ordered.max(axis=1, initial=FORBIDDEN, keepdims=True)
    before: Floats | None = None
    for begin, end in order.steps():
        local = np.exp(ordered[begin:end] - top[begin:end])
        mass = np.exp(chain.initial) if before is None else before[: end - begin] @ step
        here = mass * local
        scale = here.sum(axis=1, keepdims=True)
        found[order.sequence[begin:end]] += (np.log(scale) + top[begin:end])[:, 0]
        before = here / scale
    return found


def sample_paths(chain: Chain, emission: Floats, length: Ints, mark: Floats) -> Ints:
    """(n, n_tokens): n ways to tag all sequences, as probable as the chain has them.

    ``mark``: (n, n_tokens), uniform in [0, 1): what decides each tag.
    """
    order = Order.of(length)
    ordered = emission[order.token]
    passed = forward_backward(ordered, order, chain.initial, np.exp(chain.transition))
    step = np.exp(chain.transition)
    n = len(mark)
    mark = mark[:, order.token]
    drawn = np.empty(mark.shape, np.int64)
    spans = list(order.steps())
    following = 0
    for place in range(len(spans) - 1, -1, -1):
        begin, end = spans[place]
        weight = np.broadcast_to(passed.alpha[begin:end], (n, end - begin, step.shape[0])).copy()
        if following:
            after = spans[place + 1]
            weight[:, :following] *= step.T[drawn[:, after[0] : after[1]]]
        total = weight.cumsum(axis=-1)
        chosen = total > mark[:, begin:end, None] * total[..., -1:]
        drawn[:, begin:end] = chosen.argmax(axis=-1)
        following = end - begin
    found = np.empty_like(drawn)
    found[:, order.token] = drawn
    return found

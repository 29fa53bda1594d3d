"""Tags along sequences, against all paths counted one by one."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from scipy import sparse

from surelabel.models.chain import Chain, best_path, fit, load, sample_paths

LENGTH = np.array([3, 0, 1, 4])
N, N_TAGS = int(LENGTH.sum()), 3
# Tag 2 comes neither first nor after tag 0.
ALLOWED = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1]], bool)


def made(seed: int = 0) -> tuple[sparse.csr_matrix, np.ndarray]:
    rng = np.random.default_rng(seed)
    tag = np.array([0, 1, 2, 1, 1, 2, 2, 0])
    return sparse.csr_matrix((rng.random((N, 5)) < 0.5).astype(np.float32)), tag


@pytest.fixture
def chain() -> Chain:
    return fit(*made(), LENGTH, ALLOWED)


def paths(chain: Chain, emission: np.ndarray) -> list[dict[tuple[int, ...], float]]:
    """Of each sequence the chance of every path."""
    found, start = [], 0
    for length in LENGTH.tolist():
        score = {}
        for path in product(range(N_TAGS), repeat=length):
            score[path] = (
                sum(emission[start + place, tag] for place, tag in enumerate(path))
                + (chain.initial[path[0]] if path else 0)
                + sum(chain.transition[a, b] for a, b in pairwise(path))
            )
        whole = sum(map(np.exp, score.values()))
        found.append({path: float(np.exp(value) / whole) for path, value in score.items()})
        start += length
    return found


def test_the_best_path_is_the_likeliest_of_all(chain: Chain) -> None:
    emission = chain.emission(made()[0])
    tag, chance = best_path(chain, emission, LENGTH)
    start = 0
    for number, every in enumerate(paths(chain, emission)):
        best = max(every, key=every.__getitem__)
        assert tuple(tag[start : start + len(best)].tolist()) == best
        assert chance[number] == pytest.approx(every[best])
        start += len(best)


def test_paths_are_drawn_as_often_as_they_are_likely(chain: Chain) -> None:
    emission = chain.emission(made()[0])
    n = 20_000
    drawn = sample_paths(chain, emission, LENGTH, np.random.default_rng(1).random((n, N)))
    start = 0
    for every in paths(chain, emission):
        length = len(next(iter(every)))
        rows = map(tuple, drawn[:, start : start + length].tolist())
        times = dict.fromkeys(every, 0)
        for row in rows:
            times[row] += 1
        assert all(abs(times[path] / n - chance) < 0.015 for path, chance in every.items())
        start += length


def test_what_is_not_allowed_is_never_said(chain: Chain) -> None:
    rng = np.random.default_rng(2)
    emission = rng.normal(0, 3, (N, N_TAGS))
    tag, _ = best_path(chain, emission, LENGTH)
    drawn = sample_paths(chain, emission, LENGTH, rng.random((50, N)))
    ends = np.cumsum(LENGTH)
    for path in (tag, *drawn):
        for start, end in zip(ends - LENGTH, ends, strict=True):
            before = -1
            for each in path[start:end].tolist():
                assert ALLOWED[before + 1, each]
                before = each


def test_weights_are_where_the_loss_is_flat() -> None:
    features, tag = made()
    chain = fit(features, tag, LENGTH, ALLOWED)
    emission = chain.emission(features)

    def likelihood(weight: np.ndarray) -> float:
        other = Chain(chain.column, weight, chain.transition, chain.initial)
        starts = np.cumsum(LENGTH) - LENGTH
        every = paths(other, other.emission(features))
        chances = [
            each[tuple(tag[start : start + length].tolist())]
            for each, start, length in zip(every, starts, LENGTH, strict=True)
        ]
        return float(np.log(chances).sum() - (weight**2).sum() / 2)

    best = likelihood(chain.weight)
    assert emission.shape == (N, N_TAGS)
    for place in np.ndindex(chain.weight.shape):
        for by in (-0.2, 0.2):
            moved = chain.weight.copy()
            moved[place] += by
            assert likelihood(moved) < best


def test_a_chain_comes_back_from_its_file(chain: Chain) -> None:
    again = load(chain.save())
    emission = chain.emission(made()[0])
    assert np.array_equal(again.emission(made()[0]), emission)
    assert np.array_equal(
        best_path(again, emission, LENGTH)[0], best_path(chain, emission, LENGTH)[0]
    )
    assert fit(*made(), LENGTH, ALLOWED).save() == chain.save()


def test_no_sequences_have_no_tags(chain: Chain) -> None:
    none = np.empty(0, np.int64)
    tag, chance = best_path(chain, np.empty((0, N_TAGS)), none)
    assert (len(tag), len(chance)) == (0, 0)
    assert sample_paths(chain, np.empty((0, N_TAGS)), none, np.empty((5, 0))).shape == (5, 0)

"""Many chains at once against one chain at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from surelabel.consolidation.objects.chains import Chains, simplified

BENCH = Path(__file__).parents[3] / "bench" / "first_outlines.py"
closed_or_open = pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])


def made_up(rng, n=40):
    """Vertices and starts of chains of 1 to 12 whole numbered points, so that some repeat."""
    size = rng.integers(1, 13, n)
    starts = np.concatenate(([0], np.cumsum(size)))
    return rng.integers(0, 6, (starts[-1], 2)).astype(float), starts


def plain(vertices, closed):
    """The points of one chain, the first again if it is closed, and the share up to each."""
    points = np.vstack((vertices, vertices[:1])) if closed else vertices
    at = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))))
    return points, at / at[-1] if at[-1] else at


@closed_or_open
def test_chains_are_read_as_numpy_interpolates_each(closed):
    rng = np.random.default_rng(0)
    vertices, starts = made_up(rng)
    shares = np.concatenate(([0.0, 1.0], rng.random(50)))
    rows = rng.permutation(len(starts) - 1)
    found = Chains.of(vertices, starts, rows, closed=closed).read(shares)
    for row, points in zip(rows, found, strict=True):
        given, at = plain(vertices[starts[row] : starts[row + 1]], closed)
        expected = np.stack([np.interp(shares, at, column) for column in given.T], axis=1)
        if at[-1] == 0:
            expected = np.tile(given[0], (len(shares), 1))
        np.testing.assert_allclose(points, expected, atol=1e-9)


@closed_or_open
def test_places_are_at_every_vertex_and_evenly_between(closed):
    rng = np.random.default_rng(1)
    vertices, starts = made_up(rng)
    rows = np.arange(len(starts) - 1)
    found = Chains.of(vertices, starts, rows, closed=closed).places(64)
    assert found.shape == (len(rows), 64)
    for row, places in zip(rows, found, strict=True):
        _, at = plain(vertices[starts[row] : starts[row + 1]], closed)
        if at[-1] == 0:
            np.testing.assert_array_equal(places, np.linspace(0, 1, 64, endpoint=not closed))
            continue
        wanted = at[:-1] if closed else at
        assert np.abs(places[:, None] - wanted).min(axis=0).max() < 1e-12
        assert (np.diff(places) >= -1e-12).all()
        # An edge is cut into parts of nearly the same length as any other.
        assert np.diff(np.append(places, 1.0)).max() < 2.1 / (64 - len(at))


def test_more_vertices_than_places_are_read_evenly():
    vertices = np.random.default_rng(2).random((200, 2))
    chains = Chains.of(vertices, np.array([0, 200]), np.array([0]), closed=True)
    np.testing.assert_array_equal(chains.places(64)[0], np.linspace(0, 1, 64, endpoint=False))


@closed_or_open
def test_no_bit_of_a_chain_depends_on_the_others(closed):
    rng = np.random.default_rng(3)
    vertices, starts = made_up(rng)
    rows = np.arange(len(starts) - 1)
    together = Chains.of(vertices, starts, rows, closed=closed)
    places = together.places(64)
    points = together.read(places)
    for row in rows:
        alone = Chains.of(vertices, starts, np.array([row]), closed=closed)
        np.testing.assert_array_equal(alone.places(64)[0], places[row])
        np.testing.assert_array_equal(alone.read(places[row])[0], points[row])


def split(chain, tolerance):
    """Douglas and Peucker's recursion, as they wrote it down."""
    if len(chain) < 3:
        return [True] * len(chain)
    line = chain[-1] - chain[0]
    inner = chain[1:-1] - chain[0]
    squared = line @ line
    along = np.clip(inner @ line / squared, 0, 1) if squared else np.zeros(len(inner))
    off = np.linalg.norm(inner - along[:, None] * line, axis=1)
    if off.max() <= tolerance:
        return [True, *[False] * len(inner), True]
    middle = 1 + int(off.argmax())
    return split(chain[: middle + 1], tolerance)[:-1] + split(chain[middle:], tolerance)


def test_chains_are_simplified_as_one_by_one():
    rng = np.random.default_rng(4)
    chains = np.cumsum(rng.normal(size=(30, 65, 2)), axis=1)
    chains[::2, -1] = chains[::2, 0]
    tolerance = rng.uniform(0, 3, 30)
    found = simplified(chains, tolerance)
    expected = [split(chain, limit) for chain, limit in zip(chains, tolerance, strict=True)]
    np.testing.assert_array_equal(found, expected)
    assert simplified(np.empty((0, 65, 2)), np.empty(0)).shape == (0, 65)


@pytest.mark.parametrize("kind", ["Polygons", "Polylines"])
def test_a_thousand_answers_need_no_compiler(kind):
    done = subprocess.run([sys.executable, BENCH, kind], check=True, stdout=subprocess.PIPE)
    assert b'"compiled": false' in done.stdout

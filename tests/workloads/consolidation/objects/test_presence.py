"""Which candidates are objects: the compiled turns against NumPy's."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
import pytest

from surelabel.consolidation.objects import Auto, beta_binomial
from surelabel.consolidation.objects.presence import turn
from surelabel.consolidation.objects.presence_kernels import compiled_turn
from surelabel.consolidation.objects.sites import Sites
from surelabel.consolidation.objects.support_curve import LEAST, SupportCurve
from workloads.consolidation.objects.scenes import made_up_scene


@pytest.fixture(scope="module")
def scene():
    """Items that five people answered, and some that four did."""
    whole = made_up_scene("Boxes", 5, n_items=60, jitter=0.1)
    kept = (whole.item >= 20) | (whole.annotator != 1)
    marks = kept[whole.answer]
    return replace(
        whole,
        item=whole.item[kept],
        annotator=whole.annotator[kept],
        answer=(np.cumsum(kept) - 1)[whole.answer[marks]],
        geometry=whole.geometry[marks],
        label=whole.label[marks],
    )


def test_compiled_turns_equal_the_plain_ones_to_the_steps_of_their_table(scene):
    sites = Sites.of(scene.coded, 0.4)
    assert len(np.unique(sites.n_seen)) > 1
    curve = SupportCurve.fit(sites.support, sites.n_seen)
    weight = np.random.default_rng(0).uniform(0.1, 4, sites.n_annotators)
    plain, fast = turn(sites, curve)(weight), compiled_turn(sites, curve)(weight)
    np.testing.assert_allclose(fast.posterior, plain.posterior, atol=1e-4)
    np.testing.assert_allclose(fast.hits, plain.hits, atol=1e-3)
    np.testing.assert_allclose(fast.seen, plain.seen, atol=1e-3)


def test_a_table_ends_where_support_does():
    support, odds = SupportCurve().table(3)
    assert (support[0], support[-1]) == (LEAST, 3)
    assert (np.diff(odds) > 0).all()


def test_compiled_turns_give_the_same_bits_on_any_number_of_threads(monkeypatch, scene):
    monkeypatch.setattr(beta_binomial, "_MANY", 0)
    found = []
    for n_threads in (1, 2, 5):
        monkeypatch.setattr(numba, "get_num_threads", lambda n=n_threads: n)
        found.append(Auto().fit_predict(scene.coded))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].confidence, other.confidence)
        np.testing.assert_array_equal(found[0].annotators.hit_rate, other.annotators.hit_rate)


def test_the_labels_are_the_same_whatever_computes_the_turns(monkeypatch, scene):
    plain = Auto().fit_predict(scene.coded)
    monkeypatch.setattr(beta_binomial, "_MANY", 0)
    fast = Auto().fit_predict(scene.coded)
    np.testing.assert_array_equal(plain.item, fast.item)
    np.testing.assert_allclose(plain.confidence, fast.confidence, atol=1e-3)
    np.testing.assert_allclose(plain.annotators.hit_rate, fast.annotators.hit_rate, atol=1e-3)

"""The kernel against the sparse products, shards against one piece, and a start from before."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from surelabel.consolidation import (
    EBCC,
    DawidSkene,
    HierarchicalDawidSkene,
    OneCoinDawidSkene,
    PackedAnswers,
    evidence,
)
from surelabel.consolidation.answers import Answers
from surelabel.consolidation.evidence import KernelEvidence, SparseEvidence
from workloads.consolidation.crowds import made_up_crowd, real_crowd, team_crowd

algorithms = pytest.mark.parametrize(
    "method", [DawidSkene, OneCoinDawidSkene, HierarchicalDawidSkene], ids=lambda m: m.__name__
)


@pytest.fixture
def always_compiled(monkeypatch):
    monkeypatch.setattr(evidence, "_PAYS", 0)


def some_gold(crowd) -> np.ndarray:
    gold = np.full(crowd.n_items, -1)
    gold[::7] = (crowd.truth[::7] + 1) % crowd.n_classes
    return gold


def with_silent_items(answers: Answers) -> Answers:
    kept = answers.item % 5 != 0
    return Answers(
        answers.item[kept], answers.annotator[kept], answers.label[kept],
        answers.n_items, answers.n_annotators, answers.n_classes,
    )  # fmt: skip


@pytest.mark.parametrize("n_classes", [1, 2, 3, 10, 33])
@pytest.mark.parametrize("keep", [True, False])
def test_the_kernel_counts_what_sparse_products_count(n_classes, keep):
    crowd = made_up_crowd(n_classes, n_items=700, n_classes=n_classes)
    answers, gold = with_silent_items(crowd.coded), some_gold(crowd)
    packed = PackedAnswers.of(answers, gold)
    by_kernel = KernelEvidence([packed], keep=keep)
    sparse = SparseEvidence(answers, *answers.gold_rows(gold))
    np.testing.assert_array_equal(by_kernel.by_annotator, sparse.by_annotator)
    np.testing.assert_array_equal(by_kernel.majority_agreement, sparse.majority_agreement)
    found, expected = by_kernel.from_votes(), sparse.from_votes()
    for _ in range(3):
        np.testing.assert_allclose(found.answers, expected.answers, atol=1e-5)
        np.testing.assert_allclose(found.classes, expected.classes, atol=1e-4)
        annotators = DawidSkene()._m_step(expected, sparse)
        found, change = by_kernel.given(annotators)
        expected, expected_change = sparse.given(annotators)
        assert change == pytest.approx(expected_change, abs=1e-5)


@algorithms
@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_gives_the_same_labels(method, seed, always_compiled, monkeypatch):
    crowd = made_up_crowd(seed, n_items=400, n_annotators=12)
    gold = some_gold(crowd)
    compiled = crowd.fit(method(), gold=gold)
    monkeypatch.setattr(evidence, "_PAYS", np.inf)
    sparse = crowd.fit(method(), gold=gold)
    np.testing.assert_allclose(compiled.posterior, sparse.posterior, atol=1e-5)
    np.testing.assert_array_equal(compiled.label, sparse.label)
    np.testing.assert_array_equal(compiled.tied, sparse.tied)
    assert compiled.n_iter == sparse.n_iter


@pytest.mark.parametrize("name", ["web", "trec", "zencrowd_us"])
def test_the_kernel_gives_the_same_labels_on_real_crowds(name, always_compiled, monkeypatch):
    crowd = real_crowd(name)
    compiled = crowd.fit(HierarchicalDawidSkene())
    monkeypatch.setattr(evidence, "_PAYS", np.inf)
    sparse = crowd.fit(HierarchicalDawidSkene())
    np.testing.assert_allclose(compiled.posterior, sparse.posterior, atol=1e-5)
    np.testing.assert_array_equal(compiled.label, sparse.label)


@pytest.mark.parametrize("crowd", ["zencrowd_us", "rte", 0, 1])
def test_subtypes_are_the_same_by_the_kernel(crowd, always_compiled, monkeypatch):
    crowd = real_crowd(crowd) if isinstance(crowd, str) else made_up_crowd(crowd, n_items=300)
    compiled = crowd.fit(EBCC())
    monkeypatch.setattr(evidence, "_PAYS", np.inf)
    sparse = crowd.fit(EBCC())
    # Tens of turns and a turn more or less: rounding grows to a few tolerances (1e-3).
    assert abs(compiled.n_iter - sparse.n_iter) <= 2
    np.testing.assert_allclose(compiled.posterior, sparse.posterior, atol=5e-3)
    assert np.mean(compiled.label == sparse.label) > 0.999


def test_thousands_of_answers_to_one_item_lose_no_digits(always_compiled, monkeypatch):
    rng = np.random.default_rng(0)
    n = 5_000
    # Item 0 has nearly as many answers of either class; the others tell how good annotators are.
    item = np.concatenate([np.zeros(n, int), rng.integers(1, 2_000, 4 * n)])
    who = np.concatenate([np.arange(n), rng.integers(n, size=4 * n)])
    label = np.concatenate([np.arange(n) % 2, (item[n:] + (rng.random(4 * n) < 0.2)) % 2])
    arguments = (item, who, label, 2_000, n, 2)
    compiled = HierarchicalDawidSkene().fit_predict(*arguments)
    monkeypatch.setattr(evidence, "_PAYS", np.inf)
    sparse = HierarchicalDawidSkene().fit_predict(*arguments)
    np.testing.assert_allclose(compiled.posterior, sparse.posterior, atol=1e-5)


def in_shards(crowd, bounds, gold) -> list[PackedAnswers]:
    answers = crowd.coded
    return [
        PackedAnswers.of(answers.only_items(first, last), gold[first:last], first)
        for first, last in pairwise(bounds)
    ]


@algorithms
def test_neither_shards_nor_threads_change_a_bit(method, monkeypatch, tmp_path):
    crowd = made_up_crowd(3, n_items=2_000, n_annotators=30)
    gold = some_gold(crowd)
    found = []
    for threads, bounds in (
        ("1", [0, 2_000]),
        ("2", [0, 2_000]),
        ("3", [0, 1, 1, 700, 2_000]),
        ("7", [0, 1_999, 2_000]),
    ):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        shards = in_shards(crowd, bounds, gold)
        learned = method().learn_from_shards(shards)
        labeled = [method().label_shard(shard, learned) for shard in shards]
        found.append((learned, np.concatenate([each.posterior for each in labeled])))
    for place, shard in enumerate(shards):
        shard.save(tmp_path / str(place))
    from_disk = [PackedAnswers.load(tmp_path / str(place)) for place in range(len(shards))]
    learned = method().learn_from_shards(from_disk)
    labeled = [method().label_shard(shard, learned) for shard in from_disk]
    found.append((learned, np.concatenate([each.posterior for each in labeled])))
    for learned, posterior in found[1:]:
        np.testing.assert_array_equal(
            learned.annotators.confusion, found[0][0].annotators.confusion
        )
        np.testing.assert_array_equal(posterior, found[0][1])
        assert learned.n_iter == found[0][0].n_iter


@algorithms
def test_shards_give_what_one_piece_gives(method, always_compiled):
    crowd = made_up_crowd(4, n_items=900)
    gold = some_gold(crowd)
    whole = crowd.fit(method(), gold=gold)
    shards = in_shards(crowd, [0, 300, 900], gold)
    learned = method().learn_from_shards(shards)
    labeled = [method().label_shard(shard, learned) for shard in shards]
    for field in ("label", "confidence", "posterior", "tied", "n_answers"):
        together = np.concatenate([getattr(each, field) for each in labeled])
        np.testing.assert_array_equal(together, getattr(whole, field))
    assert (learned.n_iter, learned.converged) == (whole.n_iter, whole.converged)
    np.testing.assert_array_equal(learned.annotators.agreement, whole.annotators.agreement)


def test_shards_of_different_crowds_are_refused():
    one, other = (made_up_crowd(0, n_annotators=n).coded for n in (6, 7))
    with pytest.raises(ValueError, match=r"same n_annotators and n_classes; got \(6, 4\) and \(7,"):
        DawidSkene().learn_from_shards([PackedAnswers.of(one), PackedAnswers.of(other)])
    with pytest.raises(ValueError, match="at least one shard; got none"):
        DawidSkene().learn_from_shards([])


def test_a_damaged_shard_is_refused(tmp_path):
    PackedAnswers.of(made_up_crowd(0).coded).save(tmp_path)
    np.save(tmp_path / "code.npy", np.zeros(3, np.int32))
    with pytest.raises(ValueError, match=r"start.npy has 61 entries, code.npy 3, gold.npy 0"):
        PackedAnswers.load(tmp_path)


def test_codes_that_do_not_fit_are_refused():
    none = np.empty(0, np.int64)
    answers = Answers.of(none, none, none, 0, 2**20, 2**12)
    with pytest.raises(ValueError, match=r"at most 2\^31 to be packed; got 1,048,576 x 4,096"):
        PackedAnswers.of(answers)


@algorithms
@pytest.mark.parametrize("kernel", [False, True])
def test_a_start_from_the_round_before_saves_iterations(method, kernel, monkeypatch):
    monkeypatch.setattr(evidence, "_PAYS", 0 if kernel else np.inf)
    crowd = team_crowd(1, np.linspace(0.6, 0.95, 12), n_items=2_000, n_classes=4, per_item=5)
    before = crowd.item < 1_900
    earlier = method().fit_predict(
        crowd.item[before], crowd.annotator[before], crowd.label[before], 2_000, 12, 4
    )
    cold = crowd.fit(method())
    warm = crowd.fit(method(), start=earlier.annotators)
    assert warm.converged
    assert warm.n_iter <= 0.7 * cold.n_iter
    # Both end within a few tolerances (1e-3) of where the iteration leads.
    np.testing.assert_allclose(warm.posterior, cold.posterior, atol=3e-3)
    np.testing.assert_array_equal(warm.label, cold.label)
    # Where nothing has changed, the first iteration finds out.
    assert crowd.fit(method(), start=cold.annotators).n_iter == 1


def test_a_start_of_other_annotators_is_refused():
    crowd = made_up_crowd(0)
    other = made_up_crowd(0, n_annotators=8).fit(DawidSkene()).annotators
    with pytest.raises(ValueError, match=r"start.confusion must have shape \(7, 4, 4\)"):
        crowd.fit(DawidSkene(), start=other)


def test_a_small_input_needs_no_compiler():
    program = (
        "import sys, numpy as np; from surelabel.consolidation import METHODS;"
        "i = np.arange(1000) // 5; w = np.arange(1000) % 5;"
        "[m().fit_predict(i, w, i % 4, 200, 5, 4) for m in METHODS.values()];"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

"""The whole auto-labeling loop in one process: what the defaults cost on scikit-learn's digits.

Uses the same functions as the stages, in the same order, without store, Ray or Kubernetes. Run it
when a model, the selection or the proposing changes:

    python -m tests.bench.digits_loop --seeds 10
"""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "workloads"))

from surelabel import certify, models, proposing, selection
from surelabel.consolidation import HierarchicalDawidSkene, MajorityVote
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import Features

ACCURACIES = (0.85, 0.89, 0.92, 0.96, 0.99)
N_CLASSES = 10


@dataclass(frozen=True)
class Settings:
    """What a LabelingJob's spec says."""

    seed_items: int = 120
    items_per_round: int = 80
    annotators_per_item: int = 3
    target_error_permille: int = 50
    risk_permille: int = 50
    max_rounds: int = 20
    model: str = "Auto"


@dataclass(frozen=True)
class Outcome:
    """Shares of all items, and errors of the machine labels."""

    people: float
    wrong_truth: float
    wrong_consensus: float
    consensus_error: float
    attempts: str
    rounds: int
    trace: list[str] = field(default_factory=list)


def digits() -> tuple[Features, NDArray[np.int64]]:
    """Features of the digits as the stages see them (PNG files), and the hidden truth."""
    from sklearn.datasets import load_digits

    data = load_digits()
    sources: list[bytes | str] = []
    for image in data.images:
        buffer = io.BytesIO()
        Image.fromarray(np.round(image * 255 / 16).astype(np.uint8)).save(buffer, "PNG")
        sources.append(buffer.getvalue())
    batch = TASK_TYPES["ImageClassification"].features(sources)
    assert not batch.broken
    return batch.features, data.target.astype(np.int64)


class People:
    """Simulated people; each item has the same answers whenever it is asked."""

    def __init__(self, truth: NDArray[np.int64], settings: Settings, seed: int) -> None:
        rng = np.random.default_rng([seed, 99])
        task = TASK_TYPES["ImageClassification"]
        n, per_item = len(truth), settings.annotators_per_item
        self.who = np.stack([rng.permutation(len(ACCURACIES))[:per_item] for _ in range(n)])
        self.answer = np.array(
            [
                [task.simulate(int(t), ACCURACIES[w], rng, N_CLASSES) for w in who]
                for t, who in zip(truth, self.who, strict=True)
            ]
        )

    def consolidate(self, items, frozen=None, gold=None):
        """The consensus of ``items`` (ascending)."""
        method = MajorityVote() if frozen == "none" else HierarchicalDawidSkene()
        per_item = self.who.shape[1]
        return method.fit_predict(
            np.repeat(np.arange(len(items)), per_item),
            self.who[items].ravel(),
            self.answer[items].ravel(),
            len(items),
            len(ACCURACIES),
            N_CLASSES,
            frozen_annotators=None if frozen == "none" else frozen,
            gold=gold,
            item_ids=[str(i) for i in items],
        )


def simulate(features, truth, settings: Settings, seed: int) -> Outcome:
    """One job from the first batch to the last label."""
    n_items = len(truth)
    people = People(truth, settings, seed)
    account = certify.Account(
        target_error_permille=settings.target_error_permille,
        risk_permille=settings.risk_permille,
    )
    human = np.zeros(n_items, bool)
    uniform = np.zeros(n_items, bool)
    machine = np.full(n_items, -1)
    frozen_label = np.full(n_items, -1)
    trace = []

    first = selection.first_batch(
        n_items, settings.seed_items, selection.stream("querying", seed, 0), features
    )
    human[first.position] = True
    uniform[first.position[first.uniform]] = True
    annotators = None
    round_ = 0
    for round_ in range(1, settings.max_rounds + 1):
        labeled = np.flatnonzero(human)
        consensus = people.consolidate(labeled, gold=frozen_label[labeled])
        annotators = consensus.annotators
        pool = np.flatnonzero(~human & (machine < 0))
        if pool.size == 0:
            break
        model = models.fit(
            features[labeled], consensus.label, N_CLASSES, seed=seed, name=settings.model
        )
        score = proposing.score_of(model.predict_proba(features[pool]))
        oof = models.cross_val_proba(
            features[labeled], consensus.label, N_CLASSES, seed=seed, name=settings.model
        )
        is_uniform = uniform[labeled]
        wrong = oof.argmax(axis=1) != consensus.label
        predicted = proposing.fit_errors(proposing.score_of(oof)[is_uniform], wrong[is_uniform])
        proba = model.predict_proba(features[pool])
        advice = proposing.advise(
            score,
            predicted(score),
            account,
            n_labeled=labeled.size,
            next_batch=settings.items_per_round,
        )
        # As the stages do: what is asked beside a sample comes from outside its region.
        rest = np.arange(pool.size)
        if advice.plan is not None:
            rest = np.setdiff1d(rest, advice.plan.position)
        batch = selection.query_batch(
            proba[rest],
            settings.items_per_round,
            selection.stream("querying", seed, round_),
            features[pool[rest]],
        )
        asked = rest[batch.position]
        asked_uniform = batch.uniform & (advice.plan is None)
        errors = np.mean(proba.argmax(axis=1) != truth[pool])
        line = (
            f"round {round_}: {labeled.size} by people, pool {pool.size}, error {errors:.3f}, "
            f"predicted {predicted(score).mean():.3f}, {advice.reason}"
        )
        human[pool[asked]] = True
        uniform[pool[asked[asked_uniform]]] = True
        if advice.plan is not None:
            plan = advice.plan
            region = pool[plan.position]
            proposal = certify.open_attempt(
                account, region, plan.n_sample, seed=seed, model="m", round_=round_
            )
            sample = np.array(proposal.sample)
            reference = people.consolidate(sample, frozen=annotators)
            given = proba.argmax(axis=1)[np.searchsorted(pool, region)]
            said = given[np.searchsorted(region, sample)]
            attempt, account = certify.decide(
                account, proposal, sample[said != reference.label].tolist()
            )
            human[sample] = True
            frozen_label[sample] = reference.label
            uniform[sample] = True
            if attempt.outcome == "Accepted":
                left = np.setdiff1d(np.arange(region.size), np.searchsorted(region, sample))
                machine[region[left]] = given[left]
            line += (
                f"; N={region.size} n={sample.size} chance={plan.chance:.2f} "
                f"k={len(attempt.wrong)} U={attempt.bound} {attempt.outcome}"
            )
        trace.append(line)
    human |= machine < 0
    everyone = np.arange(n_items)
    would_say = people.consolidate(everyone).label
    by_machine = machine >= 0
    certified = certify.verify(account)
    assert not certified, certified
    return Outcome(
        people=float(human.mean()),
        wrong_truth=_share(machine[by_machine] != truth[by_machine]),
        wrong_consensus=_share(machine[by_machine] != would_say[by_machine]),
        consensus_error=float(np.mean(would_say != truth)),
        attempts="".join(a.outcome[0] for a in account.attempts),
        rounds=round_,
        trace=trace,
    )


def _share(wrong: NDArray[np.bool_]) -> float:
    return float(wrong.mean()) if wrong.size else 0.0


def main() -> None:
    """Print one line per seed, and mean and maximum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--seed-items", type=int, default=Settings.seed_items)
    parser.add_argument("--items-per-round", type=int, default=Settings.items_per_round)
    parser.add_argument("--model", default=Settings.model)
    parser.add_argument("--trace", action="store_true")
    options = parser.parse_args()
    settings = Settings(
        seed_items=options.seed_items,
        items_per_round=options.items_per_round,
        model=options.model,
    )
    features, truth = digits()
    outcomes = []
    for seed in range(options.seeds):
        outcome = simulate(features, truth, settings, seed)
        outcomes.append(outcome)
        print(
            f"seed {seed}: people {outcome.people:.3f}, wrong against truth "
            f"{outcome.wrong_truth:.4f}, against consensus {outcome.wrong_consensus:.4f}, "
            f"consensus error {outcome.consensus_error:.4f}, attempts {outcome.attempts}, "
            f"rounds {outcome.rounds}",
            flush=True,
        )
        if options.trace:
            print("\n".join(outcome.trace))
    for name in ("people", "wrong_truth", "wrong_consensus"):
        values = [getattr(outcome, name) for outcome in outcomes]
        print(f"{name}: mean {np.mean(values):.4f}, max {np.max(values):.4f}")


if __name__ == "__main__":
    main()

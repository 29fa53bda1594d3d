"""The whole auto-labeling loop in one process, for many seeds: what the sample job costs.

The job is crds/samples/digits.yaml with the defaults of the CRD. Models, selection, proposals, the
promise and the consensus are the stages' own functions, in their order; what the operator decides
(when no model is trained any more) is said here again. Left out are store, Ray and Kubernetes, and
the people's clock.

    python tests/bench/digits_loop.py                        20 seeds, written into the page
    python tests/bench/digits_loop.py --seeds 3 --trace      only printed

Run it when a model, the selection or the proposing changes.
"""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from page import ROOT, Section, publish, say
from PIL import Image

from surelabel import certify, models, proposing, selection
from surelabel.account_check import verify
from surelabel.answers import CodedAnswers
from surelabel.labels import Role
from surelabel.stages.consensus import Consensus, consolidate_all, reference_labels
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.base import Features
from surelabel_cli.job_file import read_job_file
from surelabel_contract.stages import StageConfig
from surelabel_operator.resources import read_labeling_job, read_work_team

SAMPLE = ROOT / "crds" / "samples" / "digits.yaml"
_SEEDS = 20
_TARGET_PERCENT = 35

Lines = NDArray[np.int64]


@dataclass(frozen=True)
class Settings:
    """What the sample job says, and its team: names and the chance that each is right."""

    seed_items: int
    items_per_round: int
    annotators_per_item: int
    target_error_permille: int
    risk_permille: int
    max_rounds: int
    patience_rounds: int
    model: str
    method: str
    n_classes: int
    team: tuple[tuple[str, float], ...]

    @property
    def config(self) -> StageConfig:
        """As much of a stage's config as the consensus asks for."""
        labels = [SimpleNamespace(name=str(number)) for number in range(self.n_classes)]
        found = SimpleNamespace(consolidation_method=self.method, labels=labels)
        return cast("StageConfig", found)


def settings_of(path: Path) -> Settings:
    """The settings of a job file, with the defaults of the CRD."""
    file = read_job_file(path)
    spec = read_labeling_job(file.job).spec
    simulated = read_work_team(file.teams[0]).spec.simulated
    auto = spec.auto_labeling
    if auto is None or simulated is None:
        raise ValueError(f"{path}: needs spec.autoLabeling and simulated people.")
    return Settings(
        seed_items=auto.seed_items,
        items_per_round=auto.items_per_round,
        annotators_per_item=spec.workforce.annotators_per_item,
        target_error_permille=auto.target_error_permille,
        risk_permille=auto.risk_permille,
        max_rounds=spec.stopping.max_rounds,
        patience_rounds=spec.stopping.patience_rounds,
        model=auto.model.name,
        method=spec.consolidation.method,
        n_classes=len(spec.labels),
        team=tuple((who.name, who.accuracy_permille / 1000) for who in simulated.annotators),
    )


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


def digits() -> tuple[Features, Lines]:
    """Features of the digits as the stages see them (PNG files), and the hidden truth."""
    from sklearn.datasets import load_digits

    data = load_digits()
    sources: list[bytes | str] = []
    for image in data.images:
        buffer = io.BytesIO()
        Image.fromarray(np.rint(image * 255 / 16).astype(np.uint8)).save(buffer, "PNG")
        sources.append(buffer.getvalue())
    batch = TASK_TYPES["ImageClassification"].features(sources)
    assert not batch.broken
    return batch.features, data.target.astype(np.int64)


class People:
    """Simulated people; each item has the same answers whenever it is asked."""

    def __init__(self, truth: Lines, settings: Settings, seed: int) -> None:
        rng = selection.stream("people", seed)
        task = TASK_TYPES["ImageClassification"]
        per_item, n_people = settings.annotators_per_item, len(settings.team)
        names, accuracies = zip(*settings.team, strict=True)
        who = np.stack([rng.permutation(n_people)[:per_item] for _ in truth])
        said = [
            task.simulate(int(true), accuracies[one], rng, range(settings.n_classes))
            for true, asked in zip(truth, who, strict=True)
            for one in asked
        ]
        self._config = settings.config
        self._answers = CodedAnswers(
            np.repeat(np.arange(len(truth)), per_item),
            who.ravel().astype(np.int32),
            np.array(said, np.int32),
            names,
        )

    def consensus(self, lines: Lines, frozen: Lines, frozen_labels: Lines) -> Consensus:
        """The labels of ``lines`` (ascending) and the annotators, as after a round."""
        answers = self._answers.where(np.isin(self._answers.line, lines))
        return consolidate_all(self._config, answers, frozen, frozen_labels.astype(np.int32))

    def reference(self, sample: Lines, before: Consensus) -> Consensus:
        """The sealed labels of a sample, with the annotators as they were judged before it."""
        answers = self._answers.where(np.isin(self._answers.line, sample))
        return reference_labels(self._config, answers, sample, before.annotators)


@dataclass(frozen=True)
class Proposed:
    """A proposal that waits for its sample's answers: its region and the model's labels there."""

    proposal: certify.Proposal
    region: Lines
    label: Lines


class Job:
    """One job from the first batch to the last label; an entry a line in each array."""

    def __init__(self, features: Features, truth: Lines, settings: Settings, seed: int) -> None:
        self.features, self.truth, self.settings, self.seed = features, truth, settings, seed
        self.people = People(truth, settings, seed)
        self.account = certify.Account(
            target_error_permille=settings.target_error_permille,
            risk_permille=settings.risk_permille,
        )
        n_items = len(truth)
        self.human = np.zeros(n_items, bool)
        self.role = np.full(n_items, Role.NONE)
        self.machine = np.full(n_items, -1)
        self.frozen = np.full(n_items, -1)
        # Newly certified labels of each round.
        self.gains: list[int] = []
        self.trace: list[str] = []

    def run(self) -> Outcome:
        """Rounds until a model gains nothing more; people label what is left."""
        first = selection.first_batch(
            len(self.truth), self.settings.seed_items, self._stream("querying", 0), self.features
        )
        asked, uniform = first.position, first.position[first.uniform]
        proposed: Proposed | None = None
        consensus: Consensus | None = None
        goes_on = True
        while goes_on:
            # Annotate and consolidate: the proposal before anything else.
            self.gains.append(0 if proposed is None else self._decide(proposed, consensus))
            self.human[asked] = True
            self.role[uniform] = Role.UNIFORM
            frozen = np.flatnonzero(self.frozen >= 0)
            consensus = self.people.consensus(
                np.flatnonzero(self.human), frozen, self.frozen[frozen]
            )
            goes_on = len(self.gains) < self.settings.max_rounds and self._pool.size > 0
            if goes_on:
                asked, uniform, proposed, goes_on = self._train_and_infer(consensus)
        return self._outcome()

    @property
    def _pool(self) -> Lines:
        return np.flatnonzero(~self.human & (self.machine < 0))

    def _stream(self, purpose: str, round_: int) -> np.random.Generator:
        return selection.stream(purpose, self.seed, round_, 1)

    def _decide(self, proposed: Proposed, before: Consensus | None) -> int:
        """Test the proposal; how many labels it certified."""
        assert before is not None
        proposal, region = proposed.proposal, proposed.region
        sample = np.array(proposal.sample)
        reference = self.people.reference(sample, before)
        said = proposed.label[np.searchsorted(region, sample)]
        wrong = sample[said != reference.label]
        attempt, self.account = certify.decide(self.account, proposal, wrong.tolist())
        self.human[sample] = True
        self.frozen[sample] = reference.label
        self.role[sample] = Role.SAMPLE
        self.trace.append(
            f"  N={region.size} n={sample.size} k={len(wrong)} U={attempt.bound} {attempt.outcome}"
        )
        if attempt.outcome != "Accepted":
            return 0
        rest = ~np.isin(region, sample)
        self.machine[region[rest]] = proposed.label[rest]
        return int(rest.sum())

    def _train_and_infer(self, consensus: Consensus) -> tuple[Lines, Lines, Proposed | None, bool]:
        """The next batch, its uniform part, a proposal, and whether there is a next round."""
        settings, pool, round_ = self.settings, self._pool, len(self.gains)
        trained, label = consensus.line, consensus.label
        seed = int(self._stream("training", round_).integers(2**31))
        model = models.fit(
            self.features[trained], label, settings.n_classes, seed=seed, name=settings.model
        )
        out_of_fold = models.cross_val_proba(
            self.features[trained], label, settings.n_classes, seed=seed, name=settings.model
        )
        probability = model.predict_proba(self.features[pool])
        # Neither queried nor sampled items say anything about the pool's errors.
        uniform = self.role[trained] == Role.UNIFORM
        errors = proposing.fit_errors(
            _score(out_of_fold)[uniform], (out_of_fold.argmax(axis=1) != label)[uniform]
        )
        score = _score(probability)
        numbers: dict[str, Any] = {"n_labeled": trained.size}
        advice = proposing.advise(
            score,
            errors(score),
            self.account,
            next_batch=settings.items_per_round,
            item_ids=[str(line) for line in pool.tolist()],
            **numbers,
        )
        perfect = proposing.advise(
            score, np.zeros(pool.size), self.account, next_batch=0, **numbers
        )
        plan = advice.plan
        rest = np.arange(pool.size)
        if plan is not None:
            rest = np.setdiff1d(rest, plan.position)
        batch = selection.query_batch(
            probability[rest],
            settings.items_per_round,
            self._stream("querying", round_),
            self.features[pool[rest]],
        )
        asked = pool[rest[batch.position]]
        wrong = np.mean(probability.argmax(axis=1) != self.truth[pool])
        self.trace.append(
            f"round {round_}: {trained.size} by people, pool {pool.size}, error {wrong:.3f}, "
            f"predicted {errors(score).mean():.3f}, {advice.reason}"
        )
        if plan is None:
            pays = perfect.plan is not None and not self._patience_is_over()
            return asked, asked[batch.uniform], None, pays
        region = pool[plan.position]
        proposal = certify.open_attempt(
            self.account, region, plan.n_sample, seed=self.seed, model="m", round_=round_
        )
        # Uniform among what a region left over is not uniform in the pool.
        given = probability.argmax(axis=1)[plan.position]
        return asked, asked[:0], Proposed(proposal, region, given), True

    def _patience_is_over(self) -> bool:
        """Whether the last rounds certified nothing; the first one never can."""
        patience = self.settings.patience_rounds
        return len(self.gains) > patience and not any(self.gains[-patience:])

    def _outcome(self) -> Outcome:
        everyone, nobody = np.arange(len(self.truth)), np.empty(0, np.int64)
        would_say = self.people.consensus(everyone, nobody, nobody).label
        by_machine = self.machine >= 0
        problems = verify(self.account)
        assert not problems, problems
        return Outcome(
            people=float(np.mean(~by_machine)),
            wrong_truth=_share((self.machine != self.truth)[by_machine]),
            wrong_consensus=_share((self.machine != would_say)[by_machine]),
            consensus_error=float(np.mean(would_say != self.truth)),
            attempts="".join(attempt.outcome[0] for attempt in self.account.attempts),
            rounds=len(self.gains),
            trace=self.trace,
        )


def _score(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded to 32 bits, as the stages keep it."""
    return proposing.score_of(probability).astype(np.float32).astype(np.float64)


def _share(wrong: NDArray[np.bool_]) -> float:
    return float(wrong.mean()) if wrong.size else 0.0


def section_of(outcomes: list[Outcome], settings: Settings) -> Section:
    """The section of these jobs."""
    section = Section(
        "digits_loop",
        "Digits, many seeds",
        f"The sample job {len(outcomes)} times, with other people, batches and samples each time: "
        f"{settings.seed_items} items before any model, {settings.items_per_round} a round (the "
        "CRD's defaults). The stages' own functions in one process, without store, Ray and "
        "Kubernetes.",
    )
    people = [100 * outcome.people for outcome in outcomes]
    mean = float(np.mean(people))
    section.add("items labeled by people, mean", f"{mean:.1f} %", f"≤ {_TARGET_PERCENT} %",
                mean <= _TARGET_PERCENT)  # fmt: skip
    section.add("items labeled by people, least and most", f"{min(people):.1f} and "
                f"{max(people):.1f} %")  # fmt: skip
    few = sum(share <= _TARGET_PERCENT for share in people)
    section.add(f"jobs with at most {_TARGET_PERCENT} % labeled by people",
                f"{few} of {len(outcomes)}")  # fmt: skip
    target, risk = settings.target_error_permille / 10, settings.risk_permille / 10
    for what, values in (
        ("the people's consensus", [outcome.wrong_consensus for outcome in outcomes]),
        ("the hidden truth", [outcome.wrong_truth for outcome in outcomes]),
    ):
        section.add(f"machine labels unlike {what}, mean and most",
                    f"{100 * np.mean(values):.2f} and {100 * max(values):.2f} %")  # fmt: skip
    broken = sum(100 * outcome.wrong_consensus > target for outcome in outcomes)
    allowed = risk / 100 * len(outcomes)
    section.add(f"jobs with more than {target:g} % unlike the consensus", str(broken),
                f"≤ {allowed:g} of {len(outcomes)} expected", broken <= allowed)  # fmt: skip
    section.add("proposals accepted and refused, rounds, mean",
                f"{np.mean([o.attempts.count('A') for o in outcomes]):.1f} and "
                f"{np.mean([o.attempts.count('R') for o in outcomes]):.1f}, "
                f"{np.mean([o.rounds for o in outcomes]):.1f}")  # fmt: skip
    return section


def main() -> None:
    """Print one line per seed; without options the section goes into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=_SEEDS)
    parser.add_argument("--trace", action="store_true")
    options = parser.parse_args()
    settings = settings_of(SAMPLE)
    features, truth = digits()
    outcomes = []
    for seed in range(options.seeds):
        outcome = Job(features, truth, settings, seed).run()
        outcomes.append(outcome)
        say(
            f"digits_loop: seed {seed}: people {outcome.people:.3f}, wrong against truth "
            f"{outcome.wrong_truth:.4f}, against consensus {outcome.wrong_consensus:.4f}, "
            f"consensus error {outcome.consensus_error:.4f}, attempts {outcome.attempts}, "
            f"rounds {outcome.rounds}"
        )
        if options.trace:
            say("\n".join(outcome.trace))
    section = section_of(outcomes, settings)
    if len(sys.argv) == 1:
        publish(section)
    else:
        sys.stdout.write(section.text())


if __name__ == "__main__":
    main()

"""People's labels that the model contradicts are asked about again; those of a test never."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from surelabel.answers import AnswerIndex, CodedAnswers, merge
from surelabel.labels import Kind, LabelState, Role
from surelabel.ledger import Ledger
from surelabel.stages.consensus import estimated_error, gain_beside_a_model
from surelabel.stages.context import StageContext
from surelabel.stages.history import AskedAgain, History
from surelabel.stages.model_word import ModelWord, past_word, read_model_word
from surelabel.stages.repair import CONFIDENT, choose_repairs, repairable
from surelabel.stages.rounds import telling_answers
from surelabel.stages.sealed import sealed_lines
from surelabel.stages.stored import read_items, read_state
from surelabel.stages.train import OutOfFold
from surelabel.stages.verification import verify_job
from surelabel_contract.people import Task, read_tasks
from surelabel_contract.stages import (
    AutoLabeling,
    Limits,
    ObjectRef,
    StageConfig,
    StageReport,
    StorageAccess,
)
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver

PROMISE = AutoLabeling(
    target_error_permille=100,
    risk_permille=200,
    seed_items=60,
    items_per_round=40,
    repair_percent=50,
)
# So strict that nothing is ever proposed.
STRICT = PROMISE.model_copy(update={"target_error_permille": 1, "seed_items": 120})
ONE_EACH = {"annotators_per_item": 1, "max_annotators_per_item": 1}
PEOPLE = (800, 800, 800, 800, 800)


def context_at(driver: MiniDriver, before: StageReport, step: Step, **changes) -> StageContext:
    return StageContext.open(driver.config(step, before, **changes), Storage(driver.access))


def tasks_of(driver: MiniDriver, report: StageReport) -> list[Task]:
    return read_tasks((driver.path / report.carry["tasks"].key).read_bytes())


def coded_of(driver: MiniDriver, report: StageReport) -> list[CodedAnswers]:
    index = AnswerIndex.from_json((driver.path / report.carry["answers"].key).read_bytes())
    return [CodedAnswers.from_bytes((driver.path / ref.key).read_bytes()) for ref in index.coded]


def history_of(driver: MiniDriver, report: StageReport) -> History:
    return History.from_json((driver.path / report.carry["history"].key).read_bytes())


def after(driver: MiniDriver, round_: int, stage: Stage, pass_: int | None = None) -> StageReport:
    steps = [r for r in driver.reports if (r.step.round, r.step.stage) == (round_, stage)]
    return steps[-1] if pass_ is None else next(r for r in steps if r.step.pass_ == pass_)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> MiniDriver:
    """Three rounds with one answer each of people who are often wrong."""
    root = tmp_path_factory.mktemp("noisy") / "job"
    driver = digits_driver(root, 300, auto_labeling=STRICT, accuracies=PEOPLE, spec=ONE_EACH)
    with_models(driver, 3)
    return driver


def with_models(driver: MiniDriver, rounds: int) -> None:
    """So many rounds, whether models pay or not."""
    report = driver.run(0, Stage.PREPARE)
    for number in range(1, rounds + 1):
        for stage in (Stage.ANNOTATE, Stage.CONSOLIDATE, Stage.TRAIN, Stage.INFER):
            report = driver.run(number, stage, before=report)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> MiniDriver:
    """A whole job with accepted regions, repairs and further passes."""
    root = tmp_path_factory.mktemp("finished") / "job"
    driver = digits_driver(
        root,
        500,
        auto_labeling=PROMISE,
        accuracies=(950, 930, 900, 880, 850, 850, 850),
        spec={"annotators_per_item": 2, "max_annotators_per_item": 3},
    )
    driver.run_job()
    return driver


def repairs_of(driver: MiniDriver, report: StageReport) -> dict[int, Task]:
    return {int(task.item_id): task for task in tasks_of(driver, report) if task.exclude}


def test_contradicted_labels_go_out_again_with_the_next_batch(noisy: MiniDriver) -> None:
    scored = after(noisy, 1, Stage.INFER)
    again = repairs_of(noisy, scored)
    assert again
    assert scored.metrics["itemsAskedAgain"] == len(again)
    context = context_at(noisy, scored, Step(round=2, stage=Stage.ANNOTATE))
    state, word = read_state(context), past_word(context)
    (first,) = coded_of(noisy, scored)
    for line, task in again.items():
        place = int(np.searchsorted(word.line, line))
        assert word.line[place] == line
        assert word.label[place] != state.label[line]
        assert word.right[place] >= CONFIDENT
        asked = {first.annotators[who] for who in first.annotator[first.line == line].tolist()}
        assert set(task.exclude) == asked
        assert task.annotators == 2


def test_repairs_keep_within_their_share_of_the_answers(noisy: MiniDriver) -> None:
    for report in (r for r in noisy.reports if r.step.stage is Stage.INFER):
        tasks = tasks_of(noisy, report)
        new = sum(task.annotators for task in tasks if not task.exclude)
        again = sum(task.annotators for task in tasks if task.exclude)
        assert 0 < again <= new * STRICT.repair_percent / 100


def test_others_answer_and_the_label_is_made_of_all_answers(noisy: MiniDriver) -> None:
    scored, done = after(noisy, 1, Stage.INFER), after(noisy, 2, Stage.CONSOLIDATE)
    again = sorted(repairs_of(noisy, scored))
    first, second = coded_of(noisy, done)
    state = read_state(context_at(noisy, done, Step(round=2, stage=Stage.TRAIN)))
    before = read_state(context_at(noisy, scored, Step(round=2, stage=Stage.ANNOTATE)))
    for line in again:
        names = [
            part.annotators[who]
            for part in (first, second)
            for who in part.annotator[part.line == line].tolist()
        ]
        assert len(names) == len(set(names)) == 3
        assert state.answers[line] == 3
    truth = [
        int(json.loads(line)["label"])
        for line in (noisy.root / "truth.jsonl").read_text().splitlines()
    ]
    truth_of = np.array(truth)[again]
    assert np.sum(state.label[again] == truth_of) > np.sum(before.label[again] == truth_of)


def test_history_tells_how_many_were_asked_again_and_relabeled(noisy: MiniDriver) -> None:
    scored, done = after(noisy, 1, Stage.INFER), after(noisy, 2, Stage.CONSOLIDATE)
    again = sorted(repairs_of(noisy, scored))
    before = read_state(context_at(noisy, scored, Step(round=2, stage=Stage.ANNOTATE)))
    state = read_state(context_at(noisy, done, Step(round=2, stage=Stage.TRAIN)))
    changed = int(np.sum(before.label[again] != state.label[again]))
    first, second, *_ = history_of(noisy, done).rounds
    assert first.asked_again is None
    assert second.asked_again == AskedAgain(items=len(again), relabeled=changed)
    assert changed > 0


def test_an_item_is_asked_about_again_until_two_more_have_seen_it(noisy: MiniDriver) -> None:
    last = after(noisy, 3, Stage.INFER)
    counts = np.zeros(300, int)
    for part in coded_of(noisy, last):
        np.add.at(counts, part.line, 1)
    assert counts.max() == 3
    assert all(counts[line] == 1 for line in repairs_of(noisy, last))


def config_of_infer(driver: MiniDriver, **changes) -> StageConfig:
    trained = after(driver, 1, Stage.TRAIN)
    return driver.config(Step(round=1, stage=Stage.INFER), trained, **changes)


def chosen(driver: MiniDriver, most: int = 100, **changes) -> list[int]:
    context = StageContext.open(config_of_infer(driver, **changes), Storage(driver.access))
    return [entry.line for entry in choose_repairs(context, read_state(context), most)]


def test_without_a_share_or_people_left_nobody_is_asked_again(noisy: MiniDriver) -> None:
    assert len(chosen(noisy)) > 3
    assert chosen(noisy, 0) == []
    assert chosen(noisy, 1) == []
    assert len(chosen(noisy, 5)) == 2
    config = config_of_infer(noisy)
    assert config.simulated is not None
    lone = config.simulated.model_copy(update={"annotators": config.simulated.annotators[:1]})
    left = chosen(noisy, simulated=lone)
    (first,) = coded_of(noisy, after(noisy, 1, Stage.INFER))
    by_lone = set(first.line[first.annotator == first.annotators.index("p0")].tolist())
    assert by_lone.isdisjoint(left)
    assert chosen(noisy, simulated=None) == []


def test_labels_that_are_no_classes_are_not_asked_about_again(noisy: MiniDriver) -> None:
    assert chosen(noisy, task_type="TextClassification") == chosen(noisy)
    assert chosen(noisy, task_type="NamedEntityRecognition") == []


def test_a_label_gains_most_where_a_model_denies_it_that_is_mostly_right(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 600
    truth = rng.integers(0, 2, n)
    people = np.where(rng.random(n) < 0.8, truth, 1 - truth).astype(np.int32)
    right = np.repeat([0.95, 0.75, 0.55], n // 3)
    said = np.where(rng.random(n) < right, truth, 1 - truth)
    # One answer each, so nothing but the model tells how good people are.
    answers = CodedAnswers(
        np.arange(n), np.arange(n, dtype=np.int32) % 4, people, ("a", "b", "c", "d")
    )
    word = ModelWord(np.arange(n), said, right)
    step = Step(round=1, stage=Stage.INFER)
    config = MiniDriver(tmp_path, spec=ONE_EACH).config(step, None)
    gain = gain_beside_a_model(config, answers, word, people)
    found = np.array([gain[line] for line in range(n)])
    denied = said != people
    sure, unsure = denied & (right > 0.9), denied & (right < 0.6)
    assert found[sure].min() > found[unsure].max()
    assert found[unsure].min() > found[~denied].max()


def test_machine_labels_and_samples_are_no_ones_to_ask_again() -> None:
    state = LabelState.empty(6)
    state.kind[:] = (
        Kind.HUMAN, Kind.HUMAN, Kind.MACHINE, Kind.HUMAN, Kind.EARLIER_HUMAN, Kind.FAILED,
    )  # fmt: skip
    state.attempt[1] = 2
    state.attempt[2] = 2
    state.role[3] = Role.SAMPLE
    assert repairable(state).tolist() == [0]


def test_no_frozen_label_is_ever_asked_about_again(finished: MiniDriver) -> None:
    ledger = Ledger.from_json(
        (finished.path / finished.reports[-1].carry["account"].key).read_bytes()
    )
    sealed = {line for attempt in ledger.account.attempts for line in attempt.proposal.sample}
    again, sampled = 0, 0
    for report in (r for r in finished.reports if r.step.stage is Stage.INFER):
        if "tasks" not in report.carry:
            continue
        lines = set(repairs_of(finished, report))
        assert lines.isdisjoint(sealed)
        again += len(lines)
        sampled += report.next.proposal_pending
    assert again > 0 and sampled > 0
    found = verify_job(
        Storage(StorageAccess(prefixes=None, local_files=True)), f"file://{finished.path}"
    )
    assert found.problems == []


def contradicting(driver: MiniDriver, before: StageReport, lines: list[int]) -> StageContext:
    """Infer after ``before``, with a model that is sure of other labels of ``lines``."""
    context = context_at(driver, before, Step(round=before.step.round, stage=Stage.INFER))
    past = OutOfFold.from_bytes(context.read("outOfFold"))
    state = read_state(context)
    rest = ~np.isin(past.line, lines)
    line = np.concatenate((past.line[rest], lines))
    order = np.argsort(line)
    columns = (
        line,
        np.concatenate((past.label[rest], state.label[lines])),
        np.concatenate((past.predicted[rest], (state.label[lines] + 1) % 10)),
        np.concatenate((past.confidence[rest], np.full(len(lines), 0.9999, np.float32))),
        np.concatenate((past.role[rest], state.role[lines])),
    )
    changed = OutOfFold(*(column[order] for column in columns))
    data = changed.to_bytes()
    (driver.path / "contradicting.npz").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    ref = ObjectRef(key="contradicting.npz", size=len(data), sha256=digest)
    inputs = {**context.config.inputs, "outOfFold": ref}
    config = context.config.model_copy(update={"inputs": inputs})
    return StageContext.open(config, Storage(driver.access))


def test_a_contradicted_sample_is_left_alone_and_would_not_be_if_it_were_none(
    finished: MiniDriver,
) -> None:
    ledger = Ledger.from_json(
        (finished.path / finished.reports[-1].carry["account"].key).read_bytes()
    )
    evidence = ledger.evidence[0]
    decided = after(finished, int(evidence.decided_step.split("/")[0]), Stage.CONSOLIDATE)
    context = contradicting(
        finished, decided, sorted(ledger.account.attempts[0].proposal.sample)[:3]
    )
    state, lines = read_state(context), sorted(ledger.account.attempts[0].proposal.sample)[:3]
    assert (state.kind[lines] == Kind.HUMAN).all()
    assert not {entry.line for entry in choose_repairs(context, state, 1_000)} & set(lines)
    state.attempt[lines], state.role[lines] = 0, Role.QUERY
    assert {entry.line for entry in choose_repairs(context, state, 1_000)} & set(lines)


def test_beside_a_sample_the_model_speaks_of_all_other_items(finished: MiniDriver) -> None:
    proposed = next(
        r for r in finished.reports if r.next.proposal_pending and "proposal" in r.outputs
    )
    step = Step(round=proposed.step.round + 1, stage=Stage.CONSOLIDATE)
    context = context_at(finished, proposed, step)
    reader, sealed = read_items(context), sealed_lines(context)
    lines = [int(task.item_id) for task in tasks_of(finished, proposed)]
    assert len(sealed) and set(sealed.tolist()) < set(lines)
    word = read_model_word(context, reader, lines)
    assert word is not None
    assert set(word.line.tolist()) == set(lines) - set(sealed.tolist())


def talkative(root: Path, **values) -> MiniDriver:
    """Reviews, each answered by one of some who are often wrong."""
    promise = STRICT.model_copy(update={"seed_items": 60, "items_per_round": 20})
    driver = MiniDriver(root, accuracies=(750,) * 4, auto_labeling=promise, spec=ONE_EACH, **values)
    words = ("good fine", "bad awful")
    driver.write_input(
        [{"source": f"{words[n % 2]} {n}"} for n in range(200)], [str(n % 2) for n in range(200)]
    )
    return driver


def scored(driver: MiniDriver) -> StageReport:
    with_models(driver, 1)
    return driver.reports[-1]


def test_infer_that_runs_again_asks_the_same_again(tmp_path: Path) -> None:
    driver = talkative(tmp_path)
    report = scored(driver)
    assert repairs_of(driver, report)
    (driver.path / driver.keys.commit(report.step)).unlink()
    again = driver.run(1, Stage.INFER, before=after(driver, 1, Stage.TRAIN))
    assert again.carry["tasks"] == report.carry["tasks"]


def test_who_is_asked_again_is_no_new_item_of_a_limit(tmp_path: Path) -> None:
    driver = talkative(tmp_path)
    report = scored(driver)
    new = sum(not task.exclude for task in tasks_of(driver, report))
    assert new < report.next.task_items
    human = report.progressed.counters.human_labeled
    limits = Limits(max_human_labeled_items=human + new + 1)
    report = driver.run(2, Stage.ANNOTATE, before=report, limits=limits)
    assert report.annotate is not None
    assert report.annotate.items_expired == 0
    report = driver.run(2, Stage.CONSOLIDATE, before=report, limits=limits)
    assert report.progressed.counters.human_labeled == human + new


def test_where_all_others_have_one_answer_contradicted_items_are_no_measure(
    noisy: MiniDriver,
) -> None:
    done = after(noisy, 2, Stage.CONSOLIDATE)
    context = context_at(noisy, done, Step(round=2, stage=Stage.TRAIN))
    parts = coded_of(noisy, done)
    state, answers = read_state(context), merge(parts)
    assert estimated_error(context.config, answers, state) is not None
    left = telling_answers(context.config, answers, parts)
    assert estimated_error(context.config, left, state) is None
    several = context.config.model_copy(update={"annotators_per_item": 2})
    assert len(telling_answers(several, answers, parts).line) == len(answers.line)

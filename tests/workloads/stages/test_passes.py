"""Who is asked again: where the label is doubtful, by people as they are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from surelabel.answers import CANNOT_TELL_CODE, CodedAnswers
from surelabel.consolidation import AnnotatorParameters, HierarchicalDawidSkene
from surelabel.stages.consensus import wanted_of_classes
from surelabel.stages.context import StageContext
from surelabel.stages.model_word import ModelWord, read_model_word
from surelabel.stages.passes import LEAST_DOUBT, MoreAnswers, Wanted, doubt_of, next_pass
from surelabel.stages.stored import read_items
from surelabel_contract.people import read_tasks
from surelabel_contract.stages import AutoLabeling, StageConfig
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.consolidation.crowds import team_crowd
from workloads.stages.mini_driver import MiniDriver

LABELS = ("a", "b", "c")
PEOPLE = ("good", "fair", "poor", "bad")


def config(**values: object) -> StageConfig:
    driver = MiniDriver(Path("/nowhere"), labels=LABELS)
    step = Step(round=2, stage=Stage.CONSOLIDATE, pass_=1)
    return driver.config(step, None, **values)


def known() -> AnnotatorParameters:
    crowd = team_crowd(4, (0.97, 0.75, 0.6, 0.55), 400, len(LABELS))
    found = HierarchicalDawidSkene().fit_predict(
        crowd.item, crowd.annotator, crowd.label, crowd.n_items, 4, len(LABELS)
    )
    return found.annotators.named(PEOPLE)


KNOWN = known()


def coded(*items: dict[str, int]) -> CodedAnswers:
    rows = [
        (line, PEOPLE.index(who), label)
        for line, own in enumerate(items)
        for who, label in own.items()
    ]
    line, annotator, label = np.array(rows, np.int64).T
    return CodedAnswers(line, annotator.astype(np.int32), label.astype(np.int32), PEOPLE)


def doubt(
    answers: CodedAnswers, annotators: AnnotatorParameters | None = KNOWN, **more
) -> list[float]:
    values = {"is_sealed": False, "model": None} | more
    found = wanted_of_classes(config(), answers, annotators, **values).value
    return [found[line] for line in sorted(found)]


def test_who_disagrees_counts_and_not_how_many() -> None:
    by_good, by_bad, all_agree = doubt(
        coded(
            {"good": 0, "fair": 0, "bad": 1},
            {"good": 0, "poor": 1, "bad": 1},
            {"good": 0, "fair": 0, "poor": 0},
        )
    )
    assert all_agree < LEAST_DOUBT
    assert all_agree < by_good < by_bad
    assert by_bad > LEAST_DOUBT


def test_a_first_sample_is_asked_about_by_votes_and_nothing_is_learned_from_it() -> None:
    answers = coded(
        {"good": 0, "fair": 1}, {"good": 0, "fair": 0}, {"good": 0, "fair": 0, "bad": 1}
    )
    assert doubt(answers, None, is_sealed=True) == [1.0, 0.0, 1.0]


def test_in_a_sample_the_doubt_of_an_item_hangs_on_its_own_answers_alone() -> None:
    item = {"good": 0, "poor": 1, "bad": 1}
    others = [{"good": 2, "fair": 1, "bad": 0}] * 30
    alone = doubt(coded(item), is_sealed=True)
    assert doubt(coded(item, *others), is_sealed=True)[0] == alone[0]


def test_the_first_round_learns_from_its_own_answers_how_good_people_are() -> None:
    crowd = team_crowd(1, (0.97, 0.9, 0.5), 300, len(LABELS))
    answers = CodedAnswers(
        crowd.item, crowd.annotator.astype(np.int32), crowd.label.astype(np.int32), PEOPLE[:3]
    )
    found = np.array(doubt(answers, None))
    votes = np.zeros((300, 3))
    np.add.at(votes, (crowd.item, crowd.label), 1)
    undecided, unanimous = votes.max(axis=1) == 1, votes.max(axis=1) == 3
    assert found[undecided].min() > found[unanimous].max()
    assert (found[unanimous] < LEAST_DOUBT).all()


def test_a_model_is_one_more_annotator() -> None:
    answers = coded(*[{"good": 0, "fair": 1, "poor": 1}] * 3)
    lines = np.array([0, 1])

    def after(label: int, accuracy: float) -> list[float]:
        return doubt(answers, model=ModelWord(lines, np.full(2, label), np.full(2, accuracy)))

    without = doubt(answers)
    for side in (after(0, 0.95), after(1, 0.99)):
        # Nothing was said of the last item.
        assert side[2] == without[2]
    assert after(2, 0.95)[0] != without[0]
    assert after(0, 0.999)[0] < without[0]
    # A model that guesses says nothing.
    np.testing.assert_allclose(after(1, 1 / 3), without)


def test_a_models_word_by_hand() -> None:
    word = ModelWord(np.array([4, 7]), np.array([0, 1]), np.array([0.8, 0.8]))
    posterior = np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]])
    heard = word.heard(np.array([3, 4, 7]), posterior)
    # 0.9 * 0.2 against 0.1 * 0.8.
    np.testing.assert_allclose(heard, [[0.5, 0.5], [0.8, 0.2], [0.18 / 0.26, 0.08 / 0.26]])


@pytest.mark.parametrize("annotators", [None, KNOWN], ids=["unknown", "known"])
def test_without_a_usable_answer_nothing_is_known(annotators) -> None:
    answers = coded({"good": CANNOT_TELL_CODE, "bad": CANNOT_TELL_CODE})
    assert doubt(answers, annotators) == []


def test_one_answer_is_enough_where_nobody_asked_for_a_second() -> None:
    answers = coded({"bad": 0}, {"good": 0, "bad": 1})
    found = wanted_of_classes(config(annotators_per_item=1), answers, KNOWN, is_sealed=False)
    assert found.value[0] == 0.0
    assert found.value[1] > 0
    assert doubt(answers)[0] == 1.0


def test_doubt_by_hand() -> None:
    posterior = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]])
    found = doubt_of(posterior, np.array([1, 2, 5]), one_is_enough=False)
    np.testing.assert_allclose(found, [1.0, 0.3, 0.4])
    assert doubt_of(posterior, np.array([1, 2, 5]), one_is_enough=True)[0] == 0.0


@pytest.mark.parametrize("worth", [LEAST_DOUBT, None], ids=["enough", "no usable answer"])
def test_an_item_is_asked_about_again_by_others_until_it_has_had_all(worth) -> None:
    answers = coded({"good": 0, "fair": CANNOT_TELL_CODE}, {"good": 0, "fair": 1, "poor": 1})
    values = {1: 0.0} if worth is None else {0: worth, 1: LEAST_DOUBT / 2}
    two = Wanted(values, LEAST_DOUBT, 2)
    team = (*PEOPLE, "new")
    more = next_pass(answers, [0, 1], 5, team, two)
    assert more == [MoreAnswers(0, 2, ("fair", "good"))]
    assert next_pass(answers, [0, 1], 3, team, two) == [MoreAnswers(0, 1, ("fair", "good"))]
    assert next_pass(answers, [0, 1], 5, PEOPLE[:2], two) == []
    one = Wanted(values, LEAST_DOUBT, 1)
    assert next_pass(answers, [0, 1], 5, team, one) == [MoreAnswers(0, 1, ("fair", "good"))]


def test_a_job_hears_its_model_once_there_is_one(tmp_path: Path) -> None:
    promise = AutoLabeling(
        target_error_permille=100, risk_permille=100, seed_items=30, items_per_round=20
    )
    driver = MiniDriver(
        tmp_path,
        auto_labeling=promise,
        accuracies=(900, 800, 700, 700, 600, 600),
        spec={"max_annotators_per_item": 5},
    )
    words = ["good fine", "bad awful"]
    driver.write_input(
        [{"source": f"{words[n % 2]} {n}"} for n in range(200)], [str(n % 2) for n in range(200)]
    )
    driver.run_job(stop=lambda report: report.step.round == 2)
    asked = [r for r in driver.reports if r.step.stage is Stage.ANNOTATE]
    assert {r.step.pass_ for r in asked} == {1, 2, 3}
    (scored,) = (r for r in driver.reports if r.step.stage is Stage.INFER and r.step.round == 1)
    config_ = driver.config(Step(round=2, stage=Stage.CONSOLIDATE, pass_=1), scored)
    context = StageContext.open(config_, Storage(driver.access))
    reader = read_items(context)
    tasks = read_tasks(context.read("tasks"))
    lines = reader.lines_of(task.item_id for task in tasks)
    word = read_model_word(context, reader, list(lines.values()))
    assert word is not None
    assert word.line.tolist() == sorted(lines.values())
    assert set(word.label.tolist()) <= {0, 1}
    # What people are asked about is what the model is least sure of.
    pool = np.setdiff1d(np.arange(200), word.line)
    elsewhere = read_model_word(context, reader, pool.tolist())
    assert elsewhere is not None
    assert word.right.mean() < elsewhere.right.mean()
    assert ((word.right > 0) & (word.right < 1)).all()

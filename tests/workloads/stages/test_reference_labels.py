"""Reference labels of a sample: from an item's own answers and what was stored before, alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surelabel.answers import CodedAnswers
from surelabel.consolidation import AnnotatorParameters, HierarchicalDawidSkene
from surelabel.stages.consensus import reference_labels
from surelabel_contract.stages import StageConfig
from surelabel_contract.steps import Stage, Step
from workloads.consolidation.crowds import team_crowd
from workloads.stages.mini_driver import MiniDriver

LABELS = ("a", "b", "c")
# Only the first four have a history; the others answer for the first time in the sample.
PEOPLE = ("p0", "p1", "p2", "p3", "new1", "new2")

an_item = st.dictionaries(st.sampled_from(PEOPLE), st.integers(-2, 2), max_size=5)


def config(method: str) -> StageConfig:
    driver = MiniDriver(Path("/nowhere"), labels=LABELS)
    step = Step(round=2, stage=Stage.CONSOLIDATE, pass_=1)
    return driver.config(step, None, consolidation_method=method)


def history() -> AnnotatorParameters:
    """People of very different skill, and classes that are not equally common."""
    crowd = team_crowd(4, (0.95, 0.9, 0.6, 0.4), 200, len(LABELS))
    label = np.where(crowd.label == 2, 0, crowd.label)
    found = HierarchicalDawidSkene().fit_predict(
        crowd.item, crowd.annotator, label, crowd.n_items, 4, len(LABELS)
    )
    return found.annotators.named(PEOPLE[:4])


HISTORY = history()


def coded(items: list[dict[str, int]]) -> CodedAnswers:
    rows = [(line, who, label) for line, item in enumerate(items) for who, label in item.items()]
    names = tuple(sorted({who for _, who, _ in rows}))
    return CodedAnswers(
        np.array([line for line, _, _ in rows], np.int64),
        np.array([names.index(who) for _, who, _ in rows], np.int32),
        np.array([label for _, _, label in rows], np.int32),
        names,
    )


@pytest.mark.parametrize("method", ["Auto", "MajorityVote", "DawidSkene"])
@pytest.mark.parametrize("annotators", [None, HISTORY], ids=["first sample", "with history"])
@given(item=an_item, others=st.lists(an_item, max_size=6))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_reference_label_does_not_depend_on_the_other_items(
    method: str,
    annotators: AnnotatorParameters | None,
    item: dict[str, int],
    others: list[dict[str, int]],
) -> None:
    alone = reference_labels(config(method), coded([item]), np.array([0]), annotators)
    answers, lines = coded([item, *others]), np.arange(1 + len(others))
    among = reference_labels(config(method), answers, lines, annotators)
    assert (alone.label[0], alone.confidence[0]) == (among.label[0], among.confidence[0])


def test_a_tie_of_the_first_sample_is_broken_by_the_item_alone() -> None:
    tie = {"p0": 0, "p1": 1}
    others = [{"p0": 1, "p1": 1}] * 5
    labels = reference_labels(config("Auto"), coded([tie] * 40), np.arange(40), None).label
    assert set(labels.tolist()) == {0, 1}
    more = reference_labels(config("Auto"), coded([tie] * 40 + others), np.arange(45), None).label
    assert (more[:40] == labels).all()

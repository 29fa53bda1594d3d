"""Jobs whose labels are no classes and that models learn all the same."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surelabel.answers import CodedAnswers
from surelabel.labels import Kind
from surelabel.ledger import Ledger, StoredProposal
from surelabel.stages.answer_contents import AnswerContents
from surelabel.stages.context import StageContext
from surelabel.stages.sealed_values import sealed_values
from surelabel.stages.stored import read_items, read_state
from surelabel.stages.verification import verify_job
from surelabel.tasks import TASK_TYPES
from surelabel.tasks.valued import ValueTask
from surelabel_contract.keys import OUTPUT_MANIFEST
from surelabel_contract.stages import AutoLabeling
from surelabel_contract.store import Storage
from surelabel_contract.task_types import TASK_TYPE_FACTS
from workloads.stages.mini_driver import MiniDriver

LABELS = ("Falcon", "Heron", "Duck")
OTHER_WORDS = ("over", "a", "lake", "we", "saw", "it")
N = 400


def label_sets(n: int) -> tuple[list[Any], list[Any]]:
    """Texts that name birds, and the birds that each names."""
    rng = random.Random(5)
    lines, truth = [], []
    for number in range(n):
        chosen = [name for name in LABELS if rng.random() < 0.5]
        words = [*(name.lower() for name in chosen), *rng.choices(OTHER_WORDS, k=4)]
        rng.shuffle(words)
        lines.append({"source": f"{' '.join(words)} {number}"})
        truth.append({"crowd-multi-select": {"labels": chosen}})
    return lines, truth


def entities(n: int) -> tuple[list[Any], list[Any]]:
    """Texts in which birds are named after where they come from."""
    rng = random.Random(6)
    lines, truth = [], []
    for number in range(n):
        text, found = "", []
        for word in rng.choices((*LABELS, *OTHER_WORDS), k=6):
            if word in LABELS and not found:
                name = f"Northern {word}"
                spot = {"startOffset": len(text), "endOffset": len(text) + len(name)}
                found.append({"label": word, **spot})
                text += f"{name} "
            else:
                text += f"{word.lower()} "
        lines.append({"source": f"{text}{number}"})
        truth.append({"crowd-entity-annotation": {"entities": found}})
    return lines, truth


JOBS: dict[str, Callable[[int], tuple[list[Any], list[Any]]]] = {
    "TextClassificationMultiLabel": label_sets,
    "NamedEntityRecognition": entities,
}
types = pytest.mark.parametrize("name", JOBS)


def driver_of(root: Path, name: str, **values: Any) -> MiniDriver:
    promise = AutoLabeling(
        target_error_permille=100,
        risk_permille=100,
        seed_items=60,
        items_per_round=40,
        tolerance_permille=TASK_TYPE_FACTS[name].tolerance_permille,
    )
    driver = MiniDriver(root, labels=LABELS, task_type=name, auto_labeling=promise, **values)
    driver.write_input(*JOBS[name](N), key="answer")
    return driver


@pytest.fixture(scope="module", params=JOBS)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    driver = driver_of(tmp_path_factory.mktemp("job"), request.param)
    driver.run_job()
    return driver


def context_of(driver: MiniDriver) -> StageContext:
    config = driver.config(driver.reports[-1].step, driver.reports[-2])
    return StageContext.open(config, Storage(driver.access))


def verified(driver: MiniDriver) -> Any:
    return verify_job(Storage(driver.access), driver.folder_uri)


def test_machines_label_what_they_can(finished: MiniDriver) -> None:
    report = finished.reports[-1]
    counters, certificate = report.progressed.counters, report.progressed.certificate
    assert certificate is not None
    assert counters.machine_labeled == certificate.machine_labels > 100
    assert counters.total_labeled == N
    found = verified(finished)
    assert found.problems == []
    assert found.machine_labels == counters.machine_labeled
    assert found.human_labels == counters.human_labeled


def test_the_promise_holds_against_the_truth(finished: MiniDriver) -> None:
    task = TASK_TYPES[finished.task_type]
    assert isinstance(task, ValueTask)
    truth = [
        json.loads(raw)["answer"]
        for raw in (finished.root / "truth.jsonl").read_text().splitlines()
    ]
    tolerance = (TASK_TYPE_FACTS[finished.task_type].tolerance_permille or 0) / 1000
    wrong, machine = 0, 0
    for raw, answer in zip(finished.output_lines(), truth, strict=True):
        record = json.loads(raw)
        if record["job-metadata"]["human-annotated"] == "no":
            known = task.value_of(task.parse_answer(answer, LABELS), LABELS)
            label = task.read(record["job"], record["job-metadata"], LABELS)
            wrong += task.disagreement(label.value, known) > tolerance
            machine += 1
    assert machine > 100
    assert wrong / machine <= 0.1


@types
def test_two_executions_write_the_same_bytes(tmp_path: Path, name: str) -> None:
    trees = []
    for _ in range(2):
        driver = driver_of(tmp_path, name)
        driver.run_job()
        trees.append(driver.tree())
        shutil.rmtree(driver.path)
    assert trees[0] == trees[1]


@pytest.mark.parametrize(
    ("human", "problem"),
    [("no", "its machine label is not the certified one"), ("yes", "the sample's reference label")],
)
def test_a_label_that_was_changed_later_is_found(
    finished: MiniDriver, tmp_path: Path, human: str, problem: str
) -> None:
    context = context_of(finished)
    state = read_state(context)
    kind = Kind.MACHINE if human == "no" else Kind.HUMAN
    line = int(np.flatnonzero((state.kind == kind) & (state.attempt > 0))[0])
    manifest = finished.path / OUTPUT_MANIFEST
    before = manifest.read_bytes()
    lines = before.splitlines()
    other = next(
        record["job"]
        for record in map(json.loads, lines)
        if record["job"] != json.loads(lines[line])["job"]
    )
    old = json.dumps(json.loads(lines[line])["job"], separators=(",", ":")).encode()
    assert old in lines[line]
    new = json.dumps(other, separators=(",", ":")).encode()
    lines[line] = lines[line].replace(b'"job":' + old, b'"job":' + new)
    manifest.write_bytes(b"\n".join(lines) + b"\n")
    try:
        found = verified(finished)
    finally:
        manifest.write_bytes(before)
    assert any(f"line {line + 1}" in each and problem in each for each in found.problems)


def test_a_guess_that_was_changed_after_the_draw_is_found(finished: MiniDriver) -> None:
    guesses = next(finished.path.rglob("guesses.jsonl"))
    before = guesses.read_bytes()
    guesses.write_bytes(before.replace(b"1", b"2", 1))
    try:
        found = verified(finished)
    finally:
        guesses.write_bytes(before)
    assert any("guesses.jsonl" in each for each in found.problems)


def test_a_reference_label_depends_on_no_other_item_of_the_sample(finished: MiniDriver) -> None:
    context = context_of(finished)
    task, reader = TASK_TYPES[finished.task_type], read_items(context)
    assert isinstance(task, ValueTask)
    ledger = Ledger.from_json(context.read("account"))
    stored = StoredProposal.from_json(context.read_ref(ledger.evidence[0].proposal))
    sample = np.array(stored.proposals[0].sample, np.int64)
    index = json.loads(context.read("answers"))["coded"]
    parts = [CodedAnswers.from_bytes(context.folder.read(ref["key"])) for ref in index]
    place = next(place for place, part in enumerate(parts) if np.isin(sample, part.line).all())
    own, earlier = parts[place], parts[:place]
    contents = AnswerContents(context)

    def labels(lines: Any) -> Any:
        found = sealed_values(context, reader, task, own, contents, lines, earlier)
        return found.consensus.confidence, found.label

    confidence, together = labels(sample)
    for each in range(0, len(sample), 7):
        alone = labels(sample[each : each + 1])
        assert alone[1][int(sample[each])].value == together[int(sample[each])].value
        assert alone[0][0] == confidence[each]

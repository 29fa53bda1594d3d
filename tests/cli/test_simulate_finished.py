"""`surelabel simulate` on jobs that have ended, ours and Ground Truth's."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from cli.simulated_jobs import N_ITEMS, simulated_digits
from surelabel_cli.errors import UserError
from surelabel_cli.simulation.command import Request, simulate
from surelabel_cli.simulation.finished import FinishedJob
from surelabel_cli.simulation.ground_truth_job import read_ground_truth_job
from surelabel_cli.simulation.many import Run
from surelabel_cli.simulation.outcome import outcome_of
from surelabel_cli.simulation.own_job import read_own_job
from surelabel_cli.simulation.replay import Replay, Simulated
from surelabel_cli.simulation.replayed import replayed
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage

BIRDS = Path(os.environ.get("SURELABEL_DATA", "/none")) / "classification" / "ground_truth_birds"
STORAGE = Storage(StorageAccess(prefixes=None, local_files=True))
OUTPUT = "manifests/output/output.manifest"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Replay, Path]:
    """A job that has ended, with Ground Truth's files beside its own; its folder."""
    root = tmp_path_factory.mktemp("ended")
    job = simulated_digits(root)
    output = {**job.job["spec"]["output"], "layout": "GroundTruth"}
    spec = {**job.job["spec"], "output": output}
    replay = Replay(root / "job", Simulated({**job.job, "spec": spec}, job.team))
    replay.run()
    return replay, root / "job" / "digits"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def answers_of(folder: Path) -> dict[tuple[str, str], Any]:
    """By item and person, what the segments of a job say."""
    found = {}
    for segment in sorted(folder.glob("state/*/rounds/*/ann-p*/answers/*.jsonl")):
        for line in lines_of(segment):
            found[line["itemId"], line["annotator"]] = line["answerContent"]
    return found


def both(folder: Path) -> list[FinishedJob]:
    where = str(folder)
    return [read_own_job(STORAGE, where), read_ground_truth_job(STORAGE, where, None)]


def test_a_job_of_ours_reads_the_same_from_its_state_and_from_ground_truths_files(
    ended: tuple[Replay, Path],
) -> None:
    replay, folder = ended
    own, theirs = both(folder)
    counters = replay.reports[-1].progressed.counters
    assert len(own.lines) == N_ITEMS == len(own.labels)
    assert len(own.by_machine) == counters.machine_labeled > 100
    assert (own.labels, own.by_machine) == (theirs.labels, theirs.by_machine)
    assert own.recorded() == theirs.recorded()
    assert [json.loads(line) for line in own.lines] == [json.loads(line) for line in theirs.lines]
    assert own.classes.names == theirs.classes.names
    # What it was told, which Ground Truth's files do not say.
    assert own.spec["autoLabeling"]["seedItems"] == 60
    assert own.spec["workforce"]["pricePerAnnotation"]["amount"] == "0.012"
    was = own.as_it_was(own.spec["workforce"]["pricePerAnnotation"])
    assert was.answers is not None and was.answers.value == replay.reports[-1].progressed.answers
    assert was.cost is not None and was.cost.value == pytest.approx(0.012 * was.answers.value)


def test_people_say_again_what_they_said(ended: tuple[Replay, Path], tmp_path: Path) -> None:
    said = answers_of(ended[1])
    for number, finished in enumerate(both(ended[1])):
        found = replayed(finished, tmp_path / str(number), STORAGE)
        assert "answers of 5 people are replayed" in found.told[0]
        assert len(found.told) == 1
        again = Replay(tmp_path / f"again{number}", Run(found.simulated, 3).simulated)
        again.run()
        given = answers_of(tmp_path / f"again{number}" / found.simulated.job["metadata"]["name"])
        known = {key: content for key, content in given.items() if key in said}
        assert len(known) > 300
        assert all(content == said[key] for key, content in known.items())
        # Who was asked about an item is asked about it before anybody else is.
        items = {item for item, _ in said}
        assert {key for key in given if key[0] in items} == set(known)
        outcome = outcome_of(again)
        # Ground Truth's files do not say how few labels were enough to begin with.
        assert outcome.machine_labels > 0 or number == 1
        assert outcome.items == N_ITEMS and outcome.kept is not None


def test_more_people_than_once_answered_answer_from_the_jobs_labels(
    ended: tuple[Replay, Path], tmp_path: Path
) -> None:
    finished = read_own_job(STORAGE, str(ended[1]))
    found = replayed(finished, tmp_path, STORAGE)
    spec = {key: each for key, each in found.simulated.job["spec"].items() if key != "autoLabeling"}
    workforce = {**spec["workforce"], "annotatorsPerItem": 5, "maxAnnotatorsPerItem": 5}
    job = {**found.simulated.job, "spec": {**spec, "workforce": workforce}}
    replay = Replay(
        tmp_path / "all", Simulated(job, found.simulated.team, found.simulated.answers_uri)
    )
    assert replay.run().progressed.answers == 5 * N_ITEMS
    # Three of the five are recorded, so the labels are mostly what they were.
    wrong = outcome_of(replay).wrong_of_all
    assert wrong is not None and wrong < 0.02


def test_accuracies_are_agreement_with_the_labels_by_people(ended: tuple[Replay, Path]) -> None:
    finished = read_own_job(STORAGE, str(ended[1]))
    found = finished.accuracies()
    # crds/samples/digits.yaml: ada .99, ..., emil .85.
    assert set(found) == {"ada", "bela", "chidi", "dora", "emil"}
    assert found["ada"] > found["emil"]
    assert 800 < found["emil"] < 920


def test_outcomes_of_another_past_are_not_taken_for_this_ones(
    ended: tuple[Replay, Path], tmp_path: Path
) -> None:
    finished = read_own_job(STORAGE, str(ended[1]))
    fewer = FinishedJob(**{**vars(finished), "answers": finished.answers[:-1]})
    keys = {Run(replayed(job, tmp_path, STORAGE).simulated, 0).key for job in (finished, fewer)}
    assert len(keys) == 2


@pytest.mark.skipif(not BIRDS.exists(), reason="SURELABEL_DATA is not set")
def test_a_real_job_of_ground_truth_without_its_images(tmp_path: Path) -> None:
    finished = read_ground_truth_job(STORAGE, str(BIRDS), None)
    assert finished.task_type == "ImageClassification"
    assert (len(finished.lines), len(finished.answers), len(finished.annotators)) == (302, 1510, 97)
    assert finished.usual_answers() == 5
    # Named by their numbers, as Ground Truth had them.
    assert finished.classes.names[9] == "Canary" and len(finished.classes) == 10
    local = Storage(StorageAccess(prefixes=(tmp_path.as_uri(),), local_files=True))
    found = replayed(finished, tmp_path, local, price="0.012")
    assert "autoLabeling" not in found.simulated.job["spec"]
    assert "no model can learn" in found.told[1] and "--media" in found.told[1]
    replay = Replay(tmp_path / "birds", found.simulated)
    replay.run()
    outcome = outcome_of(replay)
    assert (outcome.human_labels, outcome.answers) == (302, 1510)
    assert outcome.cost == pytest.approx(18.12)
    # The same answers, so nearly the same labels as Ground Truth made of them.
    assert outcome.wrong_of_all is not None and outcome.wrong_of_all < 0.05


def test_media_that_have_moved_are_found_by_their_names(
    ended: tuple[Replay, Path], tmp_path: Path
) -> None:
    finished = read_own_job(STORAGE, str(ended[1]))
    lost = [re.sub(rb'"file://[^"]*/', b'"s3://gone/there/', line) for line in finished.lines]
    moved = FinishedJob(**{**vars(finished), "lines": tuple(lost)})
    images = ended[1].parents[1] / "digits" / "images"
    if not images.is_dir():
        (images,) = {path.parent for path in ended[1].parents[1].glob("digits/**/*.png")}
    found = replayed(moved, tmp_path, STORAGE, media=images)
    assert len(found.told) == 1
    assert "autoLabeling" in found.simulated.job["spec"]
    replay = Replay(tmp_path / "base", found.simulated)
    assert replay.prepare().config.auto_labeling is not None
    assert replay.reports[0].progressed.counters.failed_non_retryable_error == 0


def test_settings_of_a_job_file_count_in_place_of_the_jobs_own(
    ended: tuple[Replay, Path], tmp_path: Path
) -> None:
    finished = read_own_job(STORAGE, str(ended[1]))
    job = dict(simulated_digits(tmp_path).job)
    job["spec"] = {**job["spec"], "autoLabeling": {"targetErrorPermille": 20, "riskPermille": 10}}
    found = replayed(finished, tmp_path, STORAGE, job=job)
    assert found.simulated.job["spec"]["autoLabeling"]["targetErrorPermille"] == 20
    for field, value in (
        ("taskType", "TextClassification"),
        ("labels", [{"name": "0"}, {"name": "1"}]),
    ):
        other = {**job, "spec": {**job["spec"], field: value}}
        with pytest.raises(UserError, match=f"spec.{field}: must be"):
            replayed(finished, tmp_path, STORAGE, job=other)


def test_what_cannot_be_replayed_says_why(ended: tuple[Replay, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be replayed"):
        read_own_job(STORAGE, str(tmp_path))
    with pytest.raises(UserError, match=r"has no manifests/output/output.manifest"):
        read_ground_truth_job(STORAGE, str(tmp_path), None)
    with pytest.raises(UserError, match="are not replayed"):
        read_ground_truth_job(STORAGE, str(ended[1]), "SemanticSegmentation")
    with pytest.raises(UserError, match="no label of type BoundingBox"):
        read_ground_truth_job(STORAGE, str(ended[1]), "BoundingBox")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(None), "name a JOB.yaml"),
        (Request(None, from_job="a", from_ground_truth="b"), "only one"),
        (Request(Path("a.yaml"), media=Path()), "--media: only"),
        (Request(Path("a.yaml"), price="1"), "--price: only"),
        (Request(Path("a.yaml"), plot=Path("a.png")), "NAME.svg"),
        (Request(None, from_job="a", media=Path("/none/such")), "--media: must be a folder"),
    ],
)
def test_options_that_do_not_go_together_are_refused(request_: Request, words: str) -> None:
    with pytest.raises(UserError, match=words):
        simulate(request_)

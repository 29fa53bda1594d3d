"""What a simulated job comes to where labels are no classes."""

from __future__ import annotations

from pathlib import Path

from surelabel.stages.context import StageContext
from surelabel.stages.truth import read_truth
from surelabel_cli.job_file import read_job_file
from surelabel_cli.simulation.outcome import Outcome, outcome_of
from surelabel_cli.simulation.replay import Replay, Simulated

SAMPLE = Path(__file__).parents[2] / "crds" / "samples" / "entities.yaml"
N_ITEMS = 300


def replay_of(folder: Path, permille: int | None) -> Replay:
    """The sample of entities on its first texts; ``permille``: the target, if there is one."""
    file = read_job_file(SAMPLE).in_folder(folder)
    file.make_sample_data(folder)
    for name in ("input.manifest", "truth.jsonl"):
        (path,) = folder.glob(f"*/{name}")
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:N_ITEMS]
        path.write_text("".join(lines), encoding="utf-8")
    spec = {key: value for key, value in file.job["spec"].items() if key != "autoLabeling"}
    if permille is not None:
        spec["autoLabeling"] = {
            "targetErrorPermille": permille,
            "riskPermille": 200,
            "seedItems": 80,
            "itemsPerRound": 40,
        }
    return Replay(folder / "job", Simulated({**file.job, "spec": spec}, file.teams[0]))


def outcome(folder: Path, permille: int | None) -> tuple[Replay, Outcome]:
    replay = replay_of(folder, permille)
    replay.run()
    return replay, outcome_of(replay)


def test_machine_labels_are_held_against_what_the_people_would_have_said(tmp_path: Path) -> None:
    replay, found = outcome(tmp_path, 200)
    assert found.machine_labels > 20
    assert found.wrong_by_people is not None and found.wrong_in_truth is not None
    assert found.kept is (found.wrong_by_people <= 0.2)
    # A truth that nobody was asked about is the machine's error when it is another one.
    config = replay.config_of(replay.reports[-1].step)
    context = StageContext.open(config, replay.storage)
    people = replay.people.simulated
    assert people is not None
    known = read_truth(context, people, set(range(N_ITEMS))).known
    assert len(known) == N_ITEMS
    (path,) = tmp_path.glob("*/truth.jsonl")
    first = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(first[1:] + first[:1]), encoding="utf-8")
    moved = outcome_of(replay)
    assert moved.wrong_in_truth is not None and moved.wrong_by_people is not None
    assert moved.wrong_in_truth > 0.5 > found.wrong_in_truth
    assert moved.wrong_by_people > 0.5
    assert moved.kept is False


def test_peoples_own_labels_are_held_against_the_truth(tmp_path: Path) -> None:
    _, found = outcome(tmp_path, None)
    assert found.human_labels == N_ITEMS
    assert (found.wrong_by_people, found.kept) == (None, None)
    assert found.wrong_of_all is not None and 0 < found.wrong_of_all < 0.5

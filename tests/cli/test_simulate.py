"""``surelabel simulate``: the real loop many times over, and what it says of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.simulated_jobs import N_ITEMS, SAMPLE, simulated_digits
from surelabel_cli.errors import UserError
from surelabel_cli.main import app
from surelabel_cli.simulation.many import Outcomes, Run, run_all, run_one
from surelabel_cli.simulation.outcome import Outcome, outcome_of
from surelabel_cli.simulation.replay import Replay
from surelabel_cli.simulation.summary import Mean, Rate, Summary
from surelabel_cli.simulation.table import shown
from surelabel_cli.simulation.variations import Variation, variations
from surelabel_cli.truth import compare

OUTPUT = "digits/manifests/output/output.manifest"


def an_outcome(**changes: object) -> Outcome:
    outcome = Outcome(
        items=100, human_labels=30, machine_labels=70, unlabeled=0, answers=90, cost=9.0,
        currency="USD", rounds=2, attempts=1, refused=0, error_bound=0.05, wrong_by_people=0.02,
        wrong_in_truth=0.01, wrong_of_all=0.02, kept=True,
    )  # fmt: skip
    return replace(outcome, **changes)  # type: ignore[arg-type]


def test_a_replay_is_the_same_to_the_byte_whoever_extracted_the_features(tmp_path: Path) -> None:
    job = simulated_digits(tmp_path)
    prepared = Replay(tmp_path / "base", job).prepare()
    alone, taken = Replay(tmp_path / "alone", job), Replay(tmp_path / "taken", job)
    alone.run()
    taken.run(prepared)
    output = (tmp_path / "alone" / OUTPUT).read_bytes()
    assert output == (tmp_path / "taken" / OUTPUT).read_bytes()
    assert len(output.splitlines()) == N_ITEMS
    # Taken means taken: the very files, not others like them.
    features = list((tmp_path / "taken").glob("digits/state/*/items/features-*"))
    assert features and all(file.stat().st_nlink == 2 for file in features)
    other = Replay(tmp_path / "other", job.repetition(1))
    other.run(prepared)
    assert (tmp_path / "other" / OUTPUT).read_bytes() != output


def test_an_outcome_counts_what_the_manifest_and_the_truth_say(tmp_path: Path) -> None:
    replay = Replay(tmp_path / "job", simulated_digits(tmp_path))
    report = replay.run()
    found = outcome_of(replay)
    counters = report.progressed.counters
    assert (found.items, found.machine_labels) == (N_ITEMS, counters.machine_labeled)
    assert found.machine_labels > 100
    truth = compare(tmp_path / "job" / OUTPUT, tmp_path / "digits" / "truth.jsonl", "digit")
    assert truth.machine.labels == found.machine_labels
    assert found.wrong_in_truth == truth.machine.wrong / truth.machine.labels
    assert found.wrong_of_all == truth.all.wrong / truth.all.labels
    assert found.answers == report.progressed.answers >= 3 * found.human_labels
    assert found.cost == pytest.approx(0.012 * found.answers)
    # People of .85 to .99 rarely agree on a wrong digit, so both are near each other.
    assert found.wrong_by_people is not None and found.wrong_in_truth is not None
    assert abs(found.wrong_by_people - found.wrong_in_truth) < 0.05
    assert found.kept is (
        found.wrong_by_people * found.machine_labels <= 0.1 * found.machine_labels
    )


def test_people_alone_need_no_promise(tmp_path: Path) -> None:
    job = simulated_digits(tmp_path)
    spec = {key: value for key, value in job.job["spec"].items() if key != "autoLabeling"}
    replay = Replay(tmp_path / "job", replace(job, job={**job.job, "spec": spec}))
    replay.run()
    found = outcome_of(replay)
    assert (found.human_labels, found.machine_labels, found.kept) == (N_ITEMS, 0, None)
    assert found.wrong_in_truth is None
    assert found.wrong_of_all is not None


def test_a_stage_that_fails_says_why(tmp_path: Path) -> None:
    job = simulated_digits(tmp_path, input={"manifest": (tmp_path / "none").as_uri()})
    with pytest.raises(UserError, match=r"0000/pre-p1 failed: ManifestNotFound: .*none"):
        Replay(tmp_path / "job", job).run()


def test_every_combination_the_last_field_fastest() -> None:
    found = variations(
        ["autoLabeling.targetErrorPermille=10,20", "workforce.annotatorsPerItem=1,3"]
    )
    assert [one.title for one in found] == [
        "targetErrorPermille=10, annotatorsPerItem=1",
        "targetErrorPermille=10, annotatorsPerItem=3",
        "targetErrorPermille=20, annotatorsPerItem=1",
        "targetErrorPermille=20, annotatorsPerItem=3",
    ]
    assert [one.title for one in variations([])] == ["as it is"]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("targetErrorPermille", "values, such as"),
        ("=1", "values, such as"),
        ("a.b=", "values, such as"),
        ("a.b={x: 1}", "no number"),
    ],
)
def test_what_is_no_option_is_refused(option: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        variations([option])


def test_a_field_twice_is_refused() -> None:
    with pytest.raises(UserError, match="stands twice"):
        variations(["seed=1", "spec.seed=2"])


def test_a_variation_is_held_to_the_rules_of_the_crd(tmp_path: Path) -> None:
    job = simulated_digits(tmp_path)
    changed = Variation((("autoLabeling.targetErrorPermille", 20),)).of(job)
    assert changed.job["spec"]["autoLabeling"]["targetErrorPermille"] == 20
    assert changed.job["spec"]["autoLabeling"]["seedItems"] == 60
    assert job.job["spec"]["autoLabeling"]["targetErrorPermille"] == 100
    for path, value, words in (
        ("autoLabeling.targetErrorPermille", 0, "targetErrorPermille"),
        ("autoLabeling.targetError", 10, "targetError"),
    ):
        with pytest.raises(UserError, match=f"(?s)not valid.*{words}"):
            Variation(((path, value),)).of(job)


def test_a_killed_simulation_goes_on_from_the_outcomes_it_has(tmp_path: Path) -> None:
    job = simulated_digits(tmp_path)
    runs = [Run(job, 0), Run(job, 1)]
    assert runs[0].key != runs[1].key
    file = tmp_path / "outcomes.jsonl"
    Outcomes(file).add(runs[0], an_outcome(rounds=7))
    with file.open("a", encoding="utf-8") as torn:
        torn.write('{"key": "')
    known = Outcomes(file)
    assert known.find(runs[0]) == an_outcome(rounds=7)
    assert known.find(runs[1]) is None
    # Another process knows the same run by the same key; another job has another one.
    assert Outcomes(file).find(Run(simulated_digits(tmp_path), 0)) == an_outcome(rounds=7)
    assert known.find(Run(simulated_digits(tmp_path, seed=8), 0)) is None


def test_nothing_is_run_again_that_is_known(tmp_path: Path) -> None:
    run, seen = Run(simulated_digits(tmp_path), 0), list[Run]()
    Outcomes(tmp_path / "outcomes.jsonl").add(run, an_outcome())
    # Without Ray, which would be started for a run that is missing.
    assert run_all([run], tmp_path, 1, seen.append) == [an_outcome()]
    assert seen == [run]


def test_a_job_leaves_no_folder(tmp_path: Path) -> None:
    job = simulated_digits(tmp_path)
    prepared = Replay(tmp_path / "base", job).prepare()
    assert run_one(Run(job, 0), prepared, tmp_path / "one").items == N_ITEMS
    assert not (tmp_path / "one").exists()


def test_a_summary_has_means_with_their_intervals() -> None:
    found = Summary.of("x", [an_outcome(human_labels=20, kept=False), an_outcome(human_labels=40)])
    assert found.human_labels is not None
    # Student's t with one degree of freedom: 12.706 standard errors of 10.
    assert found.human_labels.value == 30
    assert found.human_labels.high - 30 == pytest.approx(127.06, abs=0.01)
    assert found.broken == Rate(1, 2)
    single = Mean.of([None, 3.0])
    assert single is not None and single.value == 3 and math.isnan(single.low)
    assert Mean.of([None]) is None
    assert (shown(single, 1), shown(None, 1)) == ("3.0", "-")
    assert shown(Mean(0.5, 0.4, 0.6, 9), 1, 100) == "50.0 ±10.0"


def test_the_share_of_broken_promises_has_the_exact_interval() -> None:
    # C. Clopper and E. Pearson's of 0 and of 5 in 100.
    assert (Rate(0, 100).low, Rate(0, 100).high) == (0, pytest.approx(0.0362, abs=1e-4))
    assert Rate(5, 100).low == pytest.approx(0.0164, abs=1e-4)
    assert Rate(5, 100).high == pytest.approx(0.1128, abs=1e-4)
    assert Rate(3, 3).high == 1


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_the_command_prints_a_line_for_each_variation(tmp_path: Path) -> None:
    text = SAMPLE.read_text(encoding="utf-8").replace(
        "    riskPermille: 50", "    riskPermille: 100"
    )
    (tmp_path / "job.yaml").write_text(text, encoding="utf-8")
    arguments = ["simulate", str(tmp_path / "job.yaml"), "--repeats", "2", "--workers", "2"]
    arguments += ["--workdir", str(tmp_path / "work")]
    vary = ["--vary", "autoLabeling.targetErrorPermille=50,100"]
    result = CliRunner().invoke(app, [*arguments, *vary], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("targetErrorPermille=") == 2
    assert "0 of 2" in result.stdout
    again = CliRunner().invoke(app, [*arguments, *vary, "--json"], catch_exceptions=False)
    strict, loose = json.loads(again.stdout)
    assert strict["repetitions"] == 2
    assert strict["human_labels"]["value"] > loose["human_labels"]["value"]
    assert not list((tmp_path / "work" / "jobs").glob("*"))


def test_a_team_of_people_cannot_be_simulated(tmp_path: Path) -> None:
    job = SAMPLE.read_text(encoding="utf-8")
    start = job.index("  simulated:")
    (tmp_path / "job.yaml").write_text(job[:start] + "  members: []\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["simulate", str(tmp_path / "job.yaml"), "--repeats", "1"])
    assert result.exit_code == 1
    # Until there are teams of people the rules of the CRD say so before the command does.
    assert "simulated" in result.stderr

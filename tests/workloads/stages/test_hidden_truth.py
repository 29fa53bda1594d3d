"""Nothing but the people who are asked ever sees the truth, whatever column it stands in."""

from __future__ import annotations

import json
from pathlib import Path

from cli.simulated_jobs import simulated_digits
from surelabel_cli.simulation.replay import Replay, Simulated

OUTPUT = "digits/manifests/output/output.manifest"


def output_of(folder: Path, job: Simulated) -> bytes:
    Replay(folder, job).run()
    return (folder / OUTPUT).read_bytes()


def machine_lines(output: bytes) -> list[int]:
    return [
        number
        for number, line in enumerate(output.splitlines())
        if json.loads(line)["digit-metadata"]["human-annotated"] == "no"
    ]


def test_a_poisoned_truth_of_what_nobody_was_asked_changes_no_byte(tmp_path: Path) -> None:
    job = simulated_digits(tmp_path)
    expected = output_of(tmp_path / "clean", job)
    machine = machine_lines(expected)
    assert len(machine) > 100
    file = tmp_path / "digits" / "truth.jsonl"
    truth = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for line in machine:
        truth[line]["label"] = str((int(truth[line]["label"]) + 1) % 10)
    file.write_text("".join(json.dumps(each) + "\n" for each in truth), encoding="utf-8")
    assert output_of(tmp_path / "poisoned", job) == expected
    # The poison works: where somebody is asked, it shows.
    asked = next(line for line in range(len(truth)) if line not in machine)
    truth[asked]["label"] = str((int(truth[asked]["label"]) + 1) % 10)
    file.write_text("".join(json.dumps(each) + "\n" for each in truth), encoding="utf-8")
    assert output_of(tmp_path / "asked", job) != expected


def test_a_truth_in_the_manifest_is_carried_along_and_never_read(tmp_path: Path) -> None:
    job = simulated_digits(tmp_path)
    manifest = tmp_path / "digits" / "input.manifest"
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    truth = [
        json.loads(line)["label"]
        for line in (tmp_path / "digits" / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    outputs = []
    for name, column in (("right", truth), ("poison", ["9"] * len(truth))):
        pairs = zip(lines, column, strict=True)
        text = "".join(json.dumps({**line, "truth": each}) + "\n" for line, each in pairs)
        manifest.write_text(text, encoding="utf-8")
        output = output_of(tmp_path / name, job)
        records = [json.loads(line) for line in output.splitlines()]
        assert [record.pop("truth") for record in records] == column
        outputs.append(records)
    assert outputs[0] == outputs[1]

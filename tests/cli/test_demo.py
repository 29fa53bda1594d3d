"""``surelabel demo``: what it prints is true and whole; the whole of it on the real parts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from surelabel_cli import demo
from surelabel_cli.errors import UserError
from surelabel_cli.reaper import marked_processes
from surelabel_operator.resources import LabelingJob, read_labeling_job


def a_finished_job(folder: Path) -> LabelingJob:
    """Four items: two by people, one of them wrong; two by machines, both right."""
    output = folder / "out" / "digits"
    manifest = output / "manifests" / "output" / "output.manifest"
    manifest.parent.mkdir(parents=True)
    labels = [("7", "yes"), ("1", "yes"), ("7", "no"), ("7", "no")]
    lines = [
        {"digit": 0, "digit-metadata": {"class-name": label, "human-annotated": by}}
        for label, by in labels
    ]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "digits").mkdir()
    (folder / "digits" / "truth.jsonl").write_text('{"label": "7"}\n' * 4)
    return read_labeling_job(
        {
            "metadata": {"name": "digits"},
            "spec": {
                "taskType": "ImageClassification",
                "labels": [{"name": "7"}, {"name": "1"}],
                "input": {"manifest": "file:///in.manifest"},
                "output": {"uri": (folder / "out").as_uri()},
                "workforce": {"workTeam": "readers"},
                "autoLabeling": {},
                "compute": {"ray": {"address": {"name": "local"}}},
            },
            "status": {
                "labelAttributeName": "digit",
                "labelCounters": {"total": 4, "humanLabeled": 2, "machineLabeled": 2},
                "annotation": {"openItems": 0, "answersReceived": 6},
                "certificate": {
                    "errorBoundPermille": 50,
                    "riskPermille": 50,
                    "validatedItems": 2,
                    "errors": 0,
                },
                "cost": {"amount": "0.072", "currency": "USD", "allHumanAmount": "0.144"},
                "output": {
                    "manifest": manifest.as_uri(),
                    "report": (output / "report" / "report.html").as_uri(),
                },
            },
        }
    )


def test_the_result_compares_with_the_truth_and_with_labeling_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo._say_result(a_finished_job(tmp_path), tmp_path)
    text = capsys.readouterr().out
    assert "People labeled    2 (50.0 %), by 6 answers" in text
    assert "50.00 % of the human labels are wrong (1 of 2)" in text
    assert "0.00 % of the machine labels are wrong (0 of 2)" in text
    assert "0.072 USD instead of 0.144 for everything by hand (50 % less)" in text


def test_manifest_and_report_stand_whole_on_lines_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ("a folder with a long name " * 6).strip()
    demo._say_result(a_finished_job(folder), folder)
    lines = capsys.readouterr().out.splitlines()
    manifest = folder / "out/digits/manifests/output/output.manifest"
    assert lines[lines.index("Manifest:") + 1] == str(manifest)
    assert lines[lines.index("Report:") + 1] == str(folder / "out/digits/report/report.html")
    assert manifest.is_file()


def test_the_watch_shows_what_kubectl_prints_and_each_state_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["NAME     STAGE     AGE", "digits   prepare   0s", "digits   prepare   1s"]
    lines.append("digits   consolidate   12s")
    (tmp_path / "rows").write_text("".join(f"{line}\n" for line in lines))
    with subprocess.Popen(
        ["/bin/cat", str(tmp_path / "rows")], stdout=subprocess.PIPE, text=True
    ) as kubectl:
        demo._say_changes(kubectl)
    assert capsys.readouterr().out.splitlines() == [
        "NAME     STAGE         AGE",
        "digits   prepare       0s",
        "digits   consolidate   12s",
    ]


def test_a_folder_of_something_else_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(UserError, match="not the folder of a demo"):
        demo._begin_anew(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_second_demo_begins_anew(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo._begin_anew(folder)
    (folder / "out").mkdir()
    demo._begin_anew(folder)
    assert not (folder / "out").exists()


@pytest.mark.cluster
@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(1500)
def test_the_demo_reaches_its_promise_and_leaves_nothing_running(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "surelabel_cli.main", "demo", "--workdir", str(folder)],
        # As `make demo` calls it: nothing is activated.
        env={**os.environ, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=1400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert marked_processes(str(folder)) == []
    assert re.search(r"^digits +True +train +\d", done.stdout, re.MULTILINE), "no row of kubectl"
    manifest = folder / "out/digits/manifests/output/output.manifest"
    assert str(manifest) in done.stdout.splitlines()
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    sources = (folder / "digits" / "input.manifest").read_text().splitlines()
    # Every line of the input, in order.
    assert [{"source-ref": line["source-ref"]} for line in lines] == list(map(json.loads, sources))
    people = sum(line["digit-metadata"]["human-annotated"] == "yes" for line in lines)
    assert people <= 0.35 * 1_797
    assert (found := re.search(r"([\d.]+) % of the machine labels are wrong \(", done.stdout))
    assert float(found[1]) <= 5.0

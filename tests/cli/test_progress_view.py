"""What a run shows, from the status alone: on a terminal, in a log, and at the end."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from surelabel_cli.progress_view import bar, certificate_text, progress_view, render_status
from surelabel_cli.summary import summary_lines
from surelabel_operator.resources import LabelCounters, LabelingJob, read_labeling_job

COUNTERS = {
    "total": 1797,
    "totalLabeled": 1400,
    "humanLabeled": 400,
    "machineLabeled": 1000,
    "unlabeled": 397,
}


def a_job(**status: Any) -> LabelingJob:
    """A LabelingJob in round 3 with this in its status."""
    return read_labeling_job(
        {
            "metadata": {"name": "digits"},
            "spec": {
                "taskType": "ImageClassification",
                "labels": [{"name": "0"}, {"name": "1"}],
                "input": {"manifest": "file:///in.manifest"},
                "output": {"uri": "file:///out"},
                "workforce": {"workTeam": "readers"},
                "autoLabeling": {"targetErrorPermille": 50, "riskPermille": 50},
                "compute": {"ray": {"address": {"name": "local"}}},
            },
            "status": {
                "step": {
                    "round": 3,
                    "stage": "annotate",
                    "generation": 1,
                    "name": "digits-1a2b3c4d5e-r003-ann-p1-a1",
                    "recordedTime": "2026-01-01T00:00:00Z",
                },
                "labelCounters": COUNTERS,
                **status,
            },
        }
    )


def a_condition(type_: str, status: str, reason: str, message: str = "") -> dict[str, str]:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def printed(job: LabelingJob) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(*render_status(job, "1:05", 50))
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


CERTIFICATE = {
    "errorBoundPermille": 41,
    "riskPermille": 50,
    "validatedItems": 208,
    "errors": 3,
}


def test_the_display_has_round_stage_bar_and_certificate() -> None:
    text = printed(a_job(certificate=CERTIFICATE))
    assert "digits  round 3 · annotate  1:05" in text
    assert "400 (22.3 %)" in text
    assert "1,000 (55.6 %)" in text
    assert "at most 4.1 % of the machine labels are wrong" in text


def test_the_bar_has_people_machines_and_the_rest_in_proportion() -> None:
    text = bar(LabelCounters(total=100, human_labeled=20, machine_labeled=50, unlabeled=30), 50)
    assert [len(text.plain[span.start : span.end]) for span in text.spans] == [10, 25, 15]


def test_a_single_item_is_seen_in_the_bar() -> None:
    text = bar(LabelCounters(total=100_000, human_labeled=1, machine_labeled=99_999), 50)
    assert [len(text.plain[span.start : span.end]) for span in text.spans][:2] == [1, 49]


def test_an_empty_job_has_an_empty_bar() -> None:
    assert bar(LabelCounters(), 5).plain == "░░░░░"


def test_without_machine_labels_the_target_is_told_and_no_certificate() -> None:
    none = {**COUNTERS, "machineLabeled": 0}
    assert certificate_text(a_job(labelCounters=none)).startswith("none yet; the target is at most")
    ended = a_job(labelCounters=none, completionTime="2026-01-02T03:04:05Z")
    assert certificate_text(ended) == "none needed: there are no machine labels"


def test_a_problem_is_shown_with_reason_and_message() -> None:
    text = printed(a_job(conditions=[a_condition("Ready", "False", "RayUnreachable", "no answer")]))
    assert "RayUnreachable: no answer It is asked again until it answers; Ctrl-C ends" in text
    gone = printed(a_job(conditions=[a_condition("Ready", "False", "AttemptLost", "It is gone.")]))
    assert "asked again" not in gone


def test_a_log_has_one_line_per_step_and_none_for_mere_progress() -> None:
    file = io.StringIO()
    with progress_view(Console(file=file, width=100)) as view:
        view.note("starting Ray")
        view.show(a_job())
        view.show(a_job(annotation={"openItems": 3, "answersReceived": 9}))
    first, second = file.getvalue().splitlines()
    assert first.endswith("starting Ray")
    assert "round 3 · annotate" in second
    assert "people 400  machines 1,000  unlabeled 397" in second


def test_a_terminal_gets_the_live_display() -> None:
    file = io.StringIO()
    with progress_view(Console(file=file, width=100, force_terminal=True)) as view:
        view.show(a_job())
        view.say("a line that stays")
    assert "a line that stays" in file.getvalue()
    assert "round 3" in file.getvalue()


def test_the_summary_has_each_uri_whole_on_a_line_of_its_own() -> None:
    uri = "file:///" + "long/" * 60 + "output.manifest"
    job = a_job(
        conditions=[a_condition("Succeeded", "True", "AllLabeled", "Every item has a label.")],
        output={"manifest": uri, "report": "file:///out/digits/report/report.html"},
        cost={"amount": "14.40", "currency": "USD", "allHumanAmount": "64.69"},
    )
    lines = summary_lines(job)
    assert lines[0] == "digits: succeeded (AllLabeled). Every item has a label."
    assert uri in lines
    assert "file:///out/digits/report/report.html" in lines
    assert any("14.40 USD (everything by hand: 64.69)" in line for line in lines)


def test_the_summary_of_a_stalled_job_says_how_to_go_on() -> None:
    stalled = a_condition("Stalled", "True", "ManifestNotFound", "There is no object.")
    (first, *_) = summary_lines(a_job(conditions=[stalled]))
    assert "ManifestNotFound: There is no object." in first
    assert "start the same command again" in first


@pytest.mark.parametrize(
    ("type_", "status", "reason"),
    [
        ("Ready", "False", "AttemptLost"),
        ("Ready", "False", "StorageUnavailable"),
        ("Stalled", "True", "ManifestChanged"),
    ],
)
def test_a_problem_that_is_an_event_as_well_is_told_once(
    type_: str, status: str, reason: str
) -> None:
    file = io.StringIO()
    with progress_view(Console(file=file, width=100)) as view:
        view.show(a_job(conditions=[a_condition(type_, status, reason, "So it is.")]))
        view.say(f"{reason}: So it is.")
        view.say("ItemsRejected: 3 lines cannot be labeled.")
    assert file.getvalue().count(reason) == 1
    assert "ItemsRejected" in file.getvalue()


STALLED = a_condition("Stalled", "True", "NoSuch", "It is gone.")


def test_a_log_leaves_what_a_stalled_job_waits_for_to_the_end() -> None:
    file = io.StringIO()
    with progress_view(Console(file=file, width=100)) as view:
        view.show(a_job(conditions=[STALLED]))
        view.say("NoSuch: It is gone.")
        view.say("ItemsRejected: 3 lines cannot be labeled.")
    first, second = file.getvalue().splitlines()
    assert first.endswith("unlabeled 397  stalled: NoSuch")
    assert "ItemsRejected" in second


def test_a_terminal_keeps_no_line_of_what_a_stalled_job_waits_for() -> None:
    file = io.StringIO()
    with progress_view(Console(file=file, width=100, force_terminal=True)) as view:
        view.show(a_job(conditions=[STALLED]))
        view.say("NoSuch: It is gone.")
        view.say("ItemsRejected: 3 lines cannot be labeled.")
    # The display has it while it stands.
    shown = file.getvalue()
    assert shown.count("NoSuch: ") == shown.count("stalled: NoSuch: ") > 0
    assert "ItemsRejected" in shown

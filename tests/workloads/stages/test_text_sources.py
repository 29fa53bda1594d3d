"""Spans of texts that lie in files: consolidated with their words, or by themselves without."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from surelabel_cli.sample_reviews import mentions, write_reviews
from surelabel_contract.stages import StageReport
from surelabel_contract.steps import Stage
from workloads.stages.mini_driver import MiniDriver

LABELS = ("Product", "Duration")
REVIEWS = [text for text, _ in write_reviews(40)]


def driver_of(root: Path, *, by_reference: bool) -> MiniDriver:
    root.mkdir()
    lines: list[dict[str, str]] = []
    for number, text in enumerate(REVIEWS):
        # A byte order mark is no part of the text.
        (root / f"{number}.txt").write_text(text, encoding="utf-8-sig")
        reference = {"source-ref": f"file://{root}/{number}.txt"}
        lines.append(reference if by_reference else {"source": text})
    truth = [
        {
            "crowd-entity-annotation": {
                "entities": [
                    {"label": label, "startOffset": start, "endOffset": end}
                    for label, start, end in mentions(text)
                ]
            }
        }
        for text in REVIEWS
    ]
    driver = MiniDriver(
        root, labels=LABELS, task_type="NamedEntityRecognition", accuracies=(800, 700, 600)
    )
    driver.write_input(lines, truth, key="answer")
    return driver


def consolidated(
    driver: MiniDriver, lost: Sequence[int] = (), broken: Sequence[int] = ()
) -> tuple[StageReport, list[dict[str, Any]]]:
    """The last report and the labels; some texts are ``lost`` or ``broken`` after the answers."""
    report = driver.run(1, Stage.ANNOTATE, before=driver.run(0, Stage.PREPARE))
    for number in lost:
        (driver.root / f"{number}.txt").unlink()
    for number in broken:
        (driver.root / f"{number}.txt").write_bytes(b"caf\xe9")
    report = driver.run(1, Stage.CONSOLIDATE, before=report)
    path = driver.path / "manifests/intermediate/output.manifest"
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    return report, [{key: line[key] for key in ("job", "job-metadata")} for line in lines]


def test_a_text_by_reference_gets_the_label_that_it_gets_inline(tmp_path: Path) -> None:
    inline, inside = consolidated(driver_of(tmp_path / "inline", by_reference=False))
    reference, beside = consolidated(driver_of(tmp_path / "reference", by_reference=True))
    assert inside == beside
    assert inline.notices == reference.notices == ()


def test_a_text_that_cannot_be_read_costs_its_item_the_words_and_nothing_else(
    tmp_path: Path,
) -> None:
    whole = driver_of(tmp_path / "whole", by_reference=True)
    _, with_words = consolidated(whole)
    broken = driver_of(tmp_path / "broken", by_reference=True)
    report, labels = consolidated(broken, lost=[3], broken=[5])
    (notice,) = report.notices
    assert notice.reason == "TextsNotRead"
    assert "2 items" in notice.message
    assert "line 4" in notice.message
    assert report.progressed.counters.human_labeled == len(REVIEWS)
    same = [first["job"] == second["job"] for first, second in zip(with_words, labels, strict=True)]
    # The others still have each other's words; a little less is known of the people.
    assert sum(same) > 0.8 * len(REVIEWS)


def test_words_make_a_difference(tmp_path: Path) -> None:
    """So that the tests above would see it if texts were lost on the way."""
    _, with_words = consolidated(driver_of(tmp_path / "with", by_reference=True))
    without = driver_of(tmp_path / "without", by_reference=True)
    _, bare = consolidated(without, lost=range(len(REVIEWS)))
    assert with_words != bare

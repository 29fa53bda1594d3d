"""Prepare on text: every kind of bad line, chaining, ids, shards."""

from __future__ import annotations

import json
import pickle
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from surelabel.items import ItemIndex, ItemReader
from surelabel.labels import Kind
from surelabel.manifest import ID_KEY_ATTRIBUTE
from surelabel.stages import prepare
from surelabel.stages.context import StageContext
from surelabel_contract.people import read_tasks
from surelabel_contract.stages import AutoLabeling, StageReport
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

PREPARE = Step(round=0, stage=Stage.PREPARE)


def reader_of(driver: MiniDriver, report: StageReport) -> ItemReader:
    folder = Storage(driver.access).folder(driver.folder_uri)
    return ItemReader(folder, ItemIndex.from_json(folder.read(report.carry["index"].key)))


def tasks_of(driver: MiniDriver, report: StageReport, role: str = "tasks") -> list[str]:
    data = (driver.path / report.carry[role].key).read_bytes()
    return [task.item_id for task in read_tasks(data)]


def test_bad_lines_are_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path)
    driver.write_input(
        [{"source": "a"}, "{broken", "[1]", {"source": "b"}, {"other": 1}, {"source": "c"}],
        ["0"] * 6,
    )
    report = driver.run(0, Stage.PREPARE)
    counters = report.progressed.counters
    assert (counters.total, counters.unlabeled, counters.failed_non_retryable_error) == (6, 3, 3)
    assert report.progressed.unlabeled_reasons == {
        "InvalidJson": 1,
        "NoSource": 1,
        "NotAnObject": 1,
    }
    assert tasks_of(driver, report) == ["0", "3", "5"]
    assert report.next.task_answers == 9
    assert report.notices[0].reason == "ItemsRejected"


def test_the_second_line_with_an_id_is_rejected(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path)
    key = {"dataset-objectid-attribute-name": "k"}
    driver.write_input(
        [
            {"source": "a", **key, "k": "x"},
            {"source": "b", **key, "k": "x"},
            {"source": "c", **key, "k": "3"},
            {"source": "d"},
        ],
        ["0"] * 4,
    )
    report = driver.run(0, Stage.PREPARE)
    assert report.progressed.unlabeled_reasons == {"DuplicateId": 2}
    assert tasks_of(driver, report) == ["x", "3"]
    assert reader_of(driver, report).lines_of(["3", "x"]) == {"x": 0, "3": 2}


def twin_duplicates(ids: list[str | None]) -> list[int]:
    seen: set[str] = set()
    found = []
    for line, item_id in enumerate(ids):
        name = item_id if item_id is not None else str(line)
        if name in seen:
            found.append(line)
        seen.add(name)
    return found


def test_the_first_line_keeps_an_id_across_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_LINES", 7)
    choose = random.Random(5)
    # Ids of few kinds, positions of earlier and later lines among them, and lines without one.
    ids = [choose.choice([None, None, "x", "é", str(choose.randrange(130))]) for _ in range(120)]
    lines = [
        {"source": "a"} if one is None else {"source": "a", ID_KEY_ATTRIBUTE: "k", "k": one}
        for one in ids
    ]
    # A rejected line has no id, so it takes none away.
    ids[3:3], lines[3:3] = ["rejected"], [{ID_KEY_ATTRIBUTE: "k", "k": "x"}]
    driver = MiniDriver(tmp_path)
    driver.write_input(lines, ["0"])
    report = driver.run(0, Stage.PREPARE)
    index = reader_of(driver, report).index
    assert len(index.shards) == 18
    assert list(index.duplicates) == twin_duplicates(ids)
    assert report.progressed.unlabeled_reasons == {
        "DuplicateId": len(index.duplicates),
        "NoSource": 1,
    }


def test_what_lines_leave_behind_takes_few_bytes_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 20_000
    monkeypatch.setattr(prepare, "_LINES", 500)
    driver = MiniDriver(tmp_path)
    driver.write_input(
        [{"source": "a", "job": 0, ID_KEY_ATTRIBUTE: "k", "k": f"x{k}"} for k in range(n)], ["0"]
    )
    config = driver.config(PREPARE, None)
    context = StageContext.open(config, Storage(driver.access))
    split = prepare._split(context)
    results = [prepare.prepare_shard(context, lines) for lines in split.ranges]
    assert len(pickle.dumps(results)) < n
    tracemalloc.start()
    try:
        found = prepare._collect(context, split, results)
        assert prepare._reject_duplicates(found) == ()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The state (29) and the digests (16); at the end their order, and one half of them in it.
    assert peak < 75 * n
    assert np.all(found.state.kind == Kind.EARLIER_HUMAN)


def test_lines_that_bring_a_label_are_counted_and_not_asked_about(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path)
    meta = {"class-name": "1", "human-annotated": "no"}
    driver.write_input(
        [
            {"source": "a", "job": 1, "job-metadata": meta},
            {"source": "b", "job": "0", "job-metadata": {"class-name": "0"}},
            {"source": "c", "job": 9},
            {"source": "d", "job-metadata": meta},
            {"source": "e"},
        ],
        ["0"] * 5,
    )
    report = driver.run(0, Stage.PREPARE)
    counters = report.progressed.counters
    assert (counters.human_labeled, counters.machine_labeled, counters.unlabeled) == (1, 1, 1)
    assert report.progressed.unlabeled_reasons == {"InvalidLabel": 2}
    assert tasks_of(driver, report) == ["4"]


def test_a_manifest_without_a_good_line_is_the_users_to_mend(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path)
    driver.write_input(["nonsense", "{}"], ["0", "0"])
    assert driver.start(driver.config(PREPARE, None)) == 2
    failure = driver.failure(PREPARE)
    assert failure.configuration
    assert failure.reason == "AllItemsRejected"
    assert "line 1: InvalidJson" in failure.message


@pytest.mark.parametrize(
    ("manifest", "reason"), [("", "ManifestEmpty"), (None, "ManifestNotFound")]
)
def test_an_empty_or_missing_manifest_is_said_so(
    tmp_path: Path, manifest: str | None, reason: str
) -> None:
    driver = MiniDriver(tmp_path)
    if manifest is not None:
        (tmp_path / "input.manifest").write_text(manifest)
    assert driver.start(driver.config(PREPARE, None)) == 2
    assert driver.failure(PREPARE).reason == reason


def test_a_line_that_is_too_long_is_rejected_and_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_MAX_BYTES", 2_000_000)
    long = "[" + "1," * 900_000 + "1]"
    driver = MiniDriver(tmp_path)
    driver.write_input([{"source": "a"}, long, {"source": "b"}], ["0", "0", "0"])
    report = driver.run_job()
    assert report.progressed.unlabeled_reasons == {"TooLong": 1}
    assert driver.output_lines()[1] == long.encode()
    (rejected,) = (driver.path / "report/rejected.jsonl").read_text().splitlines()
    assert len(rejected) < 1_000


def test_a_manifest_that_is_one_array_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_MAX_BYTES", 2_000_000)
    driver = MiniDriver(tmp_path)
    driver.write_input([{"source": "a"}, "[" + "1," * 1_000_000], ["0", "0"])
    assert driver.start(driver.config(PREPARE, None)) == 2
    failure = driver.failure(PREPARE)
    assert failure.configuration
    assert failure.reason == "ManifestLineTooLong"
    assert f"spec.input.manifest: line 2 of file://{tmp_path}/input.manifest" in failure.message
    assert "longer than 2000000 bytes" in failure.message
    assert "Write one JSON object a line" in failure.message


def test_a_shard_has_no_more_bytes_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_MAX_BYTES", 2_000)
    driver = MiniDriver(tmp_path)
    driver.write_input([{"source": f"{n} " + "a" * 700} for n in range(5)], ["0"] * 5)
    report = driver.run_job()
    assert len(driver.output_lines()) == 5
    assert report.progressed.counters.human_labeled == 5
    index = reader_of(driver, driver.reports[0]).index
    assert [(shard.first_line, shard.n_lines) for shard in index.shards] == [(0, 2), (2, 2), (4, 1)]


def test_media_failures_of_all_shards_are_listed_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_LINES_WITH_MEDIA", 2)
    promise = AutoLabeling(target_error_permille=50, risk_permille=50, seed_items=2)
    driver = MiniDriver(tmp_path, auto_labeling=promise)
    missing = {"source-ref": f"file://{tmp_path}/none.txt"}
    driver.write_input([missing, {"source": "a b"}, {"source": "c d"}, missing, missing], ["0"] * 5)
    report = driver.run(0, Stage.PREPARE)
    text = (driver.path / report.carry["mediaFailures"].key).read_text()
    assert [json.loads(line)["line"] for line in text.splitlines()] == [0, 3, 4]


def test_a_last_line_without_newline_counts(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path)
    (tmp_path / "input.manifest").write_text('{"source":"a"}\n{"source":"b"}')
    report = driver.run(0, Stage.PREPARE)
    assert report.progressed.counters.total == 2


def test_the_seed_comes_from_the_manifest_unless_the_spec_has_one(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path, seed=None)
    driver.write_input([{"source": "a"}], ["0"])
    report = driver.run(0, Stage.PREPARE)
    assert report.seed > 0
    (tmp_path / "b").mkdir()
    again = MiniDriver(tmp_path / "b", seed=11)
    again.write_input([{"source": "a"}], ["0"])
    assert again.run(0, Stage.PREPARE).seed == 11


def test_with_autolabeling_the_first_batch_has_seed_items(tmp_path: Path) -> None:
    promise = AutoLabeling(target_error_permille=50, risk_permille=50, seed_items=4)
    driver = MiniDriver(tmp_path, auto_labeling=promise)
    driver.write_input([{"source": f"word{n} text"} for n in range(12)], ["0"] * 12)
    report = driver.run(0, Stage.PREPARE)
    assert len(tasks_of(driver, report)) == 4
    assert report.next.remainder_items == 12


def test_every_line_is_kept_byte_for_byte(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path)
    lines = [b'{"source": "a",  "n": 1.50}', b"not json \xff", b'{"source":"b"}\r']
    (tmp_path / "input.manifest").write_bytes(b"\n".join(lines))
    report = driver.run(0, Stage.PREPARE)
    found = [raw for _, raws in reader_of(driver, report).raw_lines() for raw in raws]
    assert found == lines
    assert report.progressed.unlabeled_reasons == {"NotUtf8": 1}


def test_bad_text_fails_alone_and_is_named(tmp_path: Path) -> None:
    promise = AutoLabeling(target_error_permille=50, risk_permille=50, seed_items=2)
    driver = MiniDriver(tmp_path, auto_labeling=promise)
    (tmp_path / "good.txt").write_text("good text")
    driver.write_input(
        [
            {"source-ref": f"file://{tmp_path}/good.txt"},
            {"source-ref": f"file://{tmp_path}/none.txt"},
            {"source-ref": "file:///etc/hostname"},
            {"source-ref": "ftp://x/y"},
            {"source": "   "},
        ],
        ["0"] * 5,
    )
    report = driver.run(0, Stage.PREPARE)
    assert report.progressed.unlabeled_reasons == {
        "BrokenMedia": 1,
        "InvalidSource": 1,
        "MissingMedia": 1,
        "StorageNotAllowed": 1,
    }
    text = (driver.path / report.carry["mediaFailures"].key).read_text()
    assert [json.loads(line)["line"] for line in text.splitlines()] == [1, 2, 4]

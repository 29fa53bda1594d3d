"""report.html of whole jobs: with models, without, of every task type, with broken pictures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from surelabel.labels import Role
from surelabel.stages.report_examples import MAX_PICTURE_BYTES, thumbnail
from surelabel.stages.report_page import calibration_bins, confusion_of
from surelabel.stages.report_so_far import report_so_far
from surelabel.stages.train import OutOfFold
from surelabel.tasks import TASK_TYPES
from surelabel_contract.stages import AutoLabeling, Money
from surelabel_contract.steps import Stage
from surelabel_contract.store import Storage
from workloads.report_page.parsed import Page
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver
from workloads.stages.test_value_jobs import driver_of
from workloads.value_cases import CASES

PAGE = "report/report.html"


def page_of(driver: MiniDriver) -> Page:
    return Page.of((driver.path / PAGE).read_bytes())


def headings(page: Page) -> list[str]:
    return [each.text for each in page.all("h2")]


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> MiniDriver:
    """500 digits, some of them labeled by a model."""
    promise = AutoLabeling(
        target_error_permille=100, risk_permille=200, seed_items=60, items_per_round=40
    )
    driver = digits_driver(tmp_path_factory.mktemp("digits") / "job", 500, auto_labeling=promise)
    driver.spec = {"price_per_annotation": Money(amount="0.012", currency="USD")}
    driver.run_job()
    return driver


def test_a_job_with_models_has_its_whole_course(certified: MiniDriver) -> None:
    page = page_of(certified)
    assert headings(page)[:8] == [
        "Who labeled what",
        "Cost",
        "Tests of machine labels",
        "How the model learned",
        "Confidence and truth",
        "Annotators",
        "Labels",
        "What the model takes for what",
    ]
    assert headings(page)[8:12] == [
        "Machine labels: least certain",
        "Machine labels: most certain",
        "Labels by people: least certain",
        "Labels by people: most certain",
    ]
    counters = certified.reports[-1].progressed.counters
    assert f"By people{100 * counters.human_labeled / 500:.1f}".rstrip("0") in page.one("dl").text
    assert len(page.all("img")) >= 32
    assert page.one("h1").text == "job"


def test_examples_are_the_least_and_the_most_certain(certified: MiniDriver) -> None:
    cards = [each.text for each in page_of(certified).all("li")]
    shares = [float(text.split("\xa0%")[0].rpartition(" ")[2]) for text in cards[:16]]
    assert shares[:8] == sorted(shares[:8])
    assert shares[8:] == sorted(shares[8:], reverse=True)
    assert shares[7] <= shares[15]


def test_every_model_is_a_point_of_the_learning_curve(certified: MiniDriver) -> None:
    trained = [each for each in certified.reports if each.step.stage is Stage.TRAIN]
    table = next(each for each in page_of(certified).all("table") if "uniform" in each.text)
    rows = [each.text for each in page_of(certified).all("tr")]
    for report in trained:
        labels = int(report.metrics["trainingItems"])
        assert any(row.startswith(f"{report.step.round}{labels:,}") for row in rows), table.text


def test_the_report_is_an_output_that_export_names(certified: MiniDriver) -> None:
    outputs = certified.reports[-1].outputs
    assert outputs["report"].key == PAGE
    assert outputs["reportNumbers"].key == "report/report.json"


def test_the_page_can_be_made_again_from_the_store(certified: MiniDriver) -> None:
    made = report_so_far(Storage(certified.access), certified.folder_uri)
    assert made == (certified.path / PAGE).read_bytes()


def test_a_job_that_goes_on_has_a_page_as_far_as_it_came(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, "FreeText", spec={"max_open_items": 3})
    report = driver.run(0, Stage.PREPARE)
    driver._ask(1, report, "tasks")
    owner = {"stateRoot": driver.keys.root, "finished": False}
    (driver.path / "OWNER.json").write_text(json.dumps(owner))
    page = Page.of(report_so_far(Storage(driver.access), driver.folder_uri))
    assert "The job goes on; so far 3 of 7 items have a label." in page.one("header").text


@pytest.mark.parametrize("name", CASES)
def test_every_task_type_has_a_page(tmp_path: Path, name: str) -> None:
    driver = driver_of(tmp_path, name, 20)
    driver.run_job()
    page = page_of(driver)
    assert headings(page) == [
        "Who labeled what",
        "Annotators",
        "Labels by people: least certain",
        "Labels by people: most certain",
    ]
    cards = page.all("li")
    assert len(cards) == 16
    if TASK_TYPES[name].source_kind == "image":
        assert len(page.all("img")) == 16
    elif not TASK_TYPES[name].takes_any_source:
        assert all("are in text" in each.text for each in page.all("blockquote"))
        assert len(page.all("blockquote")) == 16


def test_pictures_that_are_gone_are_left_out_with_a_word(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, "BoundingBox", 7)
    # Gone after people saw them, before the report.
    broken = {"0.png": None, "1.png": b"no picture", "2.png": b"\x89PNG\r\n\x1a\n" + bytes(100)}

    def breaks(_report: object) -> bool:
        for name, content in broken.items():
            path = tmp_path / name
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content)
        return False

    driver.run_job(breaks)
    page = page_of(driver)
    missing = sorted(
        each.text for each in page.all("p") if each.attributes.get("class") == "missing"
    )
    assert missing == [
        "Not shown: MissingMedia.",
        "Not shown: the picture cannot be read.",
        "Not shown: the picture cannot be read.",
    ]
    assert len(page.all("img")) == 4


def test_no_query_of_an_uri_is_shown(tmp_path: Path) -> None:
    driver = driver_of(tmp_path, "Custom", 1)
    uri = f"file://{tmp_path}/input.manifest"
    driver.write_input([{"source-ref": uri}], [CASES["Custom"][0]], key="answer")
    driver.run_job()
    page = page_of(driver)
    assert "input.manifest" in page.one("li").text
    assert str(tmp_path) not in page.one("main").text


def test_a_job_of_hostile_words_has_a_page_of_words(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>"
    driver = MiniDriver(tmp_path, labels=(bad, '"><img src=x onerror=alert(1)>'))
    driver.write_input([{"source": f"{bad} {k}"} for k in range(6)], [bad] * 6)
    driver.run_job()
    page = page_of(driver)
    assert not page.all("script") and not page.all("img")
    assert next(each.text for each in page.all("blockquote")).startswith(bad)
    assert bad in page.one("main").text


def noise(side: int, kind: str, **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("side", [8, 64, 65, 300, 1500])
def test_thumbnails_are_small_whatever_the_picture(side: int, kind: str) -> None:
    found = thumbnail(0, noise(side, kind))
    assert found is not None
    assert (found.width, found.height, found.small) == (side, side, side <= 64)
    assert len(found.data) <= MAX_PICTURE_BYTES


def test_thumbnails_have_nothing_but_pixels() -> None:
    exif = Image.Exif()
    exif[0x010E] = "where we live"
    exif[0x0112] = 6
    found = thumbnail(0, noise(300, "JPEG", exif=exif))
    assert found is not None and b"where we live" not in found.data


def scored(n: int, n_wrong: int) -> OutOfFold:
    predicted = np.zeros(n, np.int32)
    predicted[:n_wrong] = 1
    return OutOfFold(
        line=np.arange(n, dtype=np.int64),
        label=np.zeros(n, np.int32),
        predicted=predicted,
        confidence=np.linspace(0.5, 1, n).astype(np.float32),
        role=np.full(n, Role.UNIFORM, np.int8),
    )


def test_calibration_counts_every_uniform_item_once() -> None:
    bins = calibration_bins(scored(100, 5))
    assert len(bins) == 8
    assert sum(each.items for each in bins) == 100
    assert sum(each.items - each.right for each in bins) == 5
    assert bins[0].right == bins[0].items - 5
    assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)


def test_calibration_needs_a_dozen_items() -> None:
    assert calibration_bins(scored(11, 0)) == ()
    assert len(calibration_bins(scored(12, 0))) == 1


def test_calibration_leaves_out_what_was_asked_for_being_hard() -> None:
    past = scored(48, 10)
    past.role[:24] = Role.QUERY
    assert sum(each.items for each in calibration_bins(past)) == 24


def test_confusion_counts_and_the_commonest_pair_comes_first() -> None:
    past = scored(10, 3)
    past.label[9] = 1
    found = confusion_of(past, ("a", "b"))
    assert found.table == ((6, 3), (1, 0))
    assert [(each.people, each.model, each.items) for each in found.pairs] == [
        ("a", "b", 3),
        ("b", "a", 1),
    ]
    assert (found.items, found.right) == (10, 6)


def test_many_classes_have_pairs_alone() -> None:
    found = confusion_of(scored(10, 3), tuple(f"class {k}" for k in range(21)))
    assert found.table is None
    assert len(found.pairs) == 1

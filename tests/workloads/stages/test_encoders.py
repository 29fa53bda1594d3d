"""Jobs whose features come from an encoder: the whole way, once an item, and what may go wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from surelabel.encoders.text_encoder import TextEncoder
from surelabel.items import ItemIndex, ItemReader
from surelabel.stages import prepare
from surelabel_contract.stages import AutoLabeling, Encoder, StageReport
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.encoders.onnx_files import (
    WORDS,
    EncoderFiles,
    image_file,
    text_file,
    text_files,
    write_files,
)
from workloads.stages.mini_driver import MiniDriver

PREPARE = Step(round=0, stage=Stage.PREPARE)
COLOURS = {"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}


def promise(uri: str, **more: Any) -> AutoLabeling:
    values = {"target_error_permille": 50, "risk_permille": 50, **more}
    return AutoLabeling(encoder=Encoder(uri=uri), **values)


def text_driver(root: Path, n: int, files: EncoderFiles | None = None) -> MiniDriver:
    """Texts of two kinds, which the encoder tells apart by their words."""
    root.mkdir(parents=True, exist_ok=True)
    uri = write_files(root / "encoder", files or text_files())
    driver = MiniDriver(root, auto_labeling=promise(uri, seed_items=60, items_per_round=60))
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, n)
    half = len(WORDS) // 2
    lines = [
        {"source": " ".join(rng.choice(WORDS[kind * half : (kind + 1) * half], 6))}
        for kind in truth.tolist()
    ]
    driver.write_input(lines, [str(kind) for kind in truth])
    return driver


def picture_driver(root: Path, n: int) -> MiniDriver:
    """Pictures in reddish and bluish noise."""
    files = EncoderFiles(image_file(), preprocessor=COLOURS)
    uri = write_files(root / "encoder", files)
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, n)
    for number, kind in enumerate(truth.tolist()):
        pixels = rng.integers(0, 150, (16, 16, 3), np.uint8)
        pixels[:, :, 2 * kind] += 105
        Image.fromarray(pixels).save(root / f"{number}.png")
    driver = MiniDriver(
        root,
        task_type="ImageClassification",
        auto_labeling=promise(uri, seed_items=60, items_per_round=60),
    )
    lines = [{"source-ref": f"file://{root}/{number}.png"} for number in range(n)]
    driver.write_input(lines, [str(kind) for kind in truth])
    return driver


def machine_labels(driver: MiniDriver) -> list[tuple[int, bool]]:
    """Each machine label, and whether it is right."""
    lines = (driver.root / "truth.jsonl").read_text().splitlines()
    truth = [json.loads(line)["label"] for line in lines]
    found = [json.loads(line) for line in driver.output_lines()]
    return [
        (line["job"], driver.labels[line["job"]] == expected)
        for line, expected in zip(found, truth, strict=True)
        if line["job-metadata"]["human-annotated"] == "no"
    ]


def features_of(driver: MiniDriver, report: StageReport) -> tuple[ItemIndex, np.ndarray]:
    folder = Storage(driver.access).folder(driver.folder_uri)
    index = ItemIndex.from_json(folder.read(report.carry["index"].key))
    return index, ItemReader(folder, index).features(0)[1]


def refused(driver: MiniDriver) -> Any:
    assert driver.start(driver.config(PREPARE, None)) == 2
    return driver.failure(PREPARE, driver.attempts[PREPARE.key])


def test_texts_go_the_whole_way_by_the_uri_of_an_encoder(tmp_path: Path) -> None:
    driver = text_driver(tmp_path, 1_000)
    report = driver.run_job()
    index, features = features_of(driver, report)
    assert index.encoder == text_files().sha256
    assert features.shape == (1_000, 16)
    labels = machine_labels(driver)
    assert len(labels) > 500
    assert np.mean([right for _, right in labels]) > 0.95
    assert "onnxruntime" in report.versions


def test_pictures_go_the_whole_way_by_the_uri_of_an_encoder(tmp_path: Path) -> None:
    driver = picture_driver(tmp_path, 1_200)
    report = driver.run_job()
    index, features = features_of(driver, report)
    assert index.encoder is not None
    assert features.shape == (1_200, 48)
    labels = machine_labels(driver)
    assert len(labels) > 500
    assert np.mean([right for _, right in labels]) > 0.95


def test_sets_of_classes_are_learned_from_an_encoder_as_well(tmp_path: Path) -> None:
    driver = text_driver(tmp_path, 200)
    driver.task_type = "TextClassificationMultiLabel"
    path = tmp_path / "truth.jsonl"
    kinds = [json.loads(line)["label"] for line in path.read_text().splitlines()]
    answers = [{"answer": {"crowd-multi-select": {"labels": [kind]}}} for kind in kinds]
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    report = driver.run(0, Stage.PREPARE)
    report = driver._ask(1, report, "tasks")
    report = driver.run(1, Stage.TRAIN, before=report)
    assert report.metrics["outOfFoldAccuracy"] > 0.9
    report = driver.run(1, Stage.INFER, before=report)
    assert report.metrics["poolItems"] == 140
    assert features_of(driver, report)[1].shape == (200, 16)


def test_an_earlier_model_starts_a_job_with_the_same_encoder_and_no_other_one(
    tmp_path: Path,
) -> None:
    earlier = text_driver(tmp_path / "earlier", 120)
    earlier.run_job(stop=lambda report: report.step.stage is Stage.INFER)
    model = (earlier.path / "model" / "model.skops").read_bytes()

    def starting(name: str, files: EncoderFiles) -> MiniDriver:
        driver = text_driver(tmp_path / name, 600, files)
        (tmp_path / name / "model.skops").write_bytes(model)
        uri = f"file://{tmp_path}/{name}/model.skops"
        assert driver.auto_labeling is not None
        driver.auto_labeling = driver.auto_labeling.model_copy(update={"initial_model_uri": uri})
        return driver

    report = starting("same", text_files()).run(0, Stage.PREPARE)
    assert "model" in report.carry
    # As wide as the other one, so that only its name can tell.
    failure = refused(starting("other", text_files(text_file(factor=0.5))))
    assert failure.reason == "InitialModelNotUsable"
    assert "it was trained on 16 features (encoder " in failure.message


def test_a_whole_job_is_the_same_in_every_run(tmp_path: Path) -> None:
    trees = []
    for name in ("one", "two"):
        driver = text_driver(tmp_path / name, 150)
        driver.run_job()
        trees.append(driver.path)
    first, second = (
        {path.relative_to(tree): path for path in tree.rglob("features-*.npz")} for tree in trees
    )
    assert len(first) == 1
    assert list(first) == list(second)
    assert [p.read_bytes() for p in first.values()] == [p.read_bytes() for p in second.values()]


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many items each run of the graph had; prepare's own trial not counted."""
    sizes: list[int] = []
    original = TextEncoder._encoded

    def counting(self: TextEncoder, ids: Any, n_features: int | None) -> Any:
        if n_features is not None:
            sizes.append(len(ids))
        return original(self, ids, n_features)

    monkeypatch.setattr(TextEncoder, "_encoded", counting)
    return sizes


def test_every_item_is_encoded_once_in_a_whole_job(tmp_path: Path, encoded: list[int]) -> None:
    driver = text_driver(tmp_path, 250)
    driver.run_job()
    assert len(driver.reports) > 5
    assert sum(encoded) == 250


def test_a_retry_encodes_only_what_is_missing(
    tmp_path: Path, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_LINES_WITH_MEDIA", 50)
    driver = text_driver(tmp_path, 250)
    original = prepare.write_item_shard
    calls = 0

    def failing(*arguments: Any) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise OSError("the node is gone")
        return original(*arguments)

    monkeypatch.setattr(prepare, "write_item_shard", failing)
    assert driver.start(driver.config(PREPARE, None)) == 1
    assert sum(encoded) == 150
    report = driver.run(0, Stage.PREPARE)
    assert sum(encoded) == 250
    assert len(features_of(driver, report)[0].shards) == 5


def test_an_encoder_that_was_replaced_before_a_retry_encodes_everything_anew(
    tmp_path: Path, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_LINES_WITH_MEDIA", 50)
    monkeypatch.setattr(prepare, "_collect", lambda *_: 1 / 0)
    driver = text_driver(tmp_path, 100)
    assert driver.start(driver.config(PREPARE, None)) == 1
    monkeypatch.undo()
    monkeypatch.setattr(prepare, "_LINES_WITH_MEDIA", 50)
    other = text_files(text_file(width=9))
    write_files(tmp_path / "encoder", other)
    report = driver.run(0, Stage.PREPARE)
    index, features = features_of(driver, report)
    assert index.encoder == other.sha256
    assert features.shape == (50, 9)


def test_an_encoder_that_is_replaced_between_two_shards_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from surelabel.stages import encoding

    monkeypatch.setattr(prepare, "_LINES_WITH_MEDIA", 50)
    driver = text_driver(tmp_path, 100)
    original = prepare.prepare_shard

    def replacing(context: Any, lines: Any) -> Any:
        if lines.number == 1:
            # As in another process, which has not opened it yet.
            encoding._open.cache_clear()
            write_files(tmp_path / "encoder", text_files(text_file(width=9)))
        return original(context, lines)

    monkeypatch.setattr(prepare, "prepare_shard", replacing)
    failure = refused(driver)
    assert failure.reason == "EncoderChanged"
    assert (
        f"spec.autoLabeling.encoder.uri: file://{tmp_path}/encoder/encoder.onnx was replaced"
        in (failure.message)
    )


def test_the_encoder_is_tried_before_any_item_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "prepare_shard", lambda *_: 1 / 0)
    driver = text_driver(tmp_path, 10, text_files(b"no model"))
    failure = refused(driver)
    assert failure.reason == "EncoderUnfit"
    assert failure.message.startswith(
        f"spec.autoLabeling.encoder.uri: file://{tmp_path}/encoder/encoder.onnx is no ONNX file: "
    )


def test_an_encoder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    driver = text_driver(tmp_path, 10)
    (tmp_path / "encoder" / "encoder.onnx").unlink()
    failure = refused(driver)
    assert failure.reason == "EncoderNotFound"
    assert "encoder.onnx does not exist. Upload it" in failure.message


def test_an_encoder_outside_the_allowed_prefixes_is_not_read(tmp_path: Path) -> None:
    driver = text_driver(tmp_path / "job", 10)
    uri = write_files(tmp_path / "elsewhere", text_files())
    driver.auto_labeling = promise(uri)
    failure = refused(driver)
    assert failure.reason == "StorageNotAllowed"
    assert failure.message.startswith(f"spec.autoLabeling.encoder.uri: '{uri}' lies under none")


def test_a_link_beside_the_encoder_does_not_lead_out_of_the_allowed_prefixes(
    tmp_path: Path,
) -> None:
    driver = text_driver(tmp_path / "job", 10)
    secret = tmp_path / "secret.json"
    secret.write_bytes((tmp_path / "job/encoder/tokenizer.json").read_bytes())
    (tmp_path / "job/encoder/tokenizer.json").unlink()
    (tmp_path / "job/encoder/tokenizer.json").symlink_to(secret)
    failure = refused(driver)
    assert failure.reason == "StorageNotAllowed"
    assert "tokenizer.json" in failure.message


def test_nan_for_one_item_names_the_lines_and_nothing_is_committed(tmp_path: Path) -> None:
    import onnx

    model = onnx.load_model_from_string(text_file())
    (table,) = model.graph.initializer
    values = onnx.numpy_helper.to_array(table).copy()
    values[-1] = np.nan
    table.CopyFrom(onnx.numpy_helper.from_array(values, table.name))
    driver = text_driver(tmp_path, 200, text_files(model.SerializeToString()))
    failure = refused(driver)
    assert failure.reason == "EncoderOutputInvalid"
    assert "gave nan as feature 0; features must be finite" in failure.message
    assert "one of the manifest's lines 1 to 64" in failure.message
    assert not (driver.path / driver.keys.commit(PREPARE)).exists()


@pytest.mark.parametrize(
    ("encoder", "reason", "words"),
    [
        (Encoder(name="EfficientNetLite0"), "EncoderUnfit", "name: EfficientNetLite0 does not enc"),
        (Encoder(name="Unheard"), "EncoderUnfit", "name: Unheard does not encode texts"),
        (
            Encoder(package="surelabel-none/encoder.onnx"),
            "EncoderNotInstalled",
            "no installed package 'surelabel-none' has a file 'encoder.onnx'",
        ),
        (
            Encoder(package="numpy/../../etc/passwd"),
            "EncoderNotInstalled",
            "no installed package 'numpy' has a file '../../etc/passwd'",
        ),
    ],
)
def test_an_encoder_that_cannot_be_had_is_told(
    tmp_path: Path, encoder: Encoder, reason: str, words: str
) -> None:
    driver = text_driver(tmp_path, 10)
    assert driver.auto_labeling is not None
    driver.auto_labeling = driver.auto_labeling.model_copy(update={"encoder": encoder})
    failure = refused(driver)
    assert failure.reason == reason
    assert words in failure.message


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime", "tokenizers"])
def test_a_library_that_is_not_installed_is_told_with_what_to_do(
    tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = text_driver(tmp_path, 10)
    monkeypatch.setitem(sys.modules, missing, None)
    failure = refused(driver)
    assert failure.reason == "EncoderNotInstalled"
    assert f"needs the package {missing}. Install surelabel[encoders]" in failure.message


def test_an_onnx_file_of_an_installed_package_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    write_files(site / "my_encoders" / "model", text_files())
    (site / "my_encoders" / "__init__.py").write_text("raise SystemExit('imported')")
    info = site / "my_encoders-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-encoders\nVersion: 1\n")
    names = ("__init__.py", "model/encoder.onnx", "model/tokenizer.json")
    (info / "RECORD").write_text("".join(f"my_encoders/{name},,\n" for name in names))
    monkeypatch.syspath_prepend(str(site))
    driver = text_driver(tmp_path / "job", 60)
    assert driver.auto_labeling is not None
    package = Encoder(package="my-encoders/my_encoders/model/encoder.onnx")
    driver.auto_labeling = driver.auto_labeling.model_copy(update={"encoder": package})
    report = driver.run(0, Stage.PREPARE)
    assert features_of(driver, report)[0].encoder == text_files().sha256


def test_the_same_encoder_is_opened_once_for_all_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_LINES_WITH_MEDIA", 20)
    opened: list[int] = []
    original = TextEncoder.open.__func__  # type: ignore[attr-defined]

    def counting(cls: type[TextEncoder], files: EncoderFiles) -> TextEncoder:
        opened.append(1)
        found: TextEncoder = original(cls, files)
        return found

    monkeypatch.setattr(TextEncoder, "open", classmethod(counting))
    text_driver(tmp_path, 100).run(0, Stage.PREPARE)
    assert len(opened) == 1


def test_a_broken_picture_fails_alone(tmp_path: Path) -> None:
    driver = picture_driver(tmp_path, 30)
    (tmp_path / "7.png").write_bytes(b"no picture")
    report = driver.run(0, Stage.PREPARE)
    assert report.progressed.unlabeled_reasons == {"BrokenMedia": 1}
    assert features_of(driver, report)[1].shape == (29, 48)

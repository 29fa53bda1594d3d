"""Sample data sets: complete, the same every time, and never half there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from surelabel.tasks import TASK_TYPES
from surelabel.tasks.bounding_box.task import BoundingBox
from surelabel.tasks.label_adjustment.task import read_earlier_label
from surelabel_cli import sample_data
from surelabel_cli.sample_data import UnknownSampleDataError, make_sample_data, sample_data_of
from surelabel_cli.sample_reviews import TOPICS, write_reviews
from surelabel_cli.sample_scenes import COUNT, SHAPES, SIZE


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_digits_are_all_1797_images_in_the_data_sets_order(tmp_path: Path) -> None:
    folder = make_sample_data("digits", tmp_path)
    manifest = read_lines(folder / "input.manifest")
    truth = read_lines(folder / "truth.jsonl")
    digits = load_digits()
    assert len(manifest) == 1_797
    assert [line["label"] for line in truth] == [str(label) for label in digits.target]
    assert [line["source-ref"] for line in truth] == [line["source-ref"] for line in manifest]
    assert manifest[3] == {"source-ref": (folder / "images" / "00003.png").as_uri()}
    with Image.open(folder / "images" / "00003.png") as image:
        assert (image.size, image.mode) == ((8, 8), "L")
        assert image.getpixel((3, 0)) == round(digits.images[3][0, 3] * 255 / 16)
        assert image.getextrema() == (0, round(15 * 255 / 16))


def test_the_manifest_holds_no_label(tmp_path: Path) -> None:
    folder = make_sample_data("reviews", tmp_path)
    assert {key for line in read_lines(folder / "input.manifest") for key in line} == {"source"}


def test_reviews_are_the_same_every_time_and_all_different() -> None:
    first = write_reviews()
    assert first == write_reviews()
    assert len({text for text, _ in first}) == len(first) == 600
    assert {topic for _, topic in first} == set(TOPICS)


def test_mentions_are_where_the_text_has_them(tmp_path: Path) -> None:
    folder = make_sample_data("mentions", tmp_path)
    found = set()
    for line in read_lines(folder / "truth.jsonl"):
        entities = line["answer"]["crowd-entity-annotation"]["entities"]
        for entity in entities:
            words = line["source"][entity["startOffset"] : entity["endOffset"]]
            found.add((entity["label"], words))
    assert ("Product", "pair of boots") in found
    assert ("Duration", "3 days") in found
    assert all(words[0].isdigit() == (label == "Duration") for label, words in found)


def test_scenes_have_a_shape_of_one_colour_in_every_box(tmp_path: Path) -> None:
    folder = make_sample_data("scenes", tmp_path)
    lines = read_lines(folder / "truth.jsonl")
    assert len(lines) == COUNT
    boxes = [line["answer"]["crowd-bounding-box"]["boundingBoxes"] for line in lines]
    assert {len(each) for each in boxes} == set(range(5))
    assert {box["label"] for each in boxes for box in each} == set(SHAPES)
    for line, each in zip(lines, boxes, strict=True):
        with Image.open(line["source-ref"].removeprefix("file://")) as image:
            assert image.size == SIZE
            background = image.getpixel((0, 0)) if not each else (244, 241, 234)
            for box in each:
                left, top = box["left"], box["top"]
                inner = image.crop((left, top, left + box["width"], top + box["height"]))
                colours = {colour for _, colour in inner.getcolors(9_999)} - {background}
                assert len(colours) == 1


def test_outlines_cover_their_shapes_to_the_pixel(tmp_path: Path) -> None:
    folder = make_sample_data("outlines", tmp_path)
    lines = read_lines(folder / "truth.jsonl")
    task = TASK_TYPES["InstanceSegmentation"]
    counted = 0
    for line in lines[:20]:
        value = task.value_of(task.read_truth({"answer": line["answer"]}, SHAPES), SHAPES)
        with Image.open(line["source-ref"].removeprefix("file://")) as image:
            pixels = np.asarray(image.convert("RGB"))
        drawn = (pixels != (244, 241, 234)).any(axis=2)
        assert np.array_equal(value.mask >= 0, drawn)
        counted += len(value.labels)
    assert counted > 20


def test_corrections_have_a_label_with_mistakes_and_what_is_right(tmp_path: Path) -> None:
    folder = make_sample_data("corrections", tmp_path)
    manifest, truth = (read_lines(folder / f"{n}") for n in ("input.manifest", "truth.jsonl"))
    said = [line["answer"]["crowd-bounding-box"]["initialValueModified"] for line in truth]
    assert 30 < sum(said) < 80
    for line, modified, right in zip(manifest, said, truth, strict=True):
        rough = read_earlier_label(line["rough"], line["rough-metadata"], SHAPES)
        boxes = BoundingBox().value_of(BoundingBox().parse_answer(right["answer"], SHAPES), SHAPES)
        assert (rough.boxes != boxes.boxes) == modified


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    folder = make_sample_data("reviews", tmp_path)
    before = (folder / "input.manifest").stat().st_mtime_ns
    assert make_sample_data("reviews", tmp_path) == folder
    assert (folder / "input.manifest").stat().st_mtime_ns == before


def test_an_interrupted_generation_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_building: Path, _target: Path) -> list[sample_data.Labeled]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(sample_data._MAKERS, "reviews", dies)
        with pytest.raises(KeyboardInterrupt):
            make_sample_data("reviews", tmp_path)
    assert not (tmp_path / "reviews").exists()
    folder = make_sample_data("reviews", tmp_path)
    assert len(read_lines(folder / "truth.jsonl")) == 600
    assert [path.name for path in tmp_path.iterdir()] == ["reviews"]


def test_an_unknown_name_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownSampleDataError,
        match=r"one of digits, reviews, mentions, scenes, outlines, corrections; got 'cats'",
    ):
        make_sample_data("cats", tmp_path)


@pytest.mark.parametrize("metadata", [None, {}, {"annotations": None}, {"annotations": {}}, "x"])
def test_a_resource_without_the_annotation_asks_for_nothing(metadata: object) -> None:
    assert sample_data_of({"metadata": metadata}) is None


def test_the_annotation_names_the_data_set() -> None:
    metadata = {"annotations": {"surelabel.dev/sample-data": "digits"}}
    assert sample_data_of({"metadata": metadata}) == "digits"

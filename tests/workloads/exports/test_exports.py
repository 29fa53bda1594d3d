"""Every format carries what it says it can: read by a reader of its own, and read back."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.dom import minidom

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from surelabel.exports import EXPORTS, Example, ExportError, LabeledData, read_labeled_manifest
from surelabel.exports import write_labeled_manifest as write_manifest
from surelabel.exports.dataset import stem_of
from surelabel.exports.geometry import (
    box_of_corners,
    corners,
    decode_counts,
    mask_of_runs,
    run_lengths,
)
from surelabel.exports.text_spans import flat
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import Box, Boxes, ImageSize, Polygons, SemanticMask, Shape, Span, Spans
from workloads.exports.examples import (
    CLASSES,
    DATA,
    MASK,
    OUTLINE,
    ROTATED,
    SIZE,
    TEXT,
    images,
    texts,
)

CASES = [(name, kind) for name, each in EXPORTS.items() for kind in each.task_types if kind in DATA]
BACK = [(name, kind) for name, kind in CASES if EXPORTS[name].read]


def said(value: Any, names: tuple[str, ...]) -> Any:
    """A value as nested lists, classes by name: two of equal meaning are approximately equal."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "__dataclass_fields__"):
        skipped = ("ref", "palette", "image")
        found = {k: getattr(value, k) for k in value.__dataclass_fields__ if k not in skipped}
        for key in ("label", "labels"):
            if isinstance(found.get(key), int):
                found[key] = names[found[key]]
            elif isinstance(found.get(key), tuple):
                found[key] = [names[code] for code in found[key]]
        if isinstance(value, SemanticMask):
            found["mask"] = [[names[c] if c >= 0 else "" for c in row] for row in value.mask]
        return {key: said(each, names) for key, each in found.items()}
    return [said(each, names) for each in value] if isinstance(value, tuple) else value


def flattened(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = [part for key in sorted(value) for part in (key, value[key])]
    if isinstance(value, list):
        for each in value:
            yield from flattened(each)
    else:
        yield pytest.approx(value, abs=1e-5) if isinstance(value, float | int) else value


def assert_same(first: LabeledData, second: LabeledData) -> None:
    pairs = zip(first.examples, second.examples, strict=True)
    for one, other in pairs:
        wanted = list(flattened(said(one.label.value, first.classes.names)))
        found = said(other.label.value, second.classes.names)
        if "points" in found:
            # Which point belongs to which object is not ours to say.
            key = lambda point: (point["x"], point["y"])  # noqa: E731
            found["points"].sort(key=key)
            sorted_one = said(one.label.value, first.classes.names)
            sorted_one["points"].sort(key=key)
            wanted = list(flattened(sorted_one))
        assert _plain(found) == wanted
        assert other.source == one.source or other.source == first.names[first.examples.index(one)]
        assert one.is_text == other.is_text


def _plain(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [p for key in sorted(value) for p in (key, *_plain(value[key]))]
    return [p for each in value for p in _plain(each)] if isinstance(value, list) else [value]


@pytest.mark.parametrize(("name", "kind"), BACK)
def test_what_is_written_is_read_back(tmp_path, name, kind):
    data = DATA[kind]
    EXPORTS[name].write(data, tmp_path)
    for told in (kind, None):
        if told is None and kind in (
            *("TextClassificationMultiLabel", "ImageClassification"),
            *("ImageClassificationMultiLabel", "TextClassification"),
        ):
            # One choice looks like the other.
            continue
        assert_same(data, EXPORTS[name].read(tmp_path, told))


@pytest.mark.parametrize(("name", "kind"), BACK)
def test_another_task_type_is_refused(tmp_path, name, kind):
    EXPORTS[name].write(DATA[kind], tmp_path)
    with pytest.raises(ExportError, match="--task-type"):
        EXPORTS[name].read(tmp_path, "Custom")


@pytest.mark.parametrize("kind", DATA)
def test_a_manifest_is_written_and_read_back(tmp_path, kind):
    path = tmp_path / "out.manifest"
    write_manifest(DATA[kind], "mine", path)
    data, broken = read_labeled_manifest(path, pixels=True)
    assert broken == []
    assert data.task_type == kind or {kind, data.task_type} <= {"Polygon", "Polyline"}
    assert_same(DATA[kind], data)


@pytest.mark.parametrize("name", ["coco", "voc", "yolo", "yolo-obb", "label-studio", "cvat"])
def test_an_image_of_unknown_size_is_left_out_and_told(tmp_path, name):
    data = images("BoundingBox", Boxes((Box(0, 1, 2, 3, 4),)), Boxes((), SIZE))
    notes = EXPORTS[name].write(data, tmp_path)
    assert any("a/0.jpg: left out: the size of the image is not known" in note for note in notes)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# -- readers written from the formats' own specifications


def test_coco_boxes_have_edges_areas_and_scores(tmp_path):
    EXPORTS["coco"].write(DATA["BoundingBox"], tmp_path)
    value = json.loads((tmp_path / "annotations.json").read_text())
    names = {each["id"]: each["name"] for each in value["categories"]}
    assert names == {1: "Dog", 2: "Big cat", 3: "Ärger 🐦"}
    assert [(i["file_name"], i["width"], i["height"]) for i in value["images"]] == [
        ("a/0.jpg", 40, 20),
        ("b/1.jpg", 40, 20),
    ]
    one, two = value["annotations"]
    assert (one["bbox"], one["area"], one["score"]) == ([2.5, 3, 10, 4], 40, 0.5)
    assert (names[one["category_id"]], one["image_id"], one["iscrowd"]) == ("Big cat", 1, 0)
    assert two["bbox"] == [0, 0, 40, 20]


def test_coco_masks_are_runs_down_the_columns(tmp_path):
    EXPORTS["coco"].write(DATA["InstanceSegmentation"], tmp_path)
    value = json.loads((tmp_path / "annotations.json").read_text())
    for number, each in enumerate(value["annotations"]):
        height, width = each["segmentation"]["size"]
        pixels, bit = [], 0
        for count in each["segmentation"]["counts"]:
            pixels += [bit] * count
            bit = 1 - bit
        found = [
            [pixels[column * height + row] for column in range(width)] for row in range(height)
        ]
        assert found == (number == MASK).astype(int).tolist()
        assert each["area"] == sum(pixels)
    assert [each["bbox"] for each in value["annotations"]] == [
        [0, 0, 4, 3],
        [30, 5, 10, 4],
        [39, 19, 1, 1],
    ]


def test_coco_key_points_make_up_objects(tmp_path):
    EXPORTS["coco"].write(DATA["Keypoint"], tmp_path)
    value = json.loads((tmp_path / "annotations.json").read_text())
    assert value["categories"][0]["keypoints"] == list(CLASSES.names)
    one, two = value["annotations"]
    assert one["keypoints"] == [3, 4, 2, 0, 0, 0, 5.5, 6, 2]
    assert (two["keypoints"], two["num_keypoints"]) == ([9, 10, 2, *[0] * 6], 1)


def test_coco_of_others_is_read(tmp_path):
    value = {
        "images": [{"id": 7, "file_name": "x.jpg", "width": 4, "height": 3}],
        "categories": [{"id": 90, "name": "z"}, {"id": 18, "name": "a"}],
        "annotations": [
            # pycocotools: frPyObjects({"counts": [1, 3, 8], "size": [3, 4]}), compressed.
            {"image_id": 7, "category_id": 90, "segmentation": {"counts": "138", "size": [3, 4]}}
        ],
    }
    path = tmp_path / "instances_val.json"
    path.write_text(json.dumps(value))
    data = EXPORTS["coco"].read(path, None)
    assert data.classes.names == ("a", "z")
    (example,) = data.examples
    assert example.source == "x.jpg"
    assert example.label.value.labels == (1,)
    expected = [[-1, 0, -1, -1], [0, -1, -1, -1], [0, -1, -1, -1]]
    assert example.label.value.mask.tolist() == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotations": [{"image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1]}]},
         r"annotations\[0\].category_id: must be the id of a category; got 9"),
        ({"annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1]}]},
         r"bbox: must be an array of 4 numbers"),
        ({"images": 3}, "images: must be an array; got 3"),
        ({"images": [{"id": 1, "file_name": "x", "width": 0, "height": 3}]}, "width: must be"),
    ],
)  # fmt: skip
def test_broken_coco_is_told(tmp_path, change, message):
    value: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "x.jpg", "width": 4, "height": 3}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [],
    }
    path = tmp_path / "x.json"
    path.write_text(json.dumps(value | change))
    with pytest.raises(ExportError, match=message):
        EXPORTS["coco"].read(path, None)


def test_voc_counts_pixels_from_one(tmp_path):
    data = images("BoundingBox", Boxes((Box(1, 0, 0, 3, 4),), SIZE))
    EXPORTS["voc"].write(data, tmp_path)
    document = minidom.parse(str(tmp_path / "Annotations" / "0.xml"))

    def text(name: str) -> str:
        return document.getElementsByTagName(name)[0].firstChild.data

    assert [text(edge) for edge in ("xmin", "ymin", "xmax", "ymax")] == ["1", "1", "3", "4"]
    assert (text("filename"), text("name"), text("width"), text("depth")) == (
        *("0.jpg", "Big cat", "40"),
        "3",
    )


def test_yolo_has_shares_of_the_image(tmp_path):
    data = DATA["BoundingBox"]
    EXPORTS["yolo"].write(data, tmp_path)
    rows = (tmp_path / "labels" / "a" / "0.txt").read_text().split()
    assert [float(each) for each in rows[:5]] == [1, 7.5 / 40, 5 / 20, 10 / 40, 4 / 20]
    assert rows[5:] == ["0", "0.5", "0.5", "1", "1"]
    assert (tmp_path / "labels" / "b" / "1.txt").read_text() == ""
    assert 'names:\n  0: "Dog"\n  1: "Big cat"' in (tmp_path / "data.yaml").read_text()


def test_yolo_segmentation_and_pose_lines(tmp_path):
    EXPORTS["yolo-seg"].write(DATA["Polygon"], tmp_path / "seg")
    first = (tmp_path / "seg/labels/0.txt").read_text().splitlines()[0].split()
    shares = [each for x, y in OUTLINE for each in (x / 40, y / 20)]
    assert first[0] == "2"
    assert [float(each) for each in first[1:]] == pytest.approx(shares, abs=1e-8)
    EXPORTS["yolo-pose"].write(DATA["Keypoint"], tmp_path / "pose")
    line = (tmp_path / "pose/labels/a/0.txt").read_text().splitlines()[0].split()
    # Class, box, then x, y, visibility of each class.
    assert len(line) == 5 + 3 * 3
    assert [float(each) for each in line[5:8]] == [3 / 40, 4 / 20, 2]
    assert line[8:11] == ["0", "0", "0"]
    assert "kpt_shape: [3, 3]" in (tmp_path / "pose/data.yaml").read_text()


def test_conll_tags_lead_back_to_the_spans(tmp_path):
    notes = EXPORTS["conll"].write(DATA["NamedEntityRecognition"], tmp_path)
    assert notes == ["1 spans: left out, they overlap longer ones."]
    blocks = (tmp_path / "spans.conll").read_text(encoding="utf-8").split("\n\n")
    assert len(blocks) == 2
    found, place = [], 0
    for line in blocks[0].splitlines():
        token, tag = line.split("\t")
        place = TEXT.index(token, place)
        if tag.startswith("B-"):
            found.append([tag[2:], place, place + len(token)])
        elif tag.startswith("I-"):
            assert found[-1][0] == tag[2:]
            found[-1][2] = place + len(token)
        place += len(token)
    assert found == [["Ärger 🐦", 0, 3], ["Big cat", 8, 15], ["Dog", 21, 29]]


def test_a_span_inside_a_word_splits_it(tmp_path):
    data = texts("NamedEntityRecognition", Spans((Span(0, 1, 2), Span(1, 2, 3))))
    EXPORTS["conll"].write(data, tmp_path)
    lines = (tmp_path / "spans.conll").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["A\tO", "n\tB-Dog", "n\tB-Big cat"]


def test_spacy_has_offsets_in_code_points(tmp_path):
    EXPORTS["spacy"].write(DATA["NamedEntityRecognition"], tmp_path)
    first = json.loads((tmp_path / "spans.jsonl").read_text(encoding="utf-8").split("\n")[0])
    parts = [first["text"][start:end] for start, end, _ in first["entities"]]
    assert parts == ["Ann", "Bob-Lee", "New York", "York"]


def test_csv_has_a_row_for_every_part(tmp_path):
    EXPORTS["csv"].write(DATA["BoundingBox"], tmp_path)
    rows = rows_of(tmp_path / "labels.csv")
    assert [(r["item"], r["label"], r["left"], r["confidence"]) for r in rows] == [
        ("s3://b/set/a/0.jpg", "Big cat", "2.5", "0.5"),
        ("s3://b/set/a/0.jpg", "Dog", "0", "1"),
        ("s3://b/set/b/1.jpg", "", "", ""),
    ]


@pytest.mark.parametrize("kind", EXPORTS["csv"].task_types)
def test_csv_takes_every_task_type_but_masks(tmp_path, kind):
    if kind in DATA:
        EXPORTS["csv"].write(DATA[kind], tmp_path)
        assert len((tmp_path / "labels.csv").read_text(encoding="utf-8").splitlines()) > 1


def test_png_masks_have_class_numbers_plus_one(tmp_path):
    EXPORTS["png"].write(DATA["SemanticSegmentation"], tmp_path)
    with Image.open(tmp_path / "masks" / "0.png") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), MASK + 1)
        palette = image.getpalette()
    rows = rows_of(tmp_path / "classes.csv")
    assert [(row["pixel"], row["name"]) for row in rows[:2]] == [("0", ""), ("1", "Dog")]
    assert "#" + bytes(palette[3:6]).hex() == rows[1]["color"]


@pytest.mark.parametrize("kind", ["SemanticSegmentation", "InstanceSegmentation"])
def test_panoptic_segments_are_colors_of_a_png(tmp_path, kind):
    EXPORTS["coco-panoptic"].write(DATA[kind], tmp_path)
    value = json.loads((tmp_path / "panoptic.json").read_text(encoding="utf-8"))
    (annotation,) = value["annotations"]
    names = {each["id"]: each["name"] for each in value["categories"]}
    assert {each["isthing"] for each in value["categories"]} == {int(kind[0] == "I")}
    with Image.open(tmp_path / "panoptic" / annotation["file_name"]) as image:
        pixels = np.asarray(image).reshape(-1, 3).tolist()
    ids = [red + 256 * green + 65_536 * blue for red, green, blue in pixels]
    wanted = DATA[kind].examples[0].label.value
    for place, each in enumerate(annotation["segments_info"]):
        assert [found == each["id"] for found in ids] == (place == MASK).ravel().tolist()
        assert each["area"] == ids.count(each["id"])
        code = wanted.labels[place] if kind[0] == "I" else place
        assert names[each["category_id"]] == CLASSES.names[code]


def test_a_panoptic_file_name_stays_in_its_folder(tmp_path):
    EXPORTS["coco-panoptic"].write(DATA["SemanticSegmentation"], tmp_path)
    file = tmp_path / "panoptic.json"
    value = json.loads(file.read_text(encoding="utf-8"))
    for name in ("../../x.png", "/etc/passwd", "none.png"):
        value["annotations"][0]["file_name"] = name
        file.write_text(json.dumps(value))
        with pytest.raises(ExportError, match=r"file_name: must be a"):
            EXPORTS["coco-panoptic"].read(tmp_path, None)


@pytest.mark.parametrize("kind", [k for k in EXPORTS["huggingface"].task_types if k in DATA])
def test_a_hugging_face_folder_is_one_parquet_file_with_its_classes(tmp_path, kind):
    EXPORTS["huggingface"].write(DATA[kind], tmp_path)
    table = pq.read_table(tmp_path / "data" / "train-00000-of-00001.parquet")
    rows = table.to_pylist()
    assert [row.get("image", row.get("text")) for row in rows] == [
        example.source for example in DATA[kind].examples
    ]
    metadata = (table.schema.metadata or {}).get(b"huggingface")
    if metadata is not None:
        features = json.loads(metadata)["info"]["features"]
        # All columns, or `datasets` refuses the file.
        assert list(features) == table.column_names
        label = features.get("label") or features["labels"]["feature"]
        assert label == {"names": list(CLASSES.names), "_type": "ClassLabel"}
    if kind == "BoundingBox":
        assert rows[0]["objects"] == {
            "bbox": [[2.5, 3, 10, 4], [0, 0, 40, 20]],
            "rotation": [0, 0],
            "category": ["Big cat", "Dog"],
            "confidence": [0.5, 1],
        }
    if kind == "ImageClassificationMultiLabel":
        assert [row["labels"] for row in rows] == [[2, 0], []]


def turned(x: float, y: float, degrees: float) -> complex:
    """A vector, turned clockwise as seen (y points down)."""
    return complex(x, y) * complex(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))


def test_label_studio_turns_about_the_corner(tmp_path):
    data = images("BoundingBox", Boxes((ROTATED,), SIZE))
    EXPORTS["label-studio"].write(data, tmp_path)
    (task,) = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    (result,) = task["annotations"][0]["result"]
    value = result["value"]
    assert value["rectanglelabels"] == ["Ärger 🐦"]
    corner = complex(value["x"] * 0.4, value["y"] * 0.2)
    width, height = value["width"] * 0.4, value["height"] * 0.2
    assert (width, height, value["rotation"]) == (pytest.approx(12), pytest.approx(6), 30)
    # From the corner along both sides to the middle, which is that of the upright box.
    middle = corner + turned(width / 2, height / 2, 30)
    assert (middle.real, middle.imag) == (pytest.approx(16), pytest.approx(8))
    assert_same(data, EXPORTS["label-studio"].read(tmp_path, None))


@pytest.mark.parametrize("name", ["yolo-obb", "cvat", "label-studio"])
@pytest.mark.parametrize("rotation", [30, -100, 180, 0])
def test_rotation_is_kept_where_the_format_has_it(tmp_path, name, rotation):
    data = images("BoundingBox", Boxes((replace(ROTATED, rotation=rotation),), SIZE))
    assert not any("rotated" in note for note in EXPORTS[name].write(data, tmp_path))
    assert_same(data, EXPORTS[name].read(tmp_path, "BoundingBox"))


@pytest.mark.parametrize("name", ["coco", "voc", "yolo"])
def test_elsewhere_the_enclosing_box_is_written_and_told(tmp_path, name):
    data = images("BoundingBox", Boxes((replace(ROTATED, rotation=90),), SIZE))
    notes = EXPORTS[name].write(data, tmp_path)
    assert any(note.startswith("1 rotated boxes: ") for note in notes)
    upright = images("BoundingBox", Boxes((Box(2, 13, 2, 6, 12),), SIZE))
    assert_same(upright, EXPORTS[name].read(tmp_path, "BoundingBox"))


def test_cvat_has_edges_and_points(tmp_path):
    EXPORTS["cvat"].write(DATA["Polygon"], tmp_path)
    document = minidom.parse(str(tmp_path / "annotations.xml"))
    (image,) = document.getElementsByTagName("image")
    assert (image.getAttribute("name"), image.getAttribute("width")) == ("0.jpg", "40")
    polygon = document.getElementsByTagName("polygon")[0]
    assert polygon.getAttribute("points") == "1,2;30.5,3;20,18.25"
    assert polygon.getAttribute("label") == "Ärger 🐦"
    labels = [each.firstChild.data for each in document.getElementsByTagName("name")]
    assert labels == list(CLASSES.names)


@pytest.mark.parametrize("name", ["voc", "cvat"])
def test_xml_with_entities_is_refused(tmp_path, name):
    path = tmp_path / "x.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>')
    with pytest.raises(ExportError, match="must not declare"):
        EXPORTS[name].read(path, None)


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("coco", "annotations.json", "{"),
        ("coco", "annotations.json", "[]"),
        ("voc", "a.xml", "<annotation>"),
        ("voc", "a.xml", "<annotation><object><name>x</name></object></annotation>"),
        ("yolo", "data.yaml", "names: 3"),
        ("yolo", "data.yaml", "names: {1: a}"),
        ("yolo", "data.yaml", "names: [a, b"),
        ("spacy", "spans.jsonl", '{"text": "a", "entities": [[0, 0, "x"]]}'),
        ("spacy", "spans.jsonl", "nonsense"),
        ("label-studio", "tasks.json", '[{"data": {"image": "x"}}]'),
        ("label-studio", "tasks.json", "[]"),
        ("cvat", "annotations.xml", '<annotations><image><box label="a"/></image></annotations>'),
        ("png", "classes.csv", "pixel\n1\n"),
    ],
)
def test_a_broken_file_ends_in_a_message(tmp_path, name, file, text):
    (tmp_path / file).write_text(text)
    with pytest.raises(ExportError):
        EXPORTS[name].read(tmp_path, None)


# -- what all of them stand on

number = st.floats(-50, 50)


@given(number, number, st.floats(0.5, 40), st.floats(0.5, 40), st.floats(-179, 180))
def test_a_box_is_found_again_from_its_corners(left, top, width, height, rotation):
    box = Box(0, left, top, width, height, rotation)
    found = box_of_corners(corners(box), 0)
    for point, other in zip(corners(box), corners(found), strict=True):
        assert math.dist(point, other) < 1e-3
    assert (found.width, found.height) == (pytest.approx(width), pytest.approx(height))


def test_corners_go_clockwise_from_the_upper_left():
    box = Box(0, 0, 0, 4, 2, rotation=90)
    assert [(round(x, 9), round(y, 9)) for x, y in corners(box)] == [
        (3, -1),
        (3, 3),
        (1, 3),
        (1, -1),
    ]


@given(st.integers(1, 7), st.integers(1, 7), st.data())
def test_runs_lead_back_to_the_mask(height, width, data):
    bits = data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    mask = np.array(bits).reshape(height, width)
    assert np.array_equal(mask_of_runs(run_lengths(mask), height, width), mask)


def compressed(counts: list[int]) -> str:
    """COCO's compressed runs, as its C code (rleToString) writes them."""
    text = ""
    for place, count in enumerate(counts):
        x = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            bits = x & 31
            x >>= 5
            more = x != -1 if bits & 16 else x != 0
            text += chr((bits | 32 if more else bits) + 48)
    return text


@given(st.lists(st.integers(0, 100_000), max_size=9))
def test_compressed_runs_are_read(counts):
    assert decode_counts(compressed(counts)) == counts


@pytest.mark.parametrize("text", ["P", "\x00", "1\xff"])
def test_broken_runs_are_refused(text):
    with pytest.raises(ValueError, match="compressed runs"):
        decode_counts(text)


def test_longer_spans_win_and_equal_ones_count_once():
    spans = (Span(0, 0, 2), Span(1, 1, 5), Span(0, 5, 6), Span(1, 5, 6))
    assert flat(spans) == [Span(1, 1, 5), Span(0, 5, 6)]


@pytest.mark.parametrize("name", ["coco", "yolo-seg"])
def test_a_stray_click_is_left_out_and_told(tmp_path, name):
    shapes = (Shape(0, OUTLINE[:2]), Shape(1, OUTLINE))
    data = images("Polygon", Polygons(shapes, SIZE), confidences=(0.1, 0.9))
    notes = EXPORTS[name].write(data, tmp_path)
    assert notes[0] == "0.jpg: left out: a polygon of fewer than three points."
    (example,) = EXPORTS[name].read(tmp_path, None).examples
    assert [shape.label for shape in example.label.value.shapes] == [1]
    if name == "coco":
        assert example.label.confidences == (0.9,)


def test_file_names_are_unique_relative_and_without_dots():
    sources = ["s3://b/x/1.jpg", "s3://b/x/1.png", "s3://b/x/../y/1.jpg", "s3://b/x/1-1.png"]
    data = LabeledData(
        "BoundingBox", CLASSES, tuple(Example(source, Label(Boxes(()))) for source in sources)
    )
    assert len({stem_of(name) for name in data.names}) == 4
    assert all(not re.search(r"(^|/)\.\.(/|$)|^/|:", name) for name in data.names)


def test_a_png_mask_in_a_manifest_is_read_where_it_lies(tmp_path):
    path = tmp_path / "out.manifest"
    write_manifest(DATA["SemanticSegmentation"], "road", path)
    line = json.loads(path.read_text())
    assert line["road-ref"].startswith("file:///")
    png = Image.open(io.BytesIO(Path(line["road-ref"].removeprefix("file://")).read_bytes()))
    assert np.array_equal(np.asarray(png), MASK + 1)
    Path(line["road-ref"].removeprefix("file://")).unlink()
    data, broken = read_labeled_manifest(path, pixels=True)
    assert data.examples == ()
    assert [each.reason for each in broken] == ["MalformedLabel"]


def test_sizes_of_another_reader_are_kept():
    example = Example("x.jpg", Label(Boxes(())), known_size=ImageSize(3, 4))
    assert example.size == ImageSize(3, 4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("3 0.1 0.1 0.1 0.1", r"0.txt:1: must begin with a class number, 0 \.\. 2; got '3'"),
        ("x 0.1", "must begin with a class number"),
        ("0 0.1 nan 0.1 0.1", "must be finite numbers"),
        ("0 0.1 a 0.1 0.1", "must be finite numbers"),
        ("0 0.1 0.1 0.1", "a line of BoundingBox cannot have 3 numbers"),
        ("0", "a line of BoundingBox cannot have 0 numbers"),
    ],
)
def test_a_broken_line_of_yolo_is_told(tmp_path, line, message):
    EXPORTS["yolo"].write(DATA["BoundingBox"], tmp_path)
    (tmp_path / "labels" / "a" / "0.txt").write_text(line)
    with pytest.raises(ExportError, match=message):
        EXPORTS["yolo"].read(tmp_path, "BoundingBox")


JUNK = [None, -1, 10**400, math.nan, "x", [[]], {"a": 1}]


def broken_at_every_leaf(value: Any, junk: Any) -> Iterator[Any]:
    """The value with one of its members, or all of it, replaced or taken away; each once."""
    yield junk
    if isinstance(value, dict):
        for key, member in value.items():
            yield {k: v for k, v in value.items() if k != key}
            for other in broken_at_every_leaf(member, junk):
                yield value | {key: other}
    elif isinstance(value, list) and value:
        for other in broken_at_every_leaf(value[0], junk):
            yield [other, *value[1:]]


@pytest.mark.parametrize(
    ("name", "kind"), [case for case in BACK if case[0] in ("coco", "label-studio")]
)
def test_json_that_is_broken_anywhere_is_read_or_told(tmp_path, name, kind):
    EXPORTS[name].write(DATA[kind], tmp_path)
    (file,) = tmp_path.iterdir()
    whole = json.loads(file.read_text(encoding="utf-8"))
    told = 0
    for junk in JUNK:
        for value in broken_at_every_leaf(whole, junk):
            file.write_text(json.dumps(value))
            try:
                EXPORTS[name].read(tmp_path, kind)
            except ExportError as error:
                told += 1
                assert len(str(error)) < 400 + len(str(tmp_path))
    assert told > 50


@pytest.mark.parametrize(("name", "kind"), BACK)
def test_bytes_that_are_broken_are_read_or_told(tmp_path, name, kind):
    EXPORTS[name].write(DATA[kind], tmp_path)
    rng = np.random.default_rng(5)
    for file in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        whole = file.read_bytes()
        for _ in range(20):
            place = int(rng.integers(0, len(whole) + 1))
            put_in = bytes(rng.integers(32, 127, int(rng.integers(0, 4)), dtype=np.uint8))
            file.write_bytes(whole[:place] + put_in + whole[place + int(rng.integers(0, 9)) :])
            with contextlib.suppress(ExportError, UnicodeDecodeError, csv.Error, FileNotFoundError):
                EXPORTS[name].read(tmp_path, kind)
        file.write_bytes(whole)

"""COCO and COCO panoptic, read by readers written from their specifications and by pycocotools."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from surelabel.exports import EXPORTS, ExportError, LabeledData
from surelabel.tasks.values import Boxes
from workloads.exports.examples import CLASSES, DATA, MASK, ROTATED, SIZE, images


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


@pytest.fixture
def tools(tmp_path):
    """pycocotools' view of what we write for a task type."""

    def of(data: LabeledData) -> COCO:
        EXPORTS["coco"].write(data, tmp_path)
        return COCO(tmp_path / "annotations.json")

    return of


def test_pycocotools_finds_images_categories_and_boxes(tools):
    found = tools(DATA["BoundingBox"])
    assert [found.loadImgs(each)[0]["file_name"] for each in found.getImgIds()] == [
        "a/0.jpg",
        "b/1.jpg",
    ]
    (cat,) = found.getCatIds(catNms=["Big cat"])
    (box,) = found.loadAnns(found.getAnnIds(imgIds=[1], catIds=[cat]))
    assert box["bbox"] == [2.5, 3, 10, 4]
    assert found.getAnnIds(imgIds=[2]) == []


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_paints_our_masks(tools):
    found = tools(DATA["InstanceSegmentation"])
    for number, each in enumerate(found.loadAnns(found.getAnnIds())):
        assert np.array_equal(found.annToMask(each), number == MASK)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_paints_our_polygons_and_rotated_boxes(tools):
    rotated = images("BoundingBox", Boxes((replace(ROTATED, rotation=90),), SIZE))
    found = tools(rotated)
    (box,) = found.loadAnns(found.getAnnIds())
    upright = np.zeros((20, 40), bool)
    upright[2:14, 13:19] = True
    assert np.array_equal(found.annToMask(box), upright)
    found = tools(DATA["Polygon"])
    for each in found.loadAnns(found.getAnnIds()):
        # Pixels at the edge fall on either side.
        assert found.annToMask(each).sum() == pytest.approx(each["area"], rel=0.06)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("kind", "measure"),
    [
        ("BoundingBox", "bbox"),
        ("Polygon", "segm"),
        ("InstanceSegmentation", "segm"),
        ("Keypoint", "keypoints"),
    ],
)
def test_pycocotools_finds_our_labels_equal_to_themselves(tools, kind, measure):
    truth = tools(DATA[kind])
    # What a result has tells pycocotools its kind.
    of = {
        "bbox": lambda each: {"bbox": each["bbox"]},
        "segm": lambda each: {"segmentation": truth.annToRLE(each)},
        "keypoints": lambda each: {"keypoints": each["keypoints"]},
    }[measure]
    results = [
        {"image_id": each["image_id"], "category_id": each["category_id"], "score": 0.5, **of(each)}
        for each in truth.loadAnns(truth.getAnnIds())
    ]
    evaluation = COCOeval(truth, truth.loadRes(results), measure)
    evaluation.params.kpt_oks_sigmas = np.full(len(CLASSES), 0.1)
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][..., 0, -1]
    assert (precision[precision > -1] > 1 - 1e-9).all()
    assert (precision > -1).any()


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


def coco_of(path, *annotations, size=(8, 12)):
    """A file as COCO's own: one image, two categories, and these annotations."""
    height, width = size
    path.write_text(json.dumps({
        "images": [{"id": 7, "file_name": "x.jpg", "width": width, "height": height}],
        "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}],
        "annotations": [
            {"id": number, "image_id": 7, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, 1, 1],
             **each}
            for number, each in enumerate(annotations)
        ],
    }))  # fmt: skip
    return path


SQUARE = {"segmentation": [[1, 1, 7, 1, 7, 7, 1, 7]], "bbox": [1, 1, 6, 6]}
IN_IT = {"segmentation": [[2, 2, 4, 2, 4, 4, 2, 4], [8, 2, 10, 2, 10, 4, 8, 4]], "category_id": 3,
         "bbox": [2, 2, 8, 2]}  # fmt: skip
CROWD = {"iscrowd": 1, "segmentation": {"counts": [0, 8, 88], "size": [8, 12]}}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("packed", [False, True])
def test_polygons_and_run_lengths_are_instances_as_pycocotools_paints_them(tmp_path, packed):
    runs = {"segmentation": {"counts": [80, 8, 8], "size": [8, 12]}}
    if packed:
        theirs = mask_api.frPyObjects(runs["segmentation"], 8, 12)
        runs = {"segmentation": {**theirs, "counts": theirs["counts"].decode()}}
    # The smaller one first: it is in front nevertheless.
    path = coco_of(tmp_path / "x.json", IN_IT, SQUARE, CROWD, runs)
    tool = COCO(path)
    small, square, _, column = (tool.annToMask(each) > 0 for each in tool.loadAnns(range(4)))
    data = EXPORTS["coco"].read(path, None)
    assert data.task_type == "InstanceSegmentation"
    value = data.examples[0].label.value
    assert value.labels == (1, 0, 0)
    expected = np.select([small, square, column], [0, 1, 2], -1)
    assert np.array_equal(value.mask, expected)
    assert data.notes == (
        "1 crowd region (iscrowd): left out, each stands for many objects. Label them one by one "
        "where they count.",
    )


@pytest.mark.parametrize(
    ("task_type", "n", "notes"),
    [
        ("BoundingBox", 2, ["1 crowd region (iscrowd)"]),
        ("Polygon", 3, ["1 crowd region (iscrowd)", "1 object of several parts: each part is"]),
        (None, 3, ["1 crowd region (iscrowd)", "1 object of several parts: each part is"]),
        ("InstanceSegmentation", 2, ["1 crowd region (iscrowd)"]),
    ],
)
def test_a_crowd_is_no_object_and_is_told(tmp_path, task_type, n, notes):
    data = EXPORTS["coco"].read(coco_of(tmp_path / "x.json", SQUARE, IN_IT, CROWD), task_type)
    assert data.task_type == (task_type or "Polygon")
    value = data.examples[0].label.value
    parts = next(getattr(value, k) for k in ("boxes", "shapes", "labels") if hasattr(value, k))
    assert len(parts) == n
    assert [note[: len(start)] for note, start in zip(data.notes, notes, strict=True)] == notes


def test_a_box_stands_for_an_outline_that_is_missing_and_is_told(tmp_path):
    path = coco_of(tmp_path / "x.json", {"segmentation": [], "bbox": [1, 1, 3, 2]})
    data = EXPORTS["coco"].read(path, "InstanceSegmentation")
    expected = np.full((8, 12), -1)
    expected[1:3, 1:4] = 0
    assert np.array_equal(data.examples[0].label.value.mask, expected)
    assert data.notes == ("1 object without an outline: its box stands for it.",)


@pytest.mark.parametrize(
    ("outline", "task_type", "message"),
    [
        ({"counts": [0, 96], "size": [8, 12]}, "Polygon", "--task-type InstanceSegmentation"),
        ([[1, 1, 2, 2]], None, "x and y of at least three points"),
        ([[1, 1, 2, 2, 3]], "InstanceSegmentation", "x and y of at least three points"),
        ([[1, 1, 2, 2, 1e9, 3]], "InstanceSegmentation", "must lie near its image"),
        ({"counts": "!", "size": [8, 12]}, None, "counts must have characters"),
    ],
)
def test_an_outline_that_cannot_be_read_is_told(tmp_path, outline, task_type, message):
    path = coco_of(tmp_path / "x.json", {"segmentation": outline})
    with pytest.raises(ExportError, match=message):
        EXPORTS["coco"].read(path, task_type)

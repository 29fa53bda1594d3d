"""YOLO's folders as Ultralytics, Roboflow, Label Studio and labelImg lay them out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from surelabel.exports import EXPORTS, ExportError
from surelabel.tasks.values import Box, Keypoint

# The middle of the image, half as wide and high as it.
HALF = "1 0.5 0.5 0.5 0.5\n"
NAMES = "names: [cat, dog]\n"
SIZE = (40, 20)
MIDDLE = Box(1, 10, 5, 20, 10)


def put(home: Path, files: dict[str, str | tuple[int, int]]) -> Path:
    """Text, or an image of that size."""
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            Image.new("RGB", content).save(path)
        else:
            path.write_text(content, encoding="utf-8")
    return home


def read(home: Path, task_type: str | None = None):
    return EXPORTS["yolo"].read(home, task_type)


def boxes(data):
    return {each.source: each.label.value.boxes for each in data.examples}


ULTRALYTICS = {
    "images/train/a.jpg": SIZE,
    "images/val/b.png": (20, 40),
    "labels/train/a.txt": HALF,
    "labels/val/b.txt": HALF,
}
TWO = {"images/train/a.jpg": (MIDDLE,), "images/val/b.png": (Box(1, 5, 10, 10, 20),)}


@pytest.mark.parametrize(
    "head",
    [
        "train: images/train\nval: images/val\n",
        "path: ../datasets/mine\ntrain: images/train\nval: images/val\ntest:\n",
        "train: [images/train, images/val]\n",
        "train: ./images\nval: ./images\n",
        "",
    ],
    ids=["splits", "path of elsewhere", "list", "one folder for both", "no splits"],
)
def test_images_of_the_splits_are_measured_and_their_labels_found(tmp_path, head):
    data = read(put(tmp_path, ULTRALYTICS | {"data.yaml": head + NAMES}))
    assert boxes(data) == TWO
    assert [each.size.width for each in data.examples] == [40, 20]
    assert data.classes.names == ("cat", "dog")
    assert data.notes == ()


def test_the_yaml_may_be_named_and_its_path_is_followed(tmp_path):
    put(tmp_path / "there", ULTRALYTICS)
    yaml = "path: ../there\ntrain: images/train\nval: images/val\n" + NAMES
    put(tmp_path / "here", {"coco8.yaml": yaml})
    assert boxes(read(tmp_path / "here" / "coco8.yaml")) == TWO
    assert boxes(read(tmp_path / "here")) == TWO


def test_a_path_that_leads_back_to_the_folder_is_that_folder(tmp_path):
    yaml = "path: ../mine\ntrain: images/train\nval: images/val\n" + NAMES
    data = read(put(tmp_path / "mine", ULTRALYTICS | {"data.yaml": yaml}))
    assert boxes(data) == TWO
    assert data.notes == ()


def test_roboflow_has_folders_of_splits_and_names_them_from_beside(tmp_path):
    files = {
        "train/images/a.jpg": SIZE,
        "train/labels/a.txt": HALF,
        "valid/images/a.jpg": SIZE,
        "valid/labels/a.txt": "",
        "data.yaml": "train: ../train/images\nval: ../valid/images\nnc: 2\n" + NAMES,
    }
    assert boxes(read(put(tmp_path, files))) == {
        "train/images/a.jpg": (MIDDLE,),
        "valid/images/a.jpg": (),
    }


def test_a_split_may_be_a_list_of_images(tmp_path):
    files = ULTRALYTICS | {
        "train.txt": "./images/train/a.jpg\n\n./images/val/b.png\n",
        "data.yaml": "train: train.txt\n" + NAMES,
    }
    assert boxes(read(put(tmp_path, files))) == TWO


@pytest.mark.parametrize("names", ["classes.txt", "data.yaml"])
def test_label_studio_and_labelimg_name_the_classes_in_a_list(tmp_path, names):
    files = {"images/a.jpg": SIZE, "labels/a.txt": HALF}
    files[names] = "cat\ndog\n" if names == "classes.txt" else NAMES
    assert boxes(read(put(tmp_path, files))) == {"images/a.jpg": (MIDDLE,)}


def test_labels_may_lie_beside_their_images(tmp_path):
    data = read(put(tmp_path, {"a.jpg": SIZE, "a.txt": HALF, "classes.txt": "cat\ndog\n"}))
    assert boxes(data) == {"a.jpg": (MIDDLE,)}


def test_an_image_is_measured_as_it_is_shown(tmp_path):
    put(tmp_path, {"labels/a.txt": HALF, "data.yaml": NAMES})
    (tmp_path / "images").mkdir()
    exif = Image.Exif()
    # Taken with the camera held upright.
    exif[0x0112] = 6
    Image.new("RGB", SIZE).save(tmp_path / "images/a.jpg", exif=exif)
    assert boxes(read(tmp_path)) == {"images/a.jpg": (Box(1, 5, 10, 10, 20),)}


def test_sizes_in_a_list_do_where_there_are_no_images(tmp_path):
    files = {
        "labels/train/a.txt": HALF,
        "labels/val/b.txt": HALF,
        "images.csv": "file,width,height\na.jpg,40,20\nimages/val/b.png,20,40\n",
        "data.yaml": "train: images/train\n" + NAMES,
    }
    data = read(put(tmp_path, files))
    assert boxes(data) == {"a.jpg": (MIDDLE,), "images/val/b.png": (Box(1, 5, 10, 10, 20),)}
    assert data.notes == ()


def test_neither_images_nor_sizes_is_an_error(tmp_path):
    files = {"labels/train/a.txt": HALF, "data.yaml": "train: images/train\n" + NAMES}
    with pytest.raises(ExportError, match=r"1 file of labels.*neither images nor images\.csv"):
        read(put(tmp_path, files))


def test_images_without_any_labels_are_an_error(tmp_path):
    files = {"images/train/a.jpg": SIZE, "boxes/a.txt": HALF, "data.yaml": NAMES}
    with pytest.raises(ExportError, match="none of 1 image has a file of labels"):
        read(put(tmp_path, files))


def test_what_is_left_out_and_what_is_empty_is_told(tmp_path):
    files = ULTRALYTICS | {
        "images/train/bare.jpg": SIZE,
        "images/train/broken.jpg": "no image",
        "labels/train/broken.txt": HALF,
        "labels/train/lost.txt": HALF,
        "data.yaml": "train: images/train\nval: images/val\ntest: images/test\n" + NAMES,
    }
    data = read(put(tmp_path, files))
    assert boxes(data) == TWO | {"images/train/bare.jpg": ()}
    told = "\n".join(data.notes)
    assert "test: images/test is not there" in told
    assert "images/train/broken.jpg: left out: is no image" in told
    assert "2 files of labels without an image: left out, the first: labels/train/broken" in told
    assert "1 image without a file of labels: read as without objects" in told
    assert "images/train/bare.jpg" in told


def test_a_name_that_two_files_of_labels_have_is_refused(tmp_path):
    files = {
        "labels/train/a.txt": HALF,
        "labels/val/a.txt": HALF,
        "images.csv": "file,width,height\na.jpg,40,20\n",
        "data.yaml": NAMES,
    }
    with pytest.raises(ExportError, match=r"labels/train/a\.txt or labels/val/a\.txt"):
        read(put(tmp_path, files))


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        ("[2, 3]", "0 0.5 0.5 0.5 0.5 0.25 0.25 2 0 0 0\n"),
        ("[2, 2]", "0 0.5 0.5 0.5 0.5 0.25 0.25 0 0\n"),
    ],
)
def test_poses_need_no_names_of_their_points(tmp_path, shape, line):
    files = {
        "images/a.jpg": SIZE,
        "labels/a.txt": line,
        "data.yaml": f"kpt_shape: {shape}\nnames: {{0: person, 1: dog}}\n",
    }
    data = read(put(tmp_path, files))
    assert (data.task_type, data.classes.names) == ("Keypoint", ("point 1", "point 2"))
    assert data.examples[0].label.value.points == (Keypoint(0, 10, 5),)
    assert data.notes == ("classes of objects: left out, key points have their own.",)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("names: [cat, cat]", "'cat' stands twice"),
        ("kpt_shape: 17", "kpt_shape: must be the number of points and 2 or 3"),
        ("kpt_shape: [3, 3]\nkpt_names: {0: [a]}", "must name the 3 points"),
        ("kpt_names: {0: [a]}", "kpt_shape: must be there"),
        ("- cat", "must be an object with names"),
    ],
)
def test_a_yaml_that_says_nothing_is_told(tmp_path, yaml, message):
    files = {"images/a.jpg": SIZE, "labels/a.txt": "", "data.yaml": yaml}
    with pytest.raises(ExportError, match=message):
        read(put(tmp_path, files))

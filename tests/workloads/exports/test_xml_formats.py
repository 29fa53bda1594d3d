"""Pascal VOC and CVAT."""

from __future__ import annotations

from xml.dom import minidom

import pytest

from surelabel.exports import EXPORTS, ExportError
from surelabel.tasks.values import Box, Boxes
from workloads.exports.examples import (
    CLASSES,
    DATA,
    SIZE,
    images,
)


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
    ("kind", "told", "tag"),
    [("BoundingBox", "Polygon", "box"), ("ImageClassification", "BoundingBox", "tag")],
)
def test_cvat_marks_of_another_kind_alone_are_an_error(tmp_path, kind, told, tag):
    EXPORTS["cvat"].write(DATA[kind], tmp_path)
    rule = rf"annotations.xml: <{tag}>: must be <\w+> to be read as {told}; got 2 of other kinds\."
    with pytest.raises(ExportError, match=rf"{rule} Pass --task-type {kind}"):
        EXPORTS["cvat"].read(tmp_path, told)


def test_cvat_counts_marks_of_other_kinds_and_images_without_a_tag(tmp_path):
    (tmp_path / "annotations.xml").write_text(
        '<annotations><image name="a.jpg"><tag label="x"/><box label="y"/></image>'
        '<image name="b.jpg"/></annotations>'
    )
    data = EXPORTS["cvat"].read(tmp_path, "ImageClassification")
    assert (len(data.examples), data.unlabeled) == (1, 1)
    assert data.notes == ("1 mark: left out, of another kind than <tag>.",)

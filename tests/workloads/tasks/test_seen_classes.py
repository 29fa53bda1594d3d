"""Classes as files tell them, by name and by number."""

from __future__ import annotations

import pytest

from surelabel.tasks.base import LabelError
from surelabel.tasks.classes import Classes, SeenClasses
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.label_format import Label, Wart
from workloads.tasks.label_values import CATS, VALUES


def test_class_numbers_and_names_must_agree():
    form = LABEL_FORMATS["BoundingBox"]
    with pytest.raises(LabelError, match="'Cat', as class 0 is called in this job"):
        form.read_label({"annotations": []}, {"class-map": {"0": "Dog"}}, CATS)
    with pytest.raises(LabelError, match=r"class_id: must be the number of a class, 0 \.\. 2"):
        form.read_label({"annotations": [{"class_id": 3}]}, {}, CATS)


def test_color_maps_without_the_background_number_classes_as_those_with_it():
    def entry(name):
        return {"class-name": name, "hex-color": "#010203"}

    maps = [{"2": entry("b")}, {"0": entry("BACKGROUND"), "1": entry("a")}, {"1": entry("a")}]
    for order in (maps, maps[::-1]):
        seen = SeenClasses()
        for each_map in order:
            seen.see_label("s3://b/x.png", {"internal-color-map": each_map})
        assert seen.settle().names == ("a", "b")
    # A map that gives pixel 0 to a class has no background.
    seen = SeenClasses()
    seen.see_label("s3://b/x.png", {"internal-color-map": {"0": entry("a"), "1": entry("b")}})
    assert seen.settle().names == ("a", "b")


def test_numbered_classes_keep_their_places_and_others_follow_sorted():
    seen = SeenClasses()
    seen.see_label({}, {"class-map": {"2": "c", "0": "a"}})
    seen.see_answer({"x": {"boundingBoxes": [{"label": "z"}, {"label": "c"}, {"label": "b"}]}})
    assert seen.settle().names == ("a", "class 1", "c", "b", "z")


def test_a_label_twice_is_refused():
    with pytest.raises(ValueError, match=r"labels: must be unique; 'a' stands twice"):
        Classes.of(("a", "b", "a"))


def test_the_class_map_has_the_labels_that_the_value_uses():
    form = LABEL_FORMATS["Keypoint"]
    _, metadata = form.write_label(Label(VALUES["Keypoint"][0]), CATS)
    assert metadata["class-map"] == {"1": "Dog"}
    assert metadata["type"] == "groundTruth/custom"
    assert Wart.UNDERSCORES not in form.read_label({"keypoints": []}, metadata, CATS).warts


def test_a_list_of_all_labels_has_an_order_and_short_names():
    listed = [{"label": "Person", "shortDisplayName": "PER"}, {"label": "Place"}, {"label": "Date"}]
    entities = [{"label": "Zoo", "startOffset": 0, "endOffset": 1}]
    seen = SeenClasses()
    seen.see_label({"annotations": {"labels": listed, "entities": entities}}, {})
    seen.see_label({"annotations": {"labels": listed[::-1], "entities": []}}, {})
    found = seen.settle()
    assert found.names == ("Person", "Place", "Date", "Zoo")
    assert found.short_names == {"Person": "PER"}

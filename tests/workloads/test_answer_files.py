"""Answers in every form of file become the same typed values, and what is broken is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surelabel.answer_files import AnswerFilesError, read_given_answers
from surelabel.answer_files.coding import as_values
from surelabel.answer_files.gold import read_gold
from surelabel.answer_table import TableError
from surelabel.blobs import blob_name, moved_out
from surelabel.tasks.classes import Classes
from surelabel.tasks.formats import LABEL_FORMATS
from surelabel.tasks.values import (
    Box,
    Boxes,
    ImageSize,
    LabelSet,
    Order,
    Preference,
    Rating,
    SemanticMask,
    SingleClass,
    Text,
)
from surelabel_contract.errors import StorageNotAllowedError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage
from workloads.consolidation.crowds import DATA

BOX = {"label": "Bird", "left": 583, "top": 302, "width": 1375, "height": 2052}
SIZE = {"height": 2497, "width": 3745}
BOXES = {"boundingBoxes": [BOX], "inputImageProperties": SIZE}
OLD = {"answerContent": {"crowd-image-classifier": {"label": "Falcon"}},
       "submissionTime": "2019-04-18T16:11:15Z", "workerId": "public.us-east-1.A"}  # fmt: skip
NEW = {"acceptanceTime": "2020-12-28T18:59:15.191Z",
       "answerContent": {"my-form": {"label": "Duck"}},
       "submissionTime": "2020-12-28T18:59:58.321Z", "timeSpentInSeconds": 40.543,
       "workerId": "a12b", "workerMetadata": {"identityData": {
           "identityProviderType": "Cognito", "issuer": "https://x", "sub": "uuid"}}}  # fmt: skip


def put(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def lines(*values: Any) -> str:
    return "".join(v if isinstance(v, str) else json.dumps(v) + "\n" for v in values)


def test_the_real_job_is_read_whole():
    folder = DATA / "classification" / "ground_truth_birds"
    if not folder.exists():
        pytest.skip(f"no {folder}: set SURELABEL_DATA")
    given = read_given_answers(folder, "ImageClassification")
    assert (len(given.answers), len(given.items), len(given.annotators)) == (1_510, 302, 97)
    assert given.set_aside == ()
    assert len(given.classes) == 10
    assert given.classes.names[9] == "Canary"
    assert set(given.labels) == set(given.sources) == set(given.items)
    assert given.sources["0"].endswith("/0273f487d52c16d2.jpg")
    assert all(answer.submitted for answer in given.answers)
    # Object ids are line numbers: the job's label is mostly what its annotators said.
    agreed = 0
    for item, answers in given.of_item():
        votes = np.bincount([answer.value.label for answer in answers])
        agreed += int(votes.argmax()) == given.labels[item].value.label
    assert agreed > 280
    item, annotator = given.codes()
    assert (item.max(), annotator.max()) == (301, 96)
    assert all(given.items[code] == a.item for code, a in zip(item, given.answers, strict=True))
    # The responses alone, without the manifest: the same answers, names sorted.
    alone = read_given_answers(folder / "worker-response", "ImageClassification")
    assert alone.classes.names == tuple(sorted(given.classes.names))
    assert [(a.item, a.annotator) for a in alone.answers] == [
        (a.item, a.annotator) for a in given.answers
    ]


def test_old_and_new_worker_responses_are_read(tmp_path):
    put(tmp_path / "iteration-2" / "7" / "2020-12-28_18:59:58.json", {"answers": [NEW]})
    put(tmp_path / "iteration-10" / "0" / "2021.json", {"answers": [OLD]})
    put(tmp_path / "iteration-2" / "a%2Fb" / "2020.json", {"answers": [OLD, NEW]})
    given = read_given_answers(tmp_path, "ImageClassification")
    assert [a.item for a in given.answers] == ["a/b", "a/b", "7", "0"]
    assert given.classes.names == ("Duck", "Falcon")
    assert given.answers[1].seconds == 40.543
    assert given.answers[0].annotator == "public.us-east-1.A"
    assert given.answers[0].value == SingleClass(1)


def test_boxes_come_with_image_sizes_and_the_jobs_labels(tmp_path):
    answer = {"answerContent": {"boundingBox": BOXES}, "workerId": "w"}
    put(tmp_path / "annotations/worker-response/iteration-1/0/t.json", {"answers": [answer]})
    label = {
        "image_size": [{"width": 500, "height": 400, "depth": 3}],
        "annotations": [{"class_id": 1, "left": 1, "top": 2, "width": 3, "height": 4}],
    }
    metadata = {
        "objects": [{"confidence": 0.8}],
        "class-map": {"1": "Bird"},
        "type": "groundtruth/object-detection",
        "job-name": "labeling-job/x",
    }
    earlier = {"class-name": "day", "type": "groundtruth/image-classification"}
    manifest = lines(
        {"source-ref": "s3://b/0.jpg", "old": 0, "old-metadata": earlier},
        {"source-ref": "s3://b/1.jpg", "new": label, "new-metadata": metadata},
    )
    put(tmp_path / "manifests/output/output.manifest", manifest)
    given = read_given_answers(tmp_path, "BoundingBox")
    # Nobody knows what class 0 is, and nothing has it.
    assert given.classes.names == ("Bird",)
    (one,) = given.answers
    assert one.value == Boxes((Box(0, 583, 302, 1375, 2052),), ImageSize(3745, 2497))
    assert given.sizes == {"0": ImageSize(3745, 2497), "1": ImageSize(500, 400)}
    assert given.sources == {"0": "s3://b/0.jpg", "1": "s3://b/1.jpg"}
    assert list(given.labels) == ["1"]
    assert given.labels["1"].confidences == (0.8,)


def test_texts_of_spans_are_read_inline_and_by_reference(tmp_path):
    entities = {"entities": [{"label": "Bird", "startOffset": 2, "endOffset": 8}]}
    answer = {"answerContent": {"x": entities}, "workerId": "w"}
    for item in range(3):
        name = f"annotations/worker-response/iteration-1/{item}/t.json"
        put(tmp_path / name, {"answers": [answer]})
    (tmp_path / "1.txt").write_text("a heron", encoding="utf-8-sig")
    manifest = lines(
        {"source": "a falcon"},
        {"source-ref": (tmp_path / "1.txt").as_uri()},
        {"source-ref": (tmp_path / "2.txt").as_uri()},
    )
    put(tmp_path / "output.manifest", manifest)
    given = read_given_answers(tmp_path, "NamedEntityRecognition")
    assert given.texts == {"0": "a falcon", "1": "a heron"}
    # A URI is never taken for the text, which would cut off what lies beyond its end.
    assert as_values(given).sources == ("a falcon", "a heron", None)
    assert read_given_answers(tmp_path, "Custom").texts == {}


def test_an_items_own_id_stands_for_it(tmp_path):
    put(tmp_path / "worker-response/iteration-1/mine/t.json", {"answers": [OLD]})
    line = {"source": "x", "dataset-objectid-attribute-name": "key", "key": "mine"}
    put(tmp_path / "output.manifest", lines(line))
    assert read_given_answers(tmp_path, "TextClassification").sources == {"mine": "x"}


def test_what_a_lambda_gets_is_read(tmp_path):
    large = put(tmp_path / "large.json", {"boundingBox": BOXES})
    contents = [{"content": json.dumps({"boundingBox": BOXES})}, {"s3Uri": f"file://{large}"}]
    workers = [f"private.us-west-2.{n}" for n in range(2)]
    payload = [
        {
            "datasetObjectId": "0",
            "dataObject": {"s3Uri": "s3://b/bird1.jpg"},
            "annotations": [
                {"workerId": worker, "annotationData": content}
                for worker, content in zip(workers, contents, strict=True)
            ],
        }
    ]
    given = read_given_answers(put(tmp_path / "annotations.json", payload), "BoundingBox")
    assert [a.annotator for a in given.answers] == workers
    assert given.answers[0].value == given.answers[1].value
    assert len(given.answers[0].value.boxes) == 1


@pytest.mark.parametrize(
    ("task_type", "cells", "values"),
    [
        ("ImageClassification", ["dog", "", "cat"], [SingleClass(1), None, SingleClass(0)]),
        ("TextClassificationMultiLabel", ["b|a", "|", ""], [LabelSet((1, 0)), LabelSet(()), None]),
        ("Ranking", ["x|10", "y"], [Order(("x", "10")), Order(("y",))]),
        ("PairwisePreference", ["tie", "a"], [Preference("tie"), Preference("a")]),
        ("Rating", ["4", "-0.5"], [Rating(4), Rating(-0.5)]),
        ("FreeText", ['"a, b\nc"'], [Text("a, b\nc")]),
    ],
)
def test_a_cell_of_csv_is_an_answer(tmp_path, task_type, cells, values):
    rows = "".join(f"i,a{n},{cell}\n" for n, cell in enumerate(cells))
    path = put(tmp_path / "answers.csv", f"item,annotator,label\n{rows}")
    given = read_given_answers(path, task_type)
    assert [answer.value for answer in given.answers] == values
    # The same as JSON Lines.
    form = LABEL_FORMATS[task_type]
    same = [
        {"item": a.item, "annotator": a.annotator,
         "answer": None if a.value is None else form.answer_content(a.value, given.classes)}
        for a in given.answers
    ]  # fmt: skip
    again = read_given_answers(put(tmp_path / "answers.jsonl", lines(*same)), task_type)
    assert again.answers == given.answers


def test_a_cell_that_is_no_answer_is_set_aside(tmp_path):
    path = put(tmp_path / "a.csv", "item,annotator,label\ni,a,many\ni,b,3\n")
    given = read_given_answers(path, "Rating")
    assert [a.value for a in given.answers] == [Rating(3)]
    (aside,) = given.set_aside
    assert str(aside) == (
        f"{path}:2: MalformedAnswer: label: must be a number; got 'many'. Correct it."
    )


def test_a_cell_of_several_names_the_one_that_is_wrong(tmp_path):
    path = put(tmp_path / "a.csv", "item,annotator,label\ni,a,x|z\n")
    given = read_given_answers(path, "TextClassificationMultiLabel", classes=Classes.of(["x"]))
    (aside,) = given.set_aside
    assert str(aside).startswith(f"{path}:2: UnknownLabel: label[1]: must be one of the job's 1")


def test_boxes_do_not_fit_into_csv(tmp_path):
    path = put(tmp_path / "a.csv", "item,annotator,label\ni,a,x\n")
    with pytest.raises(AnswerFilesError, match=r"does not fit into a cell\. Write JSON Lines"):
        read_given_answers(path, "BoundingBox")
    with pytest.raises(TableError, match=r"a.csv:2: annotator must not be empty"):
        read_given_answers(put(path, "item,annotator,label\ni,,x\n"), "Rating")


def test_a_broken_line_of_json_is_set_aside_and_the_rest_goes_on(tmp_path):
    good = {"item": "i", "annotator": "a", "answer": {"x": {"label": "cat"}}}
    text = lines(
        "\ufeff" + json.dumps(good) + "\n",
        "\n",
        "{nonsense\n",
        "[1]\n",
        good | {"item": 3.5},
        good | {"annotator": ""},
        {"item": "i", "annotator": "a"},
        good | {"answer": {"label": "cat"}},
        good | {"answer": None},
        {"itemId": "i", "annotator": "z", "status": "cannotTell"},
        {"itemId": "i", "annotator": "y", "status": "submitted", "timeSpentInSeconds": 2,
         "answerContent": {"crowd-classifier": {"label": "cat"}}},
    )  # fmt: skip
    given = read_given_answers(put(tmp_path / "a.jsonl", text), "TextClassification")
    values = [(a.annotator, a.value) for a in given.answers]
    cat = SingleClass(0)
    assert values == [("a", cat), ("a", None), ("z", None), ("y", cat)]
    assert given.answers[-1].seconds == 2
    assert [each.reason for each in given.set_aside] == [
        "InvalidJson",
        "NotAnObject",
        *["MalformedAnswer"] * 4,
    ]
    assert [each.where.rpartition(":")[2] for each in given.set_aside] == list("345678")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "InvalidJson"),
        ("[]", "MalformedResponse"),
        ({"answers": [{"answerContent": {"x": {"label": "a"}}}]}, "MalformedResponse"),
        ({"answers": [{"workerId": "w"}]}, "MalformedAnswer"),
        ({"answers": [{"workerId": "w", "answerContent": "{"}]}, "MalformedAnswer"),
    ],
)
def test_a_broken_response_is_set_aside_with_its_place(tmp_path, content, reason):
    put(tmp_path / "iteration-1/0/t.json", content)
    put(tmp_path / "iteration-1/1/t.json", {"answers": [OLD]})
    given = read_given_answers(tmp_path, "ImageClassification")
    assert len(given.answers) == 1
    (aside,) = given.set_aside
    assert aside.reason == reason
    assert aside.where.startswith("iteration-1/0/t.json")


def test_a_label_of_the_manifest_that_cannot_be_read_is_set_aside(tmp_path):
    put(tmp_path / "worker-response/iteration-1/0/t.json", {"answers": [OLD]})
    metadata = {"class-name": "Falcon", "type": "groundtruth/image-classification"}
    manifest = lines({"source-ref": "s3://b/0", "x": -1, "x-metadata": metadata}, "{\n")
    put(tmp_path / "output.manifest", manifest)
    given = read_given_answers(tmp_path, "ImageClassification")
    assert [each.reason for each in given.set_aside] == ["InvalidJson", "MalformedLabel"]
    assert given.labels == {}


def test_given_classes_count_and_others_are_unknown(tmp_path):
    path = put(tmp_path / "a.csv", "item,annotator,label\ni,a,dog\ni,b,cow\n")
    given = read_given_answers(path, "ImageClassification", classes=Classes.of(("dog", "cat")))
    assert [a.value for a in given.answers] == [SingleClass(0)]
    assert [each.reason for each in given.set_aside] == ["UnknownLabel"]


def test_masks_are_decoded_and_give_their_size(tmp_path):
    form = LABEL_FORMATS["SemanticSegmentation"]
    value = SemanticMask(np.array([[0, -1, 1]], np.int32))
    content = form.answer_content(value, Classes.of(("a", "b")))
    text = lines({"item": "i", "annotator": "a", "answer": content})
    given = read_given_answers(put(tmp_path / "a.jsonl", text), "SemanticSegmentation")
    assert given.answers[0].value == value
    assert given.sizes == {"i": ImageSize(3, 1)}


def mask_line(annotator, width, height):
    form = LABEL_FORMATS["SemanticSegmentation"]
    value = SemanticMask(np.zeros((height, width), np.int32))
    content = form.answer_content(value, Classes.of(("a",)))
    return {"item": "i", "annotator": annotator, "answer": content}


def test_a_mask_of_another_size_than_most_is_set_aside(tmp_path):
    text = lines(mask_line("a", 8, 6), mask_line("b", 4, 3), mask_line("c", 8, 6))
    given = read_given_answers(put(tmp_path / "a.jsonl", text), "SemanticSegmentation")
    assert [each.annotator for each in given.answers] == ["a", "c"]
    (aside,) = given.set_aside
    assert (aside.reason, aside.item) == ("WrongSize", "i")
    assert aside.where.endswith("a.jsonl:2")
    assert given.sizes == {"i": ImageSize(8, 6)}


def test_a_jobs_own_answers_are_read_with_the_images_beside_them(tmp_path):
    stored = {}

    def write(data):
        stored[blob_name(data)] = data
        return blob_name(data)

    line = mask_line("a", 8, 6)
    broken = mask_line("b", 7, 6)
    content = [moved_out(each["answer"], write) for each in (line, broken)]
    path = tmp_path / "ann-p1" / "answers" / "people-000001.jsonl"
    path.parent.mkdir(parents=True)
    (tmp_path / "ann-p1" / "blobs").mkdir()
    for name, data in stored.items():
        (tmp_path / "ann-p1" / name).write_bytes(data)
    foreign = {"x": {"labelMappings": {}, "labeledImage": {"ref": "../../secret.png"}}}
    put(
        path,
        lines(
            {**line, "answer": content[0]},
            {**broken, "answer": content[1]},
            {**line, "annotator": "c", "answer": foreign},
        ),
    )
    missing = content[1]["crowd-semantic-segmentation"]["labeledImage"]["ref"]
    (tmp_path / "ann-p1" / missing).unlink()
    for where in (path, path.as_uri()):
        given = read_given_answers(where, "SemanticSegmentation")
        assert [each.annotator for each in given.answers] == ["a"]
        assert given.sizes == {"i": ImageSize(8, 6)}
        assert [each.reason for each in given.set_aside] == ["BrokenMask", "ForeignRef"]


def test_where_nothing_is_a_message_says_what_was_looked_for(tmp_path):
    with pytest.raises(AnswerFilesError, match="there is no such file or folder"):
        read_given_answers(tmp_path / "none.csv", "Rating")
    with pytest.raises(AnswerFilesError, match="has no worker responses"):
        read_given_answers(tmp_path, "Rating")
    with pytest.raises(AnswerFilesError, match="task_type: must be one of"):
        read_given_answers(tmp_path, "Cheese")


def test_a_folder_in_a_store_is_read_within_the_prefixes_that_are_allowed(tmp_path):
    put(tmp_path / "job/iteration-1/0/t.json", {"answers": [OLD]})
    inside = Storage(StorageAccess(prefixes=(f"file://{tmp_path}/job",), local_files=True))
    uri = f"file://{tmp_path}/job"
    assert len(read_given_answers(uri, "ImageClassification", storage=inside).answers) == 1
    outside = Storage(StorageAccess(prefixes=("file:///elsewhere",), local_files=True))
    with pytest.raises(StorageNotAllowedError):
        read_given_answers(uri, "ImageClassification", storage=outside)


def test_a_finished_job_is_read_from_s3(s3_server):
    folder = s3_server.storage().folder(f"{s3_server.uri}/out/birds")
    metadata = {"class-name": "Falcon", "type": "groundtruth/image-classification"}
    line = {"source-ref": "s3://b/0.jpg", "bird": 0, "bird-metadata": metadata}
    folder.write("manifests/output/output.manifest", lines(line).encode())
    response = json.dumps({"answers": [OLD, NEW]}).encode()
    key = "annotations/worker-response/iteration-1/0/2019-04-18_16:13:05.json"
    folder.write(key, response)
    given = read_given_answers(
        f"{s3_server.uri}/out/birds", "ImageClassification", storage=s3_server.storage()
    )
    assert [answer.item for answer in given.answers] == ["0", "0"]
    assert given.classes.names == ("Falcon", "Duck")
    assert given.labels["0"].value == SingleClass(0)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_names_that_look_the_same_are_the_same(tmp_path, suffix):
    # Spaces around a name, and an accent as a sign of its own.
    rows = [
        ("i", "ann", "caf\u00e9"), (" i", "bob ", "cafe\u0301 "), ("i\t", "ann ", " caf\u00e9"),
        ("i\u00e9", "bob", "X"), ("ie\u0301", "ann", "x"),
    ]  # fmt: skip
    if suffix == "csv":
        text = "item , annotator,label\n" + "".join(",".join(row) + "\n" for row in rows)
    else:
        text = lines(
            *({"item": i, "annotator": a, "answer": {"form": {"label": b}}} for i, a, b in rows)
        )
    given = read_given_answers(put(tmp_path / f"a.{suffix}", text), "ImageClassification")
    assert not given.set_aside
    assert given.items == ("i", "i\u00e9")
    assert given.annotators == ("ann", "bob")
    # Capitals are a difference that somebody made.
    assert given.classes.names == ("X", "caf\u00e9", "x")
    assert [answer.value.label for answer in given.answers] == [1, 1, 1, 0, 2]


def test_several_labels_of_a_cell_are_plain_and_none_twice(tmp_path):
    path = put(tmp_path / "a.csv", "item,annotator,label\ni,a,x | y\ni,b,x| y | \ni,c, | \ni,d, \n")
    given = read_given_answers(path, "ImageClassificationMultiLabel")
    assert given.classes.names == ("x", "y")
    both, none = LabelSet((0, 1)), LabelSet(())
    assert [answer.value for answer in given.answers] == [both, both, none, None]


def test_labels_of_boxes_are_plain_and_those_of_the_job_stand(tmp_path):
    answer = {"boundingBoxes": [{**BOX, "label": " Bird"}, BOX], "inputImageProperties": SIZE}
    path = put(
        tmp_path / "a.jsonl", lines({"item": "i", "annotator": "a", "answer": {"form": answer}})
    )
    for classes, names in ((None, ("Bird",)), (Classes.of(["Crow", "Bird "]), ("Crow", "Bird "))):
        given = read_given_answers(path, "BoundingBox", classes=classes)
        assert given.classes.names == names
        assert [box.label for box in given.answers[0].value.boxes] == [len(names) - 1] * 2
    # Where the job itself tells them apart, so do we.
    given = read_given_answers(path, "BoundingBox", classes=Classes.of(["Bird", " Bird"]))
    assert [box.label for box in given.answers[0].value.boxes] == [1, 0]


def test_a_name_of_spaces_is_none(tmp_path):
    said = {"annotator": "a", "answer": {"form": {"label": "x"}}}
    path = put(tmp_path / "a.jsonl", lines({"item": " ", **said}, {"item": "i", **said}))
    (aside,) = read_given_answers(path, "ImageClassification").set_aside
    assert "item: must be a string, not empty" in aside.message


def test_gold_is_known_by_its_plain_name(tmp_path):
    classes = Classes.of(["caf\u00e9", "x"])
    truth = {"item": " i ", "answer": {"form": {"label": "cafe\u0301 "}}}
    for path in (put(tmp_path / "g.csv", "item,label\n i , cafe\u0301\n"),
                 put(tmp_path / "g.jsonl", lines(truth))):  # fmt: skip
        assert read_gold(path, "ImageClassification", classes) == {"i": SingleClass(0)}


@pytest.mark.parametrize(
    "task_type", ["ImageClassification", "TextClassification", "LabelVerification"]
)
@pytest.mark.parametrize("content", [{"label": ""}, {"crowd-classifier": {"label": " "}}])
def test_a_class_without_a_name_is_an_abstention_in_json_as_in_a_cell(tmp_path, task_type, content):
    path = put(
        tmp_path / "a.jsonl",
        lines(
            {"item": "1", "annotator": "ann", "answer": {"form": {"label": "cat"}}},
            {"item": "1", "annotator": "bob", "answer": content},
        ),
    )
    given = read_given_answers(path, task_type)
    assert given.classes.names == ("cat",)
    assert [each.value is None for each in given.answers] == [False, True]
    assert given.set_aside == ()


def test_an_object_without_a_class_is_set_aside_and_makes_no_class(tmp_path):
    unnamed = {"boundingBoxes": [BOX | {"label": ""}], "inputImageProperties": SIZE}
    path = put(
        tmp_path / "a.jsonl",
        lines(
            {"item": "1", "annotator": "ann", "answer": {"form": BOXES}},
            {"item": "1", "annotator": "bob", "answer": {"form": unnamed}},
        ),
    )
    given = read_given_answers(path, "BoundingBox")
    assert given.classes.names == ("Bird",)
    (aside,) = given.set_aside
    assert aside.reason == "UnknownLabel"
    assert "got ''" in aside.message


@pytest.mark.parametrize("word", ["NaN", "-Infinity", "Infinity", "nan"])
def test_a_number_that_is_none_is_called_so_with_its_line(tmp_path, word):
    good = {"item": "1", "annotator": "ann", "answer": {"form": {"value": 3}}}
    broken = f'{{"item": "NaN", "annotator": "bob", "answer": {{"form": {{"value": {word}}}}}}}\n'
    path = put(tmp_path / "a.jsonl", lines(good, broken))
    (aside,) = read_given_answers(path, "Rating").set_aside
    assert str(aside) == (
        f"{path}:2: InvalidJson: a line must be one JSON object: {word} is no JSON. Write null, or "
        "leave out what has no number."
    )


def test_every_line_set_aside_says_what_to_do(tmp_path):
    good = {"item": "1", "annotator": "ann", "answer": {"form": BOXES}}
    thin = BOXES | {"boundingBoxes": [BOX | {"width": -3}]}
    path = put(
        tmp_path / "a.jsonl",
        lines(good, "{\n", "3\n", good | {"item": None}, good | {"answer": {"form": thin}},
              good | {"answer": {"form": BOXES | {"boundingBoxes": 3}}}),
    )  # fmt: skip
    aside = read_given_answers(path, "BoundingBox").set_aside
    assert len(aside) == 5
    for each in aside:
        # A rule ends with what was got, and behind it stands the next step.
        assert re.search(r"\. [A-Z][^.]*\.$", each.message), each


def finished_job(path, task_type, *rows):
    """The folder of a job; ``rows``: label and metadata of each line, and an answer to it."""
    manifest, answers = [], {}
    for number, (value, metadata, answer) in enumerate(rows):
        about = {"job-name": "labeling-job/j", "human-annotated": "yes", **metadata}
        manifest.append({"source": f"text {number}", "j": value, "j-metadata": about})
        answers[number] = {"answers": [{"workerId": w, "answerContent": answer} for w in "ab"]}
    put(path / "manifests/output/output.manifest", lines(*manifest))
    for number, each in answers.items():
        put(path / f"annotations/worker-response/iteration-1/{number}/1.json", each)
    return read_given_answers(path, task_type)


def test_gaps_between_class_numbers_of_a_job_are_no_classes(tmp_path):
    def row(code, name):
        kind = {"type": "groundtruth/text-classification", "class-name": name}
        return code, kind, {"form": {"label": name}}

    given = finished_job(tmp_path, "TextClassification", row(1, "cat"), row(4, "dog"))
    assert given.classes.names == ("cat", "dog")
    assert [each.value for each in given.answers] == [SingleClass(c) for c in (0, 0, 1, 1)]
    assert [each.value for each in given.labels.values()] == [SingleClass(0), SingleClass(1)]

"""`surelabel convert`: manifests to other formats and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from surelabel.exports import EXPORTS, write_labeled_manifest
from surelabel_cli.main import app
from workloads.exports.examples import CREATED, DATA

CLASS, CARRIED = "ImageClassification", "BoundingBox"


def convert(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["convert", *(str(each) for each in arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stderr


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "in.manifest"
    write_labeled_manifest(DATA["BoundingBox"], "box", path, created=CREATED)
    return path


@pytest.mark.parametrize("to", ["coco", "voc", "yolo", "label-studio", "cvat"])
def test_boxes_go_there_and_come_back(manifest, tmp_path, to):
    code, said = convert(manifest, "--to", to, "-o", tmp_path / to)
    assert code == 0
    assert said.splitlines()[-1] == f"{tmp_path / to}: 2 items, BoundingBox."
    back = tmp_path / "back.manifest"
    code, _ = convert(tmp_path / to, "--from", to, "--attribute", "box", "-o", back)
    assert code == 0
    first, again = (
        [json.loads(line)["box"]["annotations"] for line in path.read_text().splitlines()]
        for path in (manifest, back)
    )
    edges = [[(b["left"], b["top"], b["width"], b["height"]) for b in line] for line in first]
    assert [
        [pytest.approx((b["left"], b["top"], b["width"], b["height"]), abs=1e-6) for b in line]
        for line in again
    ] == edges


def test_every_format_is_named_in_the_help():
    done = CliRunner().invoke(app, ["convert", "--help"])
    # Lines break at hyphens too.
    said = "".join(done.stdout.split())
    for name, each in EXPORTS.items():
        assert name in said
        if each.read is not None and not name.startswith("yolo-"):
            assert name in said.partition("--toTEXT")[0]


def test_a_broken_line_is_told_and_the_rest_goes_on(manifest, tmp_path):
    manifest.write_text(manifest.read_text() + "{\n")
    code, said = convert(manifest, "--to", "coco", "-o", tmp_path / "out")
    assert code == 0
    assert f"{manifest}:3: InvalidJson" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "cheese", "-o", "x"], "--to must be one of manifest, coco"),
        (["--from", "conll", "-o", "x"], "--from must be one of create-labeling-job, manifest"),
        (["-o", "x"], "--from and --to are both manifest"),
        (["--to", "coco"], "--out: needs a file"),
        (["--to", "spacy", "-o", "x"], "--to: spacy has no BoundingBox; these have: coco, voc"),
        (["--to", "coco", "-o", "x", "--task-type", "Cheese"], "--task-type must be one of"),
        (["--to", "coco", "-o", "x", "--attribute", "none"], "--attribute: must be a label of"),
        (["--from", "create-labeling-job", "--to", "coco"], "leave out --to"),
        (["--from", "create-labeling-job", "--json"], "--image-folder and --json"),
    ],
)
def test_a_mistake_ends_in_one_message(manifest, options, message):
    code, said = convert(manifest, *options)
    assert code == 1
    assert message in said


def test_many_notes_of_a_kind_are_counted(tmp_path):
    lines = [
        {"source-ref": f"s3://b/{n}.jpg", "box": {"annotations": []},
         "box-metadata": {"type": "groundtruth/object-detection"}}
        for n in range(50)
    ]  # fmt: skip
    path = tmp_path / "in.manifest"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, said = convert(path, "--to", "coco", "-o", tmp_path / "out")
    assert code == 0
    assert len(said.splitlines()) == 22
    assert "... and 30 more: left out: the size of the image is not known." in said


def test_file_names_become_uris_that_a_job_takes(tmp_path):
    source, out = tmp_path / "in.manifest", tmp_path / "out.manifest"
    write_labeled_manifest(DATA["ImageClassification"], "bird", source, created=CREATED)
    convert(source, "--to", "cvat", "-o", tmp_path / "cvat")
    options = [tmp_path / "cvat", "--from", "cvat", "--task-type", "ImageClassification"]
    code, said = convert(*options, "-o", out)
    assert code == 0
    assert "2 items: source-ref is a file name, which no job takes. Pass --image-folder" in said
    assert CliRunner().invoke(app, ["validate", str(out), "--task-type", CLASS]).exit_code == 1
    code, said = convert(*options, "--image-folder", "s3://b/set/", "-o", out)
    assert "source-ref" not in said
    assert CliRunner().invoke(app, ["validate", str(out), "--task-type", CLASS]).exit_code == 0
    sources = [json.loads(line)["source-ref"] for line in out.read_text().splitlines()]
    assert sources == [example.source for example in DATA["ImageClassification"].examples]


def write_job_output(path: Path) -> Path:
    """A manifest of Ground Truth's with a label, a failed line, one not labeled, a broken label."""
    metadata = {"type": "groundtruth/object-detection", "class-map": {"0": "Dog"}, "objects": []}
    failed = {"failure-reason": "ClientError: no such image", "human-annotated": "yes"}
    box = {"class_id": 0, "left": 1, "top": 2, "width": 3, "height": 4}
    size = [{"width": 40, "height": 20, "depth": 3}]
    lines = [
        {"source-ref": "s3://b/0.jpg", "box": {"image_size": size, "annotations": [box]},
         "box-metadata": metadata},
        {"source-ref": "s3://b/1.jpg", "box-metadata": failed},
        {"source-ref": "s3://b/2.jpg"},
        {"source-ref": "s3://b/3.jpg", "box": {"annotations": [{"class_id": 9}]},
         "box-metadata": metadata},
        {"box": {"annotations": []}, "box-metadata": metadata},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(
    "to", [name for name, each in EXPORTS.items() if CARRIED in each.task_types]
)
def test_what_has_no_label_is_counted_in_every_format(tmp_path, to):
    source = write_job_output(tmp_path / "in.manifest")
    code, said = convert(source, "--to", to, "-o", tmp_path / "out")
    assert code == 0
    assert f"{source}:4: MalformedLabel" in said
    assert f"{source}:5: MalformedSource: needs source or source-ref" in said
    last = f"{tmp_path / 'out'}: 1 item, BoundingBox; 2 items without a label; 2 lines set aside."
    assert said.splitlines()[-1] == last


def test_the_counts_are_a_line_of_json(tmp_path):
    source, out = write_job_output(tmp_path / "in.manifest"), tmp_path / "out"
    done = CliRunner().invoke(
        app, ["convert", str(source), "--to", "csv", "-o", str(out), "--json"]
    )
    assert json.loads(done.stdout) == {
        "out": str(out), "taskType": "BoundingBox", "labels": 1, "items": 1, "unlabeled": 2,
        "setAside": 2, "notes": 2,
    }  # fmt: skip
    # What went wrong stays where people look for it.
    assert len(done.stderr.splitlines()) == 2


def test_label_studio_of_another_type_ends_in_an_error_and_writes_nothing(tmp_path):
    source, out = tmp_path / "in.manifest", tmp_path / "out.manifest"
    write_labeled_manifest(DATA["BoundingBox"], "box", source, created=CREATED)
    convert(source, "--to", "label-studio", "-o", tmp_path / "tasks")
    options = [tmp_path / "tasks", "--from", "label-studio", "--task-type", "ImageClassification"]
    code, said = convert(*options, "-o", out)
    assert code == 1
    assert "result[0].type: must be 'choices' to be read as ImageClassification; got" in said
    assert "Pass --task-type BoundingBox." in said
    assert not out.exists()


def test_tasks_that_nobody_answered_are_counted(tmp_path):
    tasks = [
        {"data": {"image": "s3://b/0.jpg"}, "annotations": [
            {"result": [{"type": "choices", "value": {"choices": ["Dog"]}}]}]},
        {"data": {"image": "s3://b/1.jpg"}, "annotations": []},
    ]  # fmt: skip
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    out = tmp_path / "out.manifest"
    code, said = convert(tmp_path / "tasks.json", "--from", "label-studio", "-o", out)
    assert code == 0
    assert said.splitlines()[-1] == f"{out}: 1 item, ImageClassification; 1 item without a label."


@pytest.mark.parametrize("to", EXPORTS)
def test_where_a_folder_is_needed_a_file_is_refused_and_kept(manifest, tmp_path, to):
    out = tmp_path / "labels.csv"
    out.write_text("mine")
    for path, what in ((out, "is a file"), (out / "a" / "b", f"lies below the file {out}")):
        code, said = convert(manifest, "--to", to, "-o", path)
        assert code == 1
        assert f"--out: must be a folder (--to {to} writes several files); {path} {what}." in said
        assert f"Name a folder, which is made if it is not there, such as {tmp_path}" in said
    assert out.read_text() == "mine"


def test_where_a_file_is_needed_a_folder_is_refused(manifest, tmp_path):
    convert(manifest, "--to", "coco", "-o", tmp_path / "coco")
    source = tmp_path / "coco" / "annotations.json"
    code, said = convert(source, "--from", "coco", "-o", tmp_path)
    assert code == 1
    assert (
        f"--out: must be a file (--to manifest writes one); {tmp_path} is a folder. Name a file, "
        f"such as {tmp_path}/output.manifest."
    ) in said


def test_the_source_is_not_written_over(manifest, tmp_path):
    convert(manifest, "--to", "coco", "-o", tmp_path / "coco")
    (source,) = (tmp_path / "coco").glob("*.json")
    before = source.read_bytes()
    code, said = convert(source, "--from", "coco", "-o", source)
    assert code == 1
    assert f"--out: {source} is SOURCE already, which would be overwritten." in said
    assert source.read_bytes() == before


@pytest.mark.parametrize("told", [[], ["--task-type", "BoundingBox"]])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": is empty. Name a manifest with a label."),
        ('{"source-ref": "s3://b/1.jpg", "id": 3}\n', ": has no label, which is a key with"),
        ("item,label\na,b\n", ": is no manifest: none of its 2 lines is a JSON object; the first:"),
    ],
)
def test_a_manifest_without_anything_to_convert_says_why(tmp_path, text, message, told):
    source = tmp_path / "in.manifest"
    source.write_text(text)
    code, said = convert(source, "--to", "coco", "-o", tmp_path / "out", *told)
    assert (code, said.splitlines()[0][: len(f"surelabel: {source}{message}")]) == (
        *(1, f"surelabel: {source}{message}"),
    )


@pytest.mark.parametrize("to", ["spacy", "csv"])
def test_order_and_short_names_of_entities_come_back(tmp_path, to):
    labels = [{"label": "Place", "shortDisplayName": "LOC"}, {"label": "Date"}]
    value = {"annotations": {"labels": labels, "entities": [
        {"label": "Date", "startOffset": 0, "endOffset": 5}]}}  # fmt: skip
    about = {"type": "groundtruth/text-span", "entities": [{"confidence": 0.5}],
             "human-annotated": "yes"}  # fmt: skip
    source, back = tmp_path / "in.manifest", tmp_path / "back.manifest"
    source.write_text(json.dumps({"source": "today", "ner": value, "ner-metadata": about}))
    assert convert(source, "--to", to, "-o", tmp_path / "out")[0] == 0
    again = (tmp_path / "out", "--from", to, "--attribute", "ner")
    code, _ = convert(*again, "--task-type", "NamedEntityRecognition", "-o", back)
    assert code == 0
    assert json.loads(back.read_text())["ner"] == value


def test_a_label_file_brings_its_short_names(tmp_path):
    source, names = tmp_path / "in.manifest", tmp_path / "labels.json"
    value = {"annotations": {"entities": [{"label": "a", "startOffset": 0, "endOffset": 5}]}}
    about = {"type": "groundtruth/text-span", "human-annotated": "yes"}
    source.write_text(json.dumps({"source": "today", "ner": value, "ner-metadata": about}))
    listed = [{"label": "b"}, {"label": "a", "shortDisplayName": "A"}]
    names.write_text(json.dumps({"labels": listed}))
    code, _ = convert(source, "--to", "spacy", "--labels", names, "-o", tmp_path / "out")
    assert code == 0
    assert json.loads((tmp_path / "out" / "labels.json").read_text())["labels"] == listed

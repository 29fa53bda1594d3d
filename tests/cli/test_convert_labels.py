"""`surelabel convert`: manifests to other formats and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from surelabel.exports import EXPORTS, write_labeled_manifest
from surelabel_cli.main import app
from workloads.exports.examples import DATA

CLASS = "ImageClassification"


def convert(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["convert", *(str(each) for each in arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stderr


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "in.manifest"
    write_labeled_manifest(DATA["BoundingBox"], "box", path)
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
        (["--to", "coco", "-o", "x", "--attribute", "none"], "the type of its labels is not known"),
        (["--from", "create-labeling-job", "--to", "coco"], "leave out --to"),
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
    write_labeled_manifest(DATA["ImageClassification"], "bird", source)
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

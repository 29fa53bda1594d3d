"""Job files: what is read, where file://./ leads, and what a user is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from surelabel_cli.errors import UserError
from surelabel_cli.job_file import read_job_file

SAMPLES = Path(__file__).parents[2] / "crds" / "samples"
DIGITS = (SAMPLES / "digits.yaml").read_text(encoding="utf-8")


def write(folder: Path, text: str) -> Path:
    path = folder / "job.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_every_sample_is_a_job_file(path: Path) -> None:
    file = read_job_file(path)
    assert file.namespace == "default"
    assert len(file.teams) == 1


def test_local_uris_lead_into_the_folder_of_the_run(tmp_path: Path) -> None:
    file = read_job_file(write(tmp_path, DIGITS)).in_folder(tmp_path / "my run")
    manifest = file.job["spec"]["input"]["manifest"]
    assert manifest == f"file://{tmp_path}/my%20run/digits/input.manifest"
    (team,) = file.teams
    assert team["spec"]["simulated"]["truthURI"].endswith("/my%20run/digits/truth.jsonl")


def test_other_uris_stay_as_they_are(tmp_path: Path) -> None:
    text = DIGITS.replace("file://./out", "s3://bucket/out")
    file = read_job_file(write(tmp_path, text)).in_folder(tmp_path)
    assert file.job["spec"]["output"]["uri"] == "s3://bucket/out"


def test_sample_data_lies_where_the_job_looks_for_it(tmp_path: Path) -> None:
    file = read_job_file(SAMPLES / "reviews.yaml").in_folder(tmp_path)
    file.make_sample_data(tmp_path)
    uri = file.job["spec"]["input"]["manifest"]
    assert Path(uri.removeprefix("file://")).is_file()


def test_a_mistake_has_line_field_and_rule(tmp_path: Path) -> None:
    path = write(tmp_path, DIGITS.replace("targetErrorPermille: 50", "targetErrorPermille: 5000"))
    with pytest.raises(UserError, match=r"job\.yaml:\d+: LabelingJob digits: spec\.autoLabeling\."):
        read_job_file(path)


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    text = DIGITS.replace("riskPermille: 50", "riskPermille: 0").replace("seed: 7", "sead: 7")
    with pytest.raises(UserError) as caught:
        read_job_file(write(tmp_path, text))
    assert "riskPermille" in str(caught.value)
    assert "sead" in str(caught.value)


def test_broken_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"job\.yaml:2: is not YAML"):
        read_job_file(write(tmp_path, "a: 1\n b: : 2\n"))


def test_another_kind_is_refused(tmp_path: Path) -> None:
    text = DIGITS + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
    with pytest.raises(UserError, match=r"v1 Secret: .* kind: LabelingJob or WorkTeam"):
        read_job_file(write(tmp_path, text))


@pytest.mark.parametrize(("text", "got"), [("- a\n", "a list"), ("5\n", "a number"), ("x", "text")])
def test_what_is_no_resource_is_refused(tmp_path: Path, text: str, got: str) -> None:
    with pytest.raises(UserError, match=rf"job\.yaml:1: is no Kubernetes object: .*; got {got}"):
        read_job_file(write(tmp_path, text))


def test_two_jobs_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"needs exactly one LabelingJob, has 2\. Leave one in it"):
        read_job_file(write(tmp_path, DIGITS + "---\n" + DIGITS))


def test_a_file_without_the_team_says_which_one_is_missing(tmp_path: Path) -> None:
    job, _, _ = DIGITS.partition("\n---")
    with pytest.raises(UserError, match=r"there is no WorkTeam 'digit-readers' in the file"):
        read_job_file(write(tmp_path, job))


def test_a_team_that_is_too_small_is_told_before_anything_runs(tmp_path: Path) -> None:
    text = DIGITS.replace("annotatorsPerItem: 3", "annotatorsPerItem: 6")
    with pytest.raises(UserError, match=r"job\.yaml:\d+: .* WorkTeamTooSmall: .* at most 5"):
        read_job_file(write(tmp_path, text))


def test_a_team_of_another_namespace_does_not_count(tmp_path: Path) -> None:
    job, team = yaml.safe_load_all(DIGITS)
    team["metadata"]["namespace"] = "other"
    with pytest.raises(UserError, match=r"in namespace default: none"):
        read_job_file(write(tmp_path, yaml.safe_dump_all([job, team])))

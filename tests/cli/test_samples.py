"""Samples as ``up`` and the demo give them to kubectl."""

from __future__ import annotations

from pathlib import Path

import yaml

from surelabel_cli.samples import SAMPLES, prepare_sample, prepare_samples
from surelabel_operator.validation import validate_object


def test_every_sample_is_prepared_with_absolute_uris_and_its_data(tmp_path: Path) -> None:
    prepared = prepare_samples(tmp_path)
    elsewhere = {"reviews-kuberay.yaml"}
    everything = {path.name for path in SAMPLES.glob("*.yaml")}
    assert {path.name for path in prepared} == everything - elsewhere
    for path in prepared:
        text = path.read_text(encoding="utf-8")
        assert "file://./" not in text
        job, team = yaml.safe_load_all(text)
        assert validate_object(job) + validate_object(team) == []
        for uri in (job["spec"]["input"]["manifest"], team["spec"]["simulated"]["truthURI"]):
            assert Path(uri.removeprefix("file://")).is_file()


def test_the_sample_for_kube_ray_lies_where_the_guide_puts_it() -> None:
    job, team = yaml.safe_load_all((SAMPLES / "reviews-kuberay.yaml").read_text(encoding="utf-8"))
    assert validate_object(job) + validate_object(team) == []
    guide = (SAMPLES.parents[1] / "docs/guides/install-kind.md").read_text(encoding="utf-8")
    for uri in (job["spec"]["input"]["manifest"], team["spec"]["simulated"]["truthURI"]):
        assert f" {uri}\n" in guide
    storage = job["spec"]["storage"]
    assert f"'{storage['endpoint']}' > endpoint\n" in guide
    assert f"create secret generic {storage['secretName']} " in guide
    # Without it a job's whole Ray cluster would be idle for the field's own time.
    assert job["spec"]["compute"]["ray"]["cluster"]["scope"] == "Job"


def test_a_prepared_sample_is_the_sample(tmp_path: Path) -> None:
    path = prepare_sample(SAMPLES / "reviews.yaml", tmp_path)
    job, _ = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    original, _ = yaml.safe_load_all((SAMPLES / "reviews.yaml").read_text(encoding="utf-8"))
    assert job["spec"]["labels"] == original["spec"]["labels"]
    assert job["metadata"] == original["metadata"]

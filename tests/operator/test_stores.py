"""Opening a job's store: what is refused is told with the field that it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from operator_bench import job_of
from surelabel_contract.errors import ConfigurationError, StorageNotAllowedError
from surelabel_operator.cluster import Secret
from surelabel_operator.folder_cluster import FolderCluster
from surelabel_operator.resources import read_labeling_job
from surelabel_operator.settings import Settings
from surelabel_operator.stores import Stores
from surelabel_operator.trust import ALLOW_USE_LABEL, RayTarget

MANIFEST, OUTPUT = {"manifest": "s3://bucket/in"}, {"uri": "s3://bucket/out"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"input": {"manifest": "file://./in"}},
            "spec.input.manifest: 'file://./in': file://./ is understood in the job file of "
            "`surelabel run` alone",
        ),
        (
            {"output": {"uri": "file:///out"}},
            "spec.output.uri: 'file:///out': local files are off on this cluster. Use s3://",
        ),
        (
            {"input": {"manifest": "s3://other/in"}},
            "spec.input.manifest: 's3://other/in' lies under none of the allowed prefixes "
            "(s3://bucket). Ask",
        ),
        (
            {"output": {"uri": "s3://bucket/a/./b"}},
            "spec.output.uri: 's3://bucket/a/./b': no part of a path may be empty or '.'. Leave",
        ),
        (
            {"autoLabeling": {"encoder": {"uri": "s3://other/encoder.onnx"}}},
            "spec.autoLabeling.encoder.uri: 's3://other/encoder.onnx' lies under none of the",
        ),
    ],
)
async def test_a_uri_that_is_refused_is_told_with_its_field(
    tmp_path: Path, spec: dict[str, Any], said: str
) -> None:
    prefixes = {"namespaces": ["default"], "prefixes": ["s3://bucket"]}
    settings = Settings.model_validate({"storage": {"allowedPrefixes": [prefixes]}})
    job = read_labeling_job(job_of(tmp_path, **{"input": MANIFEST, "output": OUTPUT, **spec}))
    stores = Stores(FolderCluster(tmp_path / "cluster"), settings)
    with pytest.raises(StorageNotAllowedError) as refused:
        await stores.open(job, RayTarget("http://ray"))
    assert str(refused.value).startswith(said)


class ClusterWithSecret(FolderCluster):
    """A cluster whose only Secret has other labels than its user needs."""

    labels: Mapping[str, str]

    async def get_secret(self, _namespace: str, name: str) -> Secret | None:
        return Secret(name, self.labels, {})


@pytest.mark.parametrize(
    ("labels", "found"),
    [({}, "it has no such label"), ({ALLOW_USE_LABEL: "env"}, "it has 'env' there")],
    ids=["no label", "another use"],
)
async def test_a_secret_for_another_use_is_told_with_what_its_owner_has_to_do(
    tmp_path: Path, labels: dict[str, str], found: str
) -> None:
    spec = {"input": MANIFEST, "output": OUTPUT, "storage": {"secretName": "keys"}}
    cluster = ClusterWithSecret(tmp_path / "cluster")
    cluster.labels = labels
    stores = Stores(cluster, Settings())
    with pytest.raises(ConfigurationError) as refused:
        await stores.open(read_labeling_job(job_of(tmp_path, **spec)), RayTarget("http://ray"))
    assert refused.value.reason == "SecretNotAllowed"
    assert str(refused.value) == (
        "spec.storage.secretName: Secret 'keys' must have the label surelabel.dev/allow-use: "
        f"storage; {found}. Ask its owner to set it."
    )

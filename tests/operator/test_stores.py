"""Opening a job's store: what is refused is told with the field that it stands in."""

from __future__ import annotations

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

    async def get_secret(self, _namespace: str, name: str) -> Secret | None:
        return Secret(name, {ALLOW_USE_LABEL: "env"}, {})


async def test_a_secret_for_another_use_is_told_with_what_its_owner_has_to_do(
    tmp_path: Path,
) -> None:
    spec = {"input": MANIFEST, "output": OUTPUT, "storage": {"secretName": "keys"}}
    stores = Stores(ClusterWithSecret(tmp_path / "cluster"), Settings())
    with pytest.raises(ConfigurationError) as refused:
        await stores.open(read_labeling_job(job_of(tmp_path, **spec)), RayTarget("http://ray"))
    assert refused.value.reason == "SecretNotAllowed"
    assert str(refused.value) == (
        "spec.storage.secretName: Secret 'keys' must have the label surelabel.dev/allow-use: "
        "storage; got 'env'. Ask its owner to set it."
    )

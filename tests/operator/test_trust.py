"""What a namespace may use: everything that is not allowed is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from folder_world import world_of
from operator_bench import job_of, team_of, write_texts
from s3 import S3Server
from surelabel_contract import store
from surelabel_contract.errors import ConfigurationError, StorageNotAllowedError
from surelabel_contract.stages import ModelParameter, StageConfig, StorageAccess
from surelabel_operator.backends import Submission, Submitted
from surelabel_operator.cluster import Secret
from surelabel_operator.folder_cluster import FolderCluster
from surelabel_operator.logging import SecretText
from surelabel_operator.reconcile import reconcile
from surelabel_operator.resources import RayAddress, Storage
from surelabel_operator.settings import (
    AllowedEntrypoints,
    AllowedPrefixes,
    RayCluster,
    Settings,
    StorageSettings,
)
from surelabel_operator.trust import (
    ALLOW_USE_LABEL,
    Access,
    RayTarget,
    check_entrypoint,
    ray_target,
    storage_access,
)

SETTINGS = Settings.from_yaml(
    """
rayClusters:
- {name: shared, url: "http://ray.example:8265", tokenSecret: ray-token, namespaces: [vision]}
rayOrigins:
- {origin: "https://ray.team.example", namespaces: [vision]}
storage:
  allowedPrefixes:
  - {namespaces: [vision], prefixes: ["s3://bucket/vision"]}
  endpoints:
  - {namespaces: [vision], url: "https://s3.example"}
modelEntrypoints:
- {namespaces: [vision], prefixes: ["team.models.", "team.trees:Forest"]}
"""
)


def test_a_listed_ray_cluster_serves_the_namespaces_that_it_names() -> None:
    found = ray_target(SETTINGS, "vision", RayAddress(name="shared"))
    assert found == RayTarget("http://ray.example:8265", "ray-token")


@pytest.mark.parametrize(
    ("namespace", "address"),
    [
        ("other", {"name": "shared"}),
        ("vision", {"name": "unknown"}),
        ("other", {"url": "https://ray.team.example"}),
        ("vision", {"url": "https://ray.team.example:444"}),
        ("vision", {"url": "http://ray.team.example"}),
        ("vision", {"url": "http://head.other.svc:8265"}),
        ("vision", {"url": "http://head.vision.svc.evil.example:8265"}),
        ("vision", {"url": "http://head.vision.svc.cluster.local.evil.example"}),
        ("vision", {"url": "http://x.head.vision.svc"}),
        ("vision", {"url": "http://vision.svc"}),
        ("vision", {"url": "http://10.0.0.1:8265"}),
        ("vision", {"url": "http://localhost:8265"}),
        ("vision", {"url": "http://head.vision.svc@evil.example"}),
    ],
)
def test_every_other_address_is_refused(namespace: str, address: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ray_target(SETTINGS, namespace, RayAddress(**address))
    assert caught.value.reason == "RayNotAllowed"
    assert "spec.compute.ray.address" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://head.vision.svc:8265",
        "https://head.vision.svc",
        "http://head.vision.svc.cluster.local:8265/",
    ],
)
def test_a_service_of_the_own_namespace_needs_no_listing_and_gets_no_token(url: str) -> None:
    found = ray_target(SETTINGS, "vision", RayAddress(url=url))
    assert (found.own, found.token_secret) == (True, None)


def secret_of(**values: str) -> dict[str, SecretText]:
    return {key: SecretText(value) for key, value in values.items()}


S3 = secret_of(aws_access_key_id="id", aws_secret_access_key="key")
S3_WITH_ENDPOINT = {**S3, "endpoint": SecretText("https://minio.example")}
NAMED = Storage(secret_name="team-store")


def access_of(
    namespace: str,
    storage: Storage,
    secret: dict[str, SecretText] | None,
    *,
    own_ray: bool = False,
    output: str = "s3://bucket/vision/out",
    settings: Settings = SETTINGS,
) -> Access:
    return storage_access(settings, namespace, storage, secret, own_ray=own_ray, output=output)


def test_ambient_credentials_are_bound_to_the_namespaces_prefixes() -> None:
    access = access_of("vision", Storage(), None)
    assert access.operator.prefixes == ("s3://bucket/vision",)
    assert access.stages == access.operator
    assert access.credentials is None
    assert not access.operator.local_files


@pytest.mark.parametrize("secret", [None, S3])
def test_a_namespace_without_prefixes_gets_nothing_on_a_shared_ray(
    secret: dict[str, SecretText] | None,
) -> None:
    with pytest.raises(StorageNotAllowedError, match=r"^spec\.output\.uri: .* no allowed prefixes"):
        access_of("other", Storage(), secret)


def test_with_its_own_secret_and_its_own_ray_a_namespace_is_free_but_never_on_local_files() -> None:
    settings = SETTINGS.model_copy(
        update={"storage": SETTINGS.storage.model_copy(update={"local_files": True})}
    )
    access = access_of("other", NAMED, S3, own_ray=True, settings=settings)
    assert access.operator.prefixes is None
    assert access.stages.prefixes is None
    assert not access.operator.local_files
    assert not access.stages.local_files


def test_a_secret_frees_the_operator_but_not_stages_that_share_anothers_credentials() -> None:
    access = access_of("vision", NAMED, {**S3, "aws_endpoint": SecretText("http://evil")})
    assert access.operator.prefixes is None
    assert access.stages.prefixes == ("s3://bucket/vision",)
    # Only credentials are taken from the Secret, no other option of the client.
    assert access.credentials == S3


@pytest.mark.parametrize(
    ("output", "secret", "missing"),
    [
        ("s3://b/out", {}, "aws_access_key_id and aws_secret_access_key"),
        ("s3://b/out", {"aws_access_key_id": "x"}, "aws_secret_access_key"),
        ("s3://b/out", {"aws_access_key_id": "x", "aws_secret_access_key": " \n"}, "aws_secret"),
        ("s3://b/out", {"azure_storage_account_name": "x"}, "aws_access_key_id"),
        ("az://c/out", {}, "azure_storage_account_name and azure_storage_account_key, or"),
        ("az://c/out", {"azure_storage_account_name": "x"}, "azure_storage_sas_token"),
        ("az://c/out", {"azure_storage_account_key": "x"}, "azure_storage_account_name"),
        ("az://c/out", {"azure_storage_sas_token": "x"}, "azure_storage_account_name"),
        ("gs://b/out", {}, "google_service_account_key"),
        ("gs://b/out", {"google_service_account": "x"}, "google_service_account_key"),
    ],
)
@pytest.mark.parametrize("own_ray", [True, False])
def test_a_secret_without_all_credentials_of_the_store_is_refused(
    output: str, secret: dict[str, str], missing: str, own_ray: bool
) -> None:
    with pytest.raises(StorageNotAllowedError) as refused:
        access_of("vision", NAMED, secret_of(**secret), own_ray=own_ray, output=output)
    message = str(refused.value)
    assert message.startswith("spec.storage.secretName: Secret 'team-store'")
    assert missing in message
    assert "Add that to the Secret" in message


@pytest.mark.parametrize(
    ("output", "secret"),
    [
        ("s3://b/out", {"AWS_ACCESS_KEY_ID": "x", "aws_secret_access_key": "y"}),
        ("az://c/out", {"azure_storage_account_name": "x", "azure_storage_account_key": "y"}),
        ("az://c/out", {"azure_storage_account_name": "x", "azure_storage_sas_token": "y"}),
        ("gs://b/out", {"google_service_account_key": "{}"}),
    ],
)
def test_a_complete_secret_is_taken_without_the_line_ends_of_its_files(
    output: str, secret: dict[str, str]
) -> None:
    read = {key: SecretText(f"{value}\n") for key, value in secret.items()}
    access = access_of("vision", NAMED, read, output=output)
    wanted = {key.lower(): SecretText(value) for key, value in secret.items()}
    assert access.credentials == wanted


def test_an_endpoint_is_listed_or_stands_in_the_secret() -> None:
    listed = Storage(endpoint="https://s3.example/")
    access = access_of("vision", listed, None)
    assert access.operator.endpoint == "https://s3.example"
    other = Storage(endpoint="https://minio.example", secret_name="team-store")
    for secret in (None, {**S3, "endpoint": SecretText("https://x")}):
        with pytest.raises(
            StorageNotAllowedError, match=r"spec\.storage\.endpoint: must be listed.* Ask who"
        ):
            access_of("vision", other, secret, own_ray=True)
    access = access_of("vision", other, S3_WITH_ENDPOINT, own_ray=True)
    assert access.operator.endpoint == access.stages.endpoint == "https://minio.example"


def test_a_secret_does_not_send_anothers_credentials_to_its_endpoint() -> None:
    other = Storage(endpoint="https://minio.example", secret_name="team-store")
    with pytest.raises(StorageNotAllowedError) as refused:
        access_of("vision", other, S3_WITH_ENDPOINT)
    assert "spec.storage.endpoint: the stages of a shared Ray cluster" in str(refused.value)
    assert "'https://minio.example'" in str(refused.value)
    listed = Storage(endpoint="https://s3.example", secret_name="team-store")
    assert access_of("vision", listed, S3).stages.endpoint == "https://s3.example"


def test_an_endpoint_in_a_secret_without_credentials_gets_no_request() -> None:
    other = Storage(endpoint="https://minio.example", secret_name="team-store")
    for own_ray in (True, False):
        with pytest.raises(StorageNotAllowedError):
            access_of("vision", other, secret_of(endpoint="https://minio.example"), own_ray=own_ray)


@pytest.mark.parametrize("scheme", ["gs", "az", "file"])
def test_an_encryption_that_the_store_would_not_apply_is_refused(scheme: str) -> None:
    encrypted = Storage.model_validate({"serverSideEncryption": {"type": "AES256"}})
    with pytest.raises(ConfigurationError) as refused:
        access_of("vision", encrypted, None, output=f"{scheme}://bucket/vision/out")
    assert refused.value.reason == "InvalidSpec"
    for words in ("spec.storage.serverSideEncryption", "s3:// only", f"{scheme}://bucket/vision"):
        assert words in str(refused.value)


def test_an_encryption_reaches_operator_and_stages() -> None:
    encrypted = Storage.model_validate(
        {"serverSideEncryption": {"type": "aws:kms", "keyID": "team-key"}}
    )
    access = access_of("vision", encrypted, None)
    for found in (access.operator, access.stages):
        assert (found.sse_type, found.sse_key_id) == ("aws:kms", "team-key")


@pytest.mark.parametrize(
    "entrypoint", ["team.models.nets:Small", "team.models.x.y:Net", "team.trees:Forest", None]
)
def test_a_listed_model_may_run(entrypoint: str | None) -> None:
    check_entrypoint(SETTINGS, "vision", entrypoint)


@pytest.mark.parametrize(
    ("namespace", "entrypoint"),
    [
        ("other", "team.models.nets:Small"),
        ("vision", "team.models:Net"),
        ("vision", "team.modelsx:Net"),
        ("vision", "team.trees:ForestOfOthers"),
        ("vision", "os:system"),
    ],
)
def test_a_model_that_is_not_listed_is_refused(namespace: str, entrypoint: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"spec\.autoLabeling\.model\.entrypoint"
    ) as refused:
        check_entrypoint(SETTINGS, namespace, entrypoint)
    assert refused.value.reason == "EntrypointNotAllowed"
    assert entrypoint in str(refused.value)
    assert "modelEntrypoints" in str(refused.value)


def test_settings_without_entrypoints_allow_none() -> None:
    with pytest.raises(ConfigurationError):
        check_entrypoint(Settings(), "vision", "team.models.nets:Small")


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "not listed"])
async def test_a_job_with_a_model_of_others_starts_only_where_it_is_listed(
    tmp_path: Path, listed: bool
) -> None:
    cluster = FolderCluster(tmp_path / "cluster")
    backend = Recorder()
    allowed = AllowedEntrypoints(prefixes=("team.models:",), namespaces=("default",))
    settings = Settings(
        ray_clusters=(RayCluster(name="x", url="http://ray", namespaces=("default",)),),
        storage=StorageSettings(
            local_files=True,
            allowed_prefixes=(
                AllowedPrefixes(prefixes=(tmp_path.as_uri(),), namespaces=("default",)),
            ),
        ),
        model_entrypoints=(allowed,) if listed else (),
    )
    world = world_of(cluster, settings, backend)
    write_texts(tmp_path)
    cluster.apply(team_of(tmp_path))
    model = {"entrypoint": "team.models:Net", "parameters": [{"name": "depth", "value": "3"}]}
    cluster.apply(job_of(tmp_path, autoLabeling={"model": model}))
    for _ in range(3):
        job = await cluster.get_job("default", "animals")
        assert job is not None
        await reconcile(job, world)
    job = await cluster.get_job("default", "animals")
    assert job is not None
    stalled = job.status.condition("Stalled")
    assert stalled is not None
    if not listed:
        assert (stalled.status, stalled.reason) == ("True", "EntrypointNotAllowed")
        assert backend.submissions == []
        return
    assert stalled.status == "False"
    config = StageConfig.from_json(
        store.Storage(backend.submissions[0].storage).read(backend.submissions[0].config_uri)
    )
    assert config.auto_labeling is not None
    assert config.auto_labeling.model_entrypoint == "team.models:Net"
    assert config.auto_labeling.model_parameters == (ModelParameter(name="depth", value="3"),)


class ClusterWithSecret(FolderCluster):
    """A cluster in a folder whose only Secret has these credentials."""

    credentials: dict[str, str]

    async def get_secret(self, _namespace: str, name: str) -> Secret | None:
        data = {key: value.encode() for key, value in self.credentials.items()}
        return Secret(name, {ALLOW_USE_LABEL: "storage"}, data)


@dataclass
class Recorder:
    """A backend that keeps what it is given."""

    submissions: list[Submission] = field(default_factory=list)

    def of(self, _target: object) -> Recorder:
        return self

    async def submit(self, submission: Submission) -> Submitted:
        self.submissions.append(submission)
        return Submitted.CREATED

    async def observe(self, *_: object) -> tuple[()]:
        return ()


async def test_stages_of_a_namespaces_own_ray_and_secret_may_use_its_store(
    s3_server: S3Server, tmp_path: Path
) -> None:
    cluster = ClusterWithSecret(tmp_path / "cluster")
    cluster.credentials = {**s3_server.credentials, "endpoint": s3_server.endpoint}
    # Nothing is allowed here but what Secret and Ray of the namespace bring.
    backend = Recorder()
    world = world_of(cluster, Settings(), backend)
    place = f"{s3_server.uri}/{tmp_path.name}"
    cluster.apply(team_of(tmp_path))
    cluster.apply(
        job_of(
            tmp_path,
            input={"manifest": f"{place}/in.manifest"},
            output={"uri": f"{place}/out"},
            storage={
                "secretName": "team-store",
                "endpoint": s3_server.endpoint,
                "region": s3_server.region,
            },
            compute={"ray": {"address": {"url": "http://head.default.svc:8265"}}},
        )
    )
    job = await cluster.get_job("default", "animals")
    assert job is not None
    await reconcile(job, world)

    # As the stage does it: the access by its environment, then the config with its own access.
    (submission,) = {found.name: found for found in backend.submissions}.values()
    access = StorageAccess.from_json(submission.storage.to_json())
    stage = store.Storage(access, s3_server.credentials)
    config = StageConfig.from_json(stage.read(submission.config_uri))
    stage = store.Storage(config.storage, s3_server.credentials)
    stage.check(config.manifest_uri)
    assert stage.folder(config.folder_uri).create("state/x", b"1")

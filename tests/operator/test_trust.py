"""What a namespace may use: everything that is not allowed is refused."""

from __future__ import annotations

from typing import Any

import pytest

from surelabel_contract.errors import ConfigurationError, StorageNotAllowedError
from surelabel_operator.logging import SecretText
from surelabel_operator.resources import RayAddress, Storage
from surelabel_operator.settings import Settings
from surelabel_operator.trust import RayTarget, ray_target, storage_access

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


def test_ambient_credentials_are_bound_to_the_namespaces_prefixes() -> None:
    access = storage_access(SETTINGS, "vision", Storage(), None, own_ray=False)
    assert access.operator.prefixes == ("s3://bucket/vision",)
    assert access.stages == access.operator
    assert not access.operator.local_files


@pytest.mark.parametrize("secret", [None, {"aws_access_key_id": SecretText("id")}])
def test_a_namespace_without_prefixes_gets_nothing_on_a_shared_ray(
    secret: dict[str, SecretText] | None,
) -> None:
    with pytest.raises(StorageNotAllowedError, match="no allowed prefixes"):
        storage_access(SETTINGS, "other", Storage(), secret, own_ray=False)


def test_with_its_own_secret_and_its_own_ray_a_namespace_is_free_but_never_on_local_files() -> None:
    settings = SETTINGS.model_copy(
        update={"storage": SETTINGS.storage.model_copy(update={"local_files": True})}
    )
    secret = {"aws_access_key_id": SecretText("id")}
    access = storage_access(settings, "other", Storage(), secret, own_ray=True)
    assert access.operator.prefixes is None
    assert access.stages.prefixes is None
    assert not access.operator.local_files
    assert not access.stages.local_files


def test_a_secret_frees_the_operator_but_not_stages_that_share_anothers_credentials() -> None:
    secret = {"aws_access_key_id": SecretText("id"), "aws_endpoint": SecretText("http://evil")}
    access = storage_access(SETTINGS, "vision", Storage(), secret, own_ray=False)
    assert access.operator.prefixes is None
    assert access.stages.prefixes == ("s3://bucket/vision",)
    # Only credentials are taken from the Secret, no other option of the client.
    assert list(access.credentials) == ["aws_access_key_id"]


def test_an_endpoint_is_listed_or_stands_in_the_secret() -> None:
    listed = Storage(endpoint="https://s3.example/")
    access = storage_access(SETTINGS, "vision", listed, None, own_ray=False)
    assert access.operator.endpoint == "https://s3.example"
    other = Storage(endpoint="https://minio.example")
    with pytest.raises(StorageNotAllowedError, match=r"spec\.storage\.endpoint"):
        storage_access(SETTINGS, "vision", other, None, own_ray=False)
    with pytest.raises(StorageNotAllowedError):
        storage_access(
            SETTINGS, "vision", other, {"endpoint": SecretText("https://x")}, own_ray=False
        )
    secret = {"endpoint": SecretText("https://minio.example")}
    storage_access(SETTINGS, "vision", other, secret, own_ray=False)

"""Credentials in files, as Kubernetes mounts a Secret, and stores with a private authority."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3 import S3Server
from surelabel_cli.toolchain import Toolchain, ToolchainError
from surelabel_contract import store_client
from surelabel_contract.errors import StorageNotAllowedError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage, StorageError


def access(server: S3Server, ca_certificate: str | None = None) -> StorageAccess:
    return StorageAccess(
        prefixes=None,
        endpoint=server.endpoint,
        region=server.region,
        ca_certificate=ca_certificate,
    )


def mount(folder: Path, values: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for key, value in values.items():
        # With the line end that editors leave.
        (folder / key).write_text(f"{value}\n")


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "storage"
    monkeypatch.setenv(store_client.CREDENTIALS_VARIABLE, str(folder))
    # What the pods have besides must not count.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ambient")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")
    return folder


def test_mounted_credentials_open_the_store(s3_server: S3Server, mounted: Path) -> None:
    mount(mounted, {**s3_server.credentials, "endpoint": s3_server.endpoint, "notes": "x"})
    folder = Storage(access(s3_server)).folder(f"{s3_server.uri}/mounted")
    assert folder.create("x", b"1")
    assert folder.read("x") == b"1"


def test_a_changed_secret_counts_for_a_client_that_is_open(
    s3_server: S3Server, mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_client, "_REREAD", store_client.timedelta(0))
    mount(mounted, {**s3_server.credentials, "aws_secret_access_key": "outdated"})
    folder = Storage(access(s3_server)).folder(f"{s3_server.uri}/rotated")
    with pytest.raises(StorageError):
        folder.write("x", b"1")
    mount(mounted, s3_server.credentials)
    folder.write("x", b"2")
    assert folder.read("x") == b"2"


def test_an_incomplete_mount_opens_nothing(s3_server: S3Server, mounted: Path) -> None:
    mount(mounted, {"aws_access_key_id": s3_server.access_key})
    with pytest.raises(
        StorageNotAllowedError,
        match="the credentials given lack aws_secret_access_key",
    ):
        Storage(access(s3_server)).folder(s3_server.uri).read("x")


def test_a_folder_that_is_missing_opens_nothing(s3_server: S3Server, mounted: Path) -> None:
    assert not mounted.exists()
    with pytest.raises(StorageNotAllowedError):
        Storage(access(s3_server)).folder(s3_server.uri).read("x")


def test_a_private_authority_is_trusted_only_where_it_is_named(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    try:
        binary = toolchain.require("versitygw")
    except ToolchainError as error:
        pytest.skip(str(error))
    with S3Server(binary, tmp_path / "s3", tls=True) as server:
        assert server.authority is not None
        trusted = Storage(access(server, server.authority.pem), server.credentials)
        assert trusted.folder(server.uri).create("x", b"1")
        with pytest.raises(StorageError, match=r"UnknownIssuer; .* spec\.storage\.caSecretName"):
            Storage(access(server), server.credentials, timeout_seconds=1).folder(server.uri).read(
                "x"
            )


def test_an_authority_that_is_no_certificate_is_refused(s3_server: S3Server) -> None:
    with pytest.raises(StorageNotAllowedError, match="Correct what is malformed"):
        Storage(access(s3_server, "no certificate"), s3_server.credentials).folder(
            s3_server.uri
        ).read("x")

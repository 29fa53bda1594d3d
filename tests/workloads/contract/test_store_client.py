"""Whose credentials a client has, and a store that does not answer."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from s3 import S3Server
from surelabel_contract.errors import ConfigurationError, StorageNotAllowedError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Folder, NotFoundInStoreError, Storage, StorageError

_S3 = {"aws_access_key_id": "of-secret", "aws_secret_access_key": "b"}
_AZURE = {"azure_storage_account_name": "ofsecret", "azure_storage_account_key": "aGVsbG8="}
_SAS = {
    "azure_storage_account_name": "ofsecret",
    "azure_storage_sas_token": "sv=1&sig=of-secret",
}
# Without a private key: what would be signed with it goes to nobody.
_GOOGLE = {
    "google_service_account_key": json.dumps(
        {
            "client_email": "",
            "private_key": "",
            "private_key_id": "",
            "disable_oauth": True,
            "gcs_base_url": "http://127.0.0.1:9",
        }
    )
}
_AMBIENT = {
    "s3": {
        "AWS_ACCESS_KEY_ID": "ambient",
        "AWS_SECRET_ACCESS_KEY": "ambient",
        "AWS_SESSION_TOKEN": "ambient",
        "AWS_ENDPOINT": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_REGION": "ambient",
        "AWS_BUCKET": "ambient",
        "AWS_ROLE_ARN": "ambient",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/ambient",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_S3_EXPRESS": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
        "AWS_REQUEST_PAYER": "true",
    },
    "az": {
        "AZURE_STORAGE_ACCOUNT_NAME": "ambient",
        "AZURE_STORAGE_TOKEN": "ambient",
        "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:9",
        "AZURE_CONTAINER_NAME": "ambient",
        "AZURE_CREDENTIAL_TYPE": "bearer_token",
        "AZURE_CLIENT_ID": "ambient",
        "AZURE_CLIENT_SECRET": "ambient",
        "AZURE_TENANT_ID": "ambient",
        "AZURE_FEDERATED_TOKEN_FILE": "/ambient",
        "AZURE_SKIP_SIGNATURE": "true",
        "AZURE_STORAGE_USE_EMULATOR": "true",
        "AZURE_USE_FABRIC_ENDPOINT": "true",
        "AZURE_FABRIC_TOKEN_SERVICE_URL": "http://127.0.0.1:9",
        "AZURE_FABRIC_WORKLOAD_HOST": "http://127.0.0.1:9",
        "AZURE_FABRIC_SESSION_TOKEN": "ambient",
        "AZURE_FABRIC_CLUSTER_IDENTIFIER": "ambient",
    },
    "gs": {
        "GOOGLE_SERVICE_ACCOUNT_KEY": "ambient",
        "GOOGLE_APPLICATION_CREDENTIALS": "/ambient",
        "GOOGLE_BASE_URL": "http://127.0.0.1:9",
        "GOOGLE_BUCKET": "ambient",
    },
}


@pytest.fixture
def heard() -> Iterator[tuple[str, list[str]]]:
    """The URL of a server, and what each request to it says."""
    requests: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(f"{self.path}\n{self.headers}")
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", requests
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("uri", "given", "said"),
    [
        ("s3://labels", _S3, "Credential=of-secret/"),
        ("s3://labels", {**_S3, "aws_session_token": "my-token"}, "my-token"),
        ("az://labels", _AZURE, "SharedKey ofsecret:"),
        ("az://labels", _SAS, "sig=of-secret"),
        ("gs://labels", _GOOGLE, "/labels/x"),
    ],
    ids=["s3", "s3 with token", "az key", "az sas", "gs"],
)
def test_given_credentials_count_alone_whatever_the_environment_says(
    uri: str,
    given: dict[str, str],
    said: str,
    heard: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoint, requests = heard
    for name, value in _AMBIENT[uri[:2]].items():
        monkeypatch.setenv(name, value)
    access = StorageAccess(prefixes=None, endpoint=endpoint)
    with pytest.raises(NotFoundInStoreError):
        Storage(access, given, timeout_seconds=2).folder(uri).read("x")
    (request,) = requests
    assert said in request
    assert "/labels/x" in request
    assert "ambient" not in request
    assert "payer" not in request


@pytest.mark.parametrize(
    ("uri", "given", "name"),
    [
        ("gs://labels", _GOOGLE, "GOOGLE_BEARER_TOKEN"),
        ("gs://labels", _GOOGLE, "GOOGLE_SERVICE_ACCOUNT"),
        ("gs://labels", _GOOGLE, "SERVICE_ACCOUNT"),
        ("s3://labels", _S3, "AWS_SSE_CUSTOMER_KEY_BASE64"),
        ("az://labels", _AZURE, "AZURE_ENCRYPTION_KEY"),
    ],
)
def test_what_cannot_be_kept_out_of_a_client_refuses_it(
    uri: str, given: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "canary")
    with pytest.raises(StorageNotAllowedError, match=f"has {name},") as refused:
        Storage(StorageAccess(prefixes=None), given).folder(uri)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "given", "missing"),
    [
        ("s3://labels", {}, "aws_access_key_id and aws_secret_access_key"),
        ("s3://labels", {"aws_access_key_id": "a"}, "aws_secret_access_key"),
        ("az://labels", {"azure_storage_account_name": "a"}, "azure_storage_sas_token"),
        ("gs://labels", _S3, "google_service_account_key"),
    ],
)
def test_ambient_credentials_never_complete_those_given(
    uri: str, given: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _AMBIENT[uri[:2]].items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageNotAllowedError, match=missing):
        Storage(StorageAccess(prefixes=None), given).folder(uri)


@pytest.mark.parametrize(
    ("uri", "given"),
    [("gs://labels", {**_GOOGLE, **_S3}), ("az://labels", {**_AZURE, **_S3})],
)
def test_options_of_another_store_do_not_hinder(uri: str, given: dict[str, str]) -> None:
    access = StorageAccess(prefixes=None, region="eu-west-1", sse_type="AES256")
    Storage(access, given).folder(uri)


@pytest.mark.parametrize(
    ("uri", "given", "named"),
    [
        ("gs://labels", {"google_service_account_key": '"canary"'}, "google_service_account_key"),
        ("gs://labels", {"google_service_account_key": "canary"}, "google_service_account_key"),
        ("az://labels", {**_AZURE, "azure_storage_account_key": "canary!"}, "account_key"),
        ("az://labels", {**_SAS, "azure_storage_sas_token": "canary"}, "sas_token"),
        ("az://labels", {**_AZURE, "azure_storage_account_name": "canary.example/"}, "name"),
        ("s3://labels", {**_S3, "aws_access_key_id": "canary\n"}, "aws_access_key_id"),
        ("s3://labels", {**_S3, "aws_session_token": "canary\n"}, "aws_session_token"),
    ],
)
def test_a_malformed_credential_is_named_and_not_shown(
    uri: str, given: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named) as refused:
        Storage(StorageAccess(prefixes=None), given).folder(uri)
    assert refused.value.reason == "StorageNotAllowed"
    assert "canary" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_malformed_ambient_credential_is_told_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", '"canary"')
    with pytest.raises(StorageNotAllowedError, match=r"GOOGLE_\*") as refused:
        Storage(StorageAccess(prefixes=None)).folder("gs://labels")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"region": "eu west\n"},
        {"endpoint": "http://ho st"},
        {"endpoint": "http://store.example:99999"},
        {"endpoint": "http://1.2.3.999"},
        {"endpoint": "http://[::"},
        {"endpoint": "http://[:::]"},
    ],
    ids=repr,
)
def test_a_malformed_address_of_the_store_is_refused_before_a_client_sees_it(
    wrong: dict[str, str],
) -> None:
    access = StorageAccess(
        prefixes=None, endpoint=wrong.get("endpoint"), region=wrong.get("region")
    )
    with pytest.raises(StorageNotAllowedError, match=f"spec.storage.{next(iter(wrong))}"):
        Storage(access, _S3).folder("s3://labels")


def test_ambient_credentials_open_the_store(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    folder = Storage(StorageAccess(prefixes=(s3_server.uri,))).folder(f"{s3_server.uri}/ambient")
    assert folder.create("x", b"1")
    assert not folder.create("x", b"2")


def test_wrong_credentials_are_told_without_the_secret(s3_server: S3Server) -> None:
    with pytest.raises(StorageError) as refused:
        s3_server.storage(aws_secret_access_key="canary-secret").folder(s3_server.uri).read("x")
    assert "canary-secret" not in str(refused.value)
    assert "get s3://labels/x" in str(refused.value)


# -- a store that does not answer


def folder_at(endpoint: str, timeout_seconds: float = 30) -> Folder:
    access = StorageAccess(prefixes=None, endpoint=endpoint, region="us-east-1")
    return Storage(access, _S3, timeout_seconds=timeout_seconds).folder("s3://labels")


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_store_that_refuses_connections_is_told_within_seconds() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
    started = time.monotonic()
    with pytest.raises(StorageError, match="get s3://labels/x"):
        folder_at(endpoint).read("x")
    assert time.monotonic() - started < 15


def test_a_store_that_never_answers_is_given_up(silent: str) -> None:
    started = time.monotonic()
    with pytest.raises(StorageError):
        folder_at(silent, timeout_seconds=1).read("x")
    # The limit counts three times, with a little for the last request.
    assert time.monotonic() - started < 6


async def test_the_operator_is_not_blocked_by_a_silent_store(silent: str) -> None:
    request = asyncio.ensure_future(folder_at(silent, timeout_seconds=1).read_async("x"))
    await asyncio.sleep(0.1)
    assert not request.done()
    with pytest.raises(StorageError):
        await request

"""One suite for local files and a real S3 server: what the stages and the operator rely on."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from s3 import S3Server
from surelabel_contract.errors import ConfigurationError, StorageNotAllowedError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import (
    Folder,
    NotFoundInStoreError,
    Storage,
    StorageError,
    TooLargeError,
)


def s3_storage(server: S3Server, *, prefixes: tuple[str, ...] | None = None) -> Storage:
    access = StorageAccess(prefixes=prefixes, endpoint=server.endpoint, region=server.region)
    return Storage(access, server.credentials, timeout_seconds=10)


@pytest.fixture(params=["file", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """An empty folder in each kind of store."""
    if request.param == "file":
        return Storage(StorageAccess(prefixes=None, local_files=True)).folder(tmp_path.as_uri())
    server: S3Server = request.getfixturevalue("s3_server")
    return s3_storage(server).folder(f"{server.uri}/{tmp_path.name}")


def test_what_was_written_is_read(folder: Folder) -> None:
    reference = folder.write("a/b.txt", b"hello")
    assert folder.read("a/b.txt") == b"hello"
    assert (reference.key, reference.size) == ("a/b.txt", 5)
    assert folder.size("a/b.txt") == 5
    assert folder.read_range("a/b.txt", 1, 3) == b"el"
    assert b"".join(folder.read_chunks("a/b.txt", 2)) == b"hello"
    assert folder.storage.read(folder.uri_of("a/b.txt")) == b"hello"


def test_a_second_create_changes_nothing(folder: Folder) -> None:
    assert folder.create("commit", b"first")
    assert not folder.create("commit", b"second")
    assert folder.read("commit") == b"first"


async def test_a_second_create_of_the_operator_changes_nothing(folder: Folder) -> None:
    assert await folder.create_async("commit", b"first")
    assert not await folder.create_async("commit", b"second")
    assert await folder.read_async("commit") == b"first"


async def test_only_the_first_of_two_writers_of_one_version_wins(folder: Folder) -> None:
    await folder.create_async("owner", b"one")
    data, version = await folder.read_versioned_async("owner")
    assert data == b"one"
    assert await folder.replace_async("owner", b"two", version)
    assert not await folder.replace_async("owner", b"three", version)
    assert await folder.read_async("owner") == b"two"


async def test_replacing_what_is_not_there_is_no_success(folder: Folder) -> None:
    try:
        replaced = await folder.replace_async("missing", b"x", "0" * 32)
    except NotFoundInStoreError:
        replaced = False
    assert not replaced
    assert folder.size("missing") is None


async def test_a_stamp_tells_contents_of_one_size_apart(folder: Folder) -> None:
    assert await folder.stamp_async("manifest") is None
    folder.write("manifest", b"one")
    one = await folder.stamp_async("manifest")
    folder.write("manifest", b"two")
    two = await folder.stamp_async("manifest")
    assert await folder.stamp_async("manifest") == two
    assert one is not None
    assert two is not None
    assert one.size == two.size == 3
    assert one.version != two.version


def test_a_listing_has_keys_relative_to_the_folder_in_order(folder: Folder) -> None:
    for key in ("x/2", "x/1", "x/deep/3", "y/4"):
        folder.write(key, b"12")
    assert [(entry.key, entry.size) for entry in folder.entries("x/")] == [
        ("x/1", 2),
        ("x/2", 2),
        ("x/deep/3", 2),
    ]
    assert folder.entries("nothing/") == []


def test_a_writer_that_fails_leaves_nothing(folder: Folder) -> None:
    with pytest.raises(RuntimeError, match="broken"), folder.writer("manifest") as writer:
        writer.write(b"half")
        raise RuntimeError("broken")
    assert folder.size("manifest") is None


def test_a_writer_streams_more_than_one_part(folder: Folder) -> None:
    block = b"0123456789abcdef" * 65_536
    with folder.writer("large") as writer:
        for _ in range(12):
            writer.write(block)
    assert folder.size("large") == 12 * len(block)


def test_a_missing_object_is_told_by_its_uri(folder: Folder) -> None:
    with pytest.raises(NotFoundInStoreError, match="does not exist") as missing:
        folder.read("nothing")
    assert folder.uri_of("nothing") in str(missing.value)
    assert folder.size("nothing") is None


def test_an_object_above_the_limit_is_not_read(folder: Folder) -> None:
    folder.write("large", b"12345")
    with pytest.raises(TooLargeError, match="has 5 bytes; at most 4"):
        folder.read("large", max_bytes=4)


def test_every_request_is_observed_before_and_after(folder: Folder) -> None:
    seen: list[tuple[str, str | None]] = []
    folder.storage.observer = lambda operation, _uri, result: seen.append((operation, result))
    folder.create("x", b"1")
    folder.create("x", b"2")
    with pytest.raises(NotFoundInStoreError):
        folder.read("y")
    results = [result for _, result in seen]
    assert results == [None, "ok", None, "exists", None, "not_found"]


# -- what a job may touch


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("s3://labels/team/a", True),
        ("s3://labels/team", True),
        ("s3://labels/team/a/b/c.png", True),
        ("s3://labels/teamwork/a", False),
        ("s3://labels/tea", False),
        ("s3://labels/", False),
        ("s3://other/team/a", False),
        ("s3://labels/team/../secret", False),
        ("s3://labels/team/%2e%2e/secret", False),
        ("gs://labels/team/a", False),
        ("file:///labels/team/a", False),
        ("http://labels/team/a", False),
        ("/labels/team/a", False),
        ("", False),
    ],
)
def test_only_what_lies_under_an_allowed_prefix_is_opened(uri: str, allowed: bool) -> None:
    storage = Storage(StorageAccess(prefixes=("s3://labels/team/",), endpoint="http://127.0.0.1:9"))
    if allowed:
        storage.folder(uri)
    else:
        with pytest.raises(StorageNotAllowedError):
            storage.folder(uri)


def test_no_prefixes_allow_nothing() -> None:
    with pytest.raises(StorageNotAllowedError, match="allowed prefixes \\(none\\)"):
        Storage(StorageAccess(prefixes=())).folder("s3://labels/x")


@pytest.fixture
def fenced(tmp_path: Path) -> tuple[Storage, Path]:
    """A storage that may touch ``tmp_path/mine`` only, with a secret beside it."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (tmp_path / "secret").write_text("secret")
    return Storage(StorageAccess(prefixes=(mine.as_uri(),), local_files=True)), mine


@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "%2e%2e/secret"])
def test_dots_do_not_lead_out_of_a_local_prefix(fenced: tuple[Storage, Path], path: str) -> None:
    storage, mine = fenced
    with pytest.raises(StorageNotAllowedError):
        storage.read(f"{mine.as_uri()}/{path}")


def link_to_file(mine: Path) -> str:
    (mine / "link").symlink_to(mine.parent / "secret")
    return "link"


def link_to_folder(mine: Path) -> str:
    (mine / "link").symlink_to(mine.parent)
    return "link/secret"


def dotted_key(_mine: Path) -> str:
    return "../secret"


@pytest.mark.parametrize("way_out", [link_to_file, link_to_folder])
def test_links_do_not_lead_out_of_a_local_prefix(
    fenced: tuple[Storage, Path], way_out: Callable[[Path], str]
) -> None:
    storage, mine = fenced
    with pytest.raises(StorageNotAllowedError):
        storage.read(f"{mine.as_uri()}/{way_out(mine)}")


@pytest.mark.parametrize("way_out", [link_to_file, link_to_folder, dotted_key])
def test_keys_do_not_lead_out_of_a_local_folder(
    fenced: tuple[Storage, Path], way_out: Callable[[Path], str]
) -> None:
    storage, mine = fenced
    with pytest.raises(StorageNotAllowedError):
        storage.folder(mine.as_uri()).read(way_out(mine))


def test_a_prefix_may_itself_be_a_link_and_have_spaces(tmp_path: Path) -> None:
    (tmp_path / "real disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real disk")
    for prefix in (link, tmp_path / "real disk"):
        access = StorageAccess(prefixes=(prefix.as_uri(),), local_files=True)
        folder = Storage(access).folder(f"{link.as_uri()}/job")
        folder.write("x", b"1")
        assert folder.read("x") == b"1"


def test_a_file_uri_with_a_host_is_refused() -> None:
    storage = Storage(StorageAccess(prefixes=None, local_files=True))
    with pytest.raises(StorageNotAllowedError, match="file:///absolute/path"):
        storage.read("file://etc/passwd")


def test_local_files_are_off_unless_allowed(tmp_path: Path) -> None:
    with pytest.raises(StorageNotAllowedError, match="local files are off"):
        Storage(StorageAccess(prefixes=None)).folder(tmp_path.as_uri())


def test_names_with_spaces_and_signs_are_one_object(folder: Folder) -> None:
    keys = ("a b.png", "ä.png", "50%.png", "a%20b.png", "a+b.png", "a#b?.png")
    for key in keys:
        folder.write(key, key.encode())
    for key in keys:
        assert folder.read(key) == key.encode()
        assert folder.storage.read(folder.uri_of(key)) == key.encode()
    assert [entry.key for entry in folder.entries("")] == sorted(keys)


# -- whose credentials count

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


@pytest.mark.parametrize("uri", ["s3://la bels/x", "gs://la\nbels/x", "az://a@b/x", "s3://../x"])
def test_a_bucket_that_is_no_name_is_refused(uri: str) -> None:
    with pytest.raises(StorageNotAllowedError):
        Storage(StorageAccess(prefixes=None), _S3).check(uri)


def test_a_check_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", "malformed")
    storage = Storage(StorageAccess(prefixes=("gs://labels/team",)))
    storage.check("gs://labels/team/in.manifest")
    with pytest.raises(StorageNotAllowedError):
        storage.check("gs://labels/other")


# -- a store that does not answer


def test_ambient_credentials_open_the_store(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    folder = Storage(StorageAccess(prefixes=(s3_server.uri,))).folder(f"{s3_server.uri}/ambient")
    assert folder.create("x", b"1")
    assert not folder.create("x", b"2")


def test_wrong_credentials_are_told_without_the_secret(s3_server: S3Server) -> None:
    access = StorageAccess(prefixes=None, endpoint=s3_server.endpoint, region=s3_server.region)
    wrong = {**s3_server.credentials, "aws_secret_access_key": "canary-secret"}
    with pytest.raises(StorageError) as refused:
        Storage(access, wrong).folder(s3_server.uri).read("x")
    assert "canary-secret" not in str(refused.value)
    assert "get s3://labels/x" in str(refused.value)


def test_a_store_that_refuses_connections_is_told_within_seconds() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
    access = StorageAccess(prefixes=None, endpoint=endpoint, region="us-east-1")
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    started = time.monotonic()
    with pytest.raises(StorageError, match="get s3://labels/x"):
        Storage(access, keys).folder("s3://labels").read("x")
    assert time.monotonic() - started < 15


def test_a_store_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        access = StorageAccess(prefixes=None, endpoint=endpoint, region="us-east-1")
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        started = time.monotonic()
        with pytest.raises(StorageError):
            Storage(access, keys, timeout_seconds=1).folder("s3://labels").read("x")
        # The limit counts three times, with a little for the last request.
        assert time.monotonic() - started < 6


async def test_the_operator_is_not_blocked_by_a_silent_store() -> None:
    import asyncio

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        access = StorageAccess(prefixes=None, endpoint=endpoint, region="us-east-1")
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        folder = Storage(access, keys, timeout_seconds=1).folder("s3://labels")
        request = asyncio.ensure_future(folder.read_async("x"))
        await asyncio.sleep(0.1)
        assert not request.done()
        with pytest.raises(StorageError):
            await request


def test_objects_are_there_again_after_the_store_was_away(own_s3_server: S3Server) -> None:
    folder = s3_storage(own_s3_server).folder(f"{own_s3_server.uri}/job")
    folder.write("kept", b"1")
    own_s3_server.stop()
    with pytest.raises(StorageError):
        folder.read("kept")
    own_s3_server.start()
    assert folder.read("kept") == b"1"
    assert not folder.create("kept", b"2")

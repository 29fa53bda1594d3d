"""What a store answers, as one of our errors: which is an outage, and always in the same words."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.exceptions import BaseError
from obstore.store import MemoryStore

from s3 import S3Server
from surelabel_contract.errors import ConfigurationError, ImpossibleUriError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import (
    Folder,
    ForbiddenError,
    ImpossibleNameError,
    NotFoundInStoreError,
    Storage,
    StorageError,
    UnusableStoreError,
)
from surelabel_contract.store_errors import translated

_KEYS = {"aws_access_key_id": "of-secret", "aws_secret_access_key": "b"}


def folder_of(server: S3Server, bucket: str, **credentials: str) -> Folder:
    return server.storage(**credentials).folder(f"s3://{bucket}/job")


class Answers:
    """An HTTP server that gives one answer to everything."""

    def __init__(self) -> None:
        self.status, self.body, self.url = 200, b"", ""

    def folder(self) -> Folder:
        access = StorageAccess(prefixes=None, endpoint=self.url, region="us-east-1")
        return Storage(access, _KEYS, timeout_seconds=1).folder("s3://labels")

    def said(self, status: int, code: str = "", message: str = "") -> StorageError:
        """The error of a get that is answered so."""
        self.status = status
        request = "<RequestId>4442587FB7D0A2F9</RequestId>"
        self.body = f"<Error><Code>{code}</Code><Message>{message}</Message>{request}".encode()
        with pytest.raises(StorageError) as refused:
            self.folder().read("x")
        return refused.value


@pytest.fixture
def answers() -> Iterator[Answers]:
    found = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


# -- an object, or the store?


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", ForbiddenError),
        (403, "AuthorizationPermissionMismatch", ForbiddenError),
        (403, "InvalidObjectState", ForbiddenError),
        (403, "", ForbiddenError),
        (400, "AuthorizationHeaderMalformed", ForbiddenError),
        (301, "", ForbiddenError),
        (400, "KeyTooLongError", ImpossibleNameError),
        (404, "NoSuchKey", NotFoundInStoreError),
        (404, "NoSuchBucket", NotFoundInStoreError),
        (400, "ExpiredToken", UnusableStoreError),
        (403, "SignatureDoesNotMatch", UnusableStoreError),
        (403, "InvalidAccessKeyId", UnusableStoreError),
        (403, "RequestTimeTooSkewed", StorageError),
        (401, "", UnusableStoreError),
        (429, "", StorageError),
        (500, "InternalError", StorageError),
        (503, "SlowDown", StorageError),
    ],
)
def test_an_answer_about_the_object_differs_from_an_outage(
    answers: Answers, status: int, code: str, kind: type[StorageError]
) -> None:
    assert type(answers.said(status, code)) is kind


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("n" * 300, ImpossibleNameError),
        ("ok.txt/x", ImpossibleNameError),
        ("folder", NotFoundInStoreError),
        ("missing", NotFoundInStoreError),
    ],
)
def test_a_local_name_that_no_file_can_have_is_told_from_a_missing_file(
    tmp_path: Path, key: str, kind: type[StorageError]
) -> None:
    (tmp_path / "ok.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    folder = Storage(StorageAccess(prefixes=None, local_files=True)).folder(tmp_path.as_uri())
    with pytest.raises(kind) as refused:
        folder.read(key)
    assert folder.uri_of(key) in str(refused.value)


def test_a_key_that_s3_finds_too_long_is_no_outage(s3_server: S3Server) -> None:
    with pytest.raises(ImpossibleNameError, match=r"400 Bad Request \(KeyTooLongError\)"):
        folder_of(s3_server, s3_server.bucket).storage.read(f"{s3_server.uri}/{'n' * 300}")


@pytest.mark.parametrize("number", [13, 1])
def test_a_local_file_that_may_not_be_read_is_forbidden(number: int) -> None:
    # The tests may run as root, who may read everything.
    error = OSError(f"Unable to open file /x: no (os error {number})")
    assert type(translated("get", "file:///x", error)) is ForbiddenError


@pytest.mark.parametrize("number", [5, 24, 28, 116])
def test_a_disk_that_fails_is_an_outage(number: int) -> None:
    error = OSError(f"Unable to open file /x: no (os error {number})")
    assert type(translated("get", "file:///x", error)) is StorageError


# -- the bucket


def put(folder: Folder) -> None:
    folder.write("x", b"1")


def create(folder: Folder) -> None:
    folder.create("x", b"1")


def stream(folder: Folder) -> None:
    with folder.writer("x") as writer:
        writer.write(b"1")


@pytest.mark.parametrize("write", [put, create, stream])
def test_a_write_to_a_missing_bucket_names_the_bucket_and_the_field(
    s3_server: S3Server, write: Callable[[Folder], None]
) -> None:
    with pytest.raises(StorageError) as refused:
        write(folder_of(s3_server, "no-bucket"))
    assert type(refused.value) is UnusableStoreError
    message = str(refused.value)
    assert message.startswith("spec.output.uri: bucket or container 'no-bucket' does not exist")
    assert "s3://no-bucket/job/x" in message
    assert "Create it" in message


async def test_a_replacement_in_a_missing_bucket_is_not_taken_for_a_lost_race(
    s3_server: S3Server,
) -> None:
    with pytest.raises(StorageError, match="bucket or container 'no-bucket' does not exist"):
        await folder_of(s3_server, "no-bucket").replace_async("x", b"1", '"version"')


def test_a_missing_bucket_has_no_objects_to_read(s3_server: S3Server) -> None:
    with pytest.raises(NotFoundInStoreError):
        folder_of(s3_server, "no-bucket").read("x")


async def test_replacing_a_local_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    folder = Storage(StorageAccess(prefixes=None, local_files=True)).folder(tmp_path.as_uri())
    assert not await folder.replace_async("x", b"1", "0" * 64)
    assert list(tmp_path.iterdir()) == []


# -- the words


def wrong_key(server: S3Server) -> Folder:
    return folder_of(server, server.bucket, aws_secret_access_key="canary-secret")


def no_bucket(server: S3Server) -> Folder:
    return folder_of(server, "no-bucket")


@pytest.mark.parametrize("folder", [wrong_key, no_bucket])
@pytest.mark.parametrize("ask", [put, create, lambda found: found.entries("")])
def test_two_refusals_have_the_same_words(
    s3_server: S3Server, folder: Callable[[S3Server], Folder], ask: Callable[[Folder], Any]
) -> None:
    messages = set()
    for _ in range(2):
        with pytest.raises(StorageError) as refused:
            ask(folder(s3_server))
        messages.add(str(refused.value))
    (message,) = messages
    assert "<" not in message
    assert "canary" not in message


def test_the_servers_own_words_are_kept(s3_server: S3Server) -> None:
    with pytest.raises(StorageError) as refused:
        wrong_key(s3_server).read("x")
    assert str(refused.value) == (
        "get s3://labels/job/x: 403 Forbidden (SignatureDoesNotMatch): The request signature we "
        "calculated does not match the signature you provided. Check your key and signing method. "
        "Asked with the credentials of spec.storage.secretName: they are wrong, or lack the right "
        "to do this. Correct the Secret, or give them the right."
    )


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ((), "No credentials were found in this process's environment"),
        (("AWS_ACCESS_KEY_ID",), "No credentials were found in this process's environment"),
        (
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            "Asked with the credentials of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in this",
        ),
        (
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            "Asked with the credentials of AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN in this",
        ),
    ],
)
def test_who_is_refused_learns_which_credentials_he_came_with(
    monkeypatch: pytest.MonkeyPatch, variables: tuple[str, ...], found: str
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in variables:
        monkeypatch.setenv(name, "canary")
    error = BaseError("Generic S3 error: Server returned non-2xx status code: 403 Forbidden: ")
    message = str(translated("get", "s3://labels/x", error))
    assert message.startswith(f"get s3://labels/x: 403 Forbidden. {found}")
    assert "canary" not in message
    assert "credentials" not in str(translated("get", "file:///x", PermissionError(13, "no")))


def test_an_archived_object_is_no_matter_of_rights(answers: Answers) -> None:
    assert "credentials" not in str(answers.said(403, "InvalidObjectState"))
    assert "credentials" in str(answers.said(403, "AccessDenied"))


def test_a_machine_without_an_identity_is_told_to_set_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    error = BaseError(
        "Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token in 1.1s, "
        "after 3 retries, max_retries: 3, retry_timeout: 90s - HTTP error: error sending request"
    )
    message = str(translated("get", "s3://labels/x", error))
    assert message.startswith(
        "get s3://labels/x: http://169.254.169.254: HTTP error: error sending request. No "
        "credentials were found"
    )
    assert "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in message


@pytest.mark.parametrize(
    "varying",
    [
        "0f1c3b5a-501e-0036-7f9c-3c1b2d000000",
        "4442587FB7D0A2F9",
        "2026-11-24T22:06:17.123Z",
        "\nRequestId:1\nTime:2026",
    ],
)
def test_ids_and_times_in_the_servers_words_are_left_out(answers: Answers, varying: str) -> None:
    message = str(answers.said(403, "AccessDenied", f"Not for you &amp; him {varying}"))
    assert message.startswith("get s3://labels/x: 403 Forbidden (AccessDenied): Not for you & him")
    assert varying not in message


def closed_port() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def test_two_refused_connections_have_the_same_words_and_name_the_host() -> None:
    access = StorageAccess(prefixes=None, endpoint=closed_port(), region="us-east-1")
    messages = set()
    for _ in range(2):
        with pytest.raises(StorageError) as refused:
            Storage(access, _KEYS, timeout_seconds=2).read("s3://labels/x")
        assert type(refused.value) is StorageError
        messages.add(str(refused.value))
    assert messages == {
        f"get s3://labels/x: {access.endpoint}: HTTP error: error sending request "
        "(Connection refused). Check that the store is up and can be reached from here; its "
        "address is spec.storage.endpoint of a job, AWS_ENDPOINT_URL for a command."
    }


def test_a_store_that_does_not_answer_in_time_is_an_outage_with_the_same_words() -> None:
    messages = set()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        access = StorageAccess(prefixes=None, endpoint=endpoint, region="us-east-1")
        for _ in range(2):
            with pytest.raises(StorageError) as refused:
                Storage(access, _KEYS, timeout_seconds=0.3).read("s3://labels/x")
            assert type(refused.value) is StorageError
            messages.add(str(refused.value))
    assert messages == {
        f"get s3://labels/x: {endpoint}: HTTP error: error sending request (Timeout). Check that "
        "the store is up and can be reached from here; its address is spec.storage.endpoint of a "
        "job, AWS_ENDPOINT_URL for a command."
    }


# -- URIs that cannot be


@pytest.mark.parametrize(
    "uri", ["s3:///x", "s3://b/a//x", "s3://b/./x", "s3://b/a//", "s3://b/a\nb", "s3://b/\x7f"]
)
def test_a_uri_that_no_object_can_have_is_refused_before_a_request(uri: str) -> None:
    with pytest.raises(ImpossibleUriError):
        Storage(StorageAccess(prefixes=None), _KEYS).read(uri)


@pytest.mark.parametrize("path", ["a%00b", "a%0Ab", "circle/x"])
def test_a_local_path_that_cannot_be_followed_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(ImpossibleUriError):
        Storage(StorageAccess(prefixes=None, local_files=True)).read(f"{tmp_path.as_uri()}/{path}")


@given(st.text(st.characters(codec="utf-8"), max_size=12))
def test_what_is_not_refused_is_a_key_for_obstore(path: str) -> None:
    storage = Storage(StorageAccess(prefixes=None))
    try:
        _, key = storage.allowed.resolve(f"s3://bucket/{path}")
    except ConfigurationError:
        return
    with pytest.raises(FileNotFoundError):
        obstore.get(MemoryStore(), key)

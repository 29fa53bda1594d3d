"""What ``surelabel run`` asks of the store first: a refusal ends it, an outage does not."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.run_jobs import JOB, write_job
from s3 import S3Server
from surelabel_cli import run as run_module
from surelabel_cli.errors import UserError
from surelabel_cli.job_file import JobFile, read_job_file
from surelabel_cli.main import app
from surelabel_cli.store_check import check_store

_AMBIENT = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _AMBIENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")


def a_job(folder: Path, output: str) -> JobFile:
    return read_job_file(write_job(folder / "job.yaml", JOB.replace("file://./out", output)))


def use(monkeypatch: pytest.MonkeyPatch, server: S3Server, **changes: str) -> None:
    keys = {**server.credentials, **changes}
    for name, value in keys.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    monkeypatch.setenv("AWS_REGION", server.region)


def test_a_store_that_answers_is_no_problem_also_where_nothing_lies_yet(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, s3_server)
    assert check_store(a_job(tmp_path, f"{s3_server.uri}/{tmp_path.name}")) is None
    assert check_store(a_job(tmp_path, (tmp_path / "nothing").as_uri())) is None


def test_a_bucket_that_there_is_not_ends_it(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, s3_server)
    with pytest.raises(
        UserError, match=r"bucket or container 'no-bucket' does not exist.*Create it"
    ):
        check_store(a_job(tmp_path, "s3://no-bucket/out"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        # As this server says it; AWS answers 403 InvalidAccessKeyId.
        ("aws_access_key_id", "404 Not Found .*: No user exists with the provided access key ID"),
        ("aws_secret_access_key", "403 .*AWS_ACCESS_KEY_ID and .*Correct them"),
    ],
)
def test_credentials_that_are_refused_end_it(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, says: str
) -> None:
    use(monkeypatch, s3_server, **{wrong: "wrong"})
    with pytest.raises(UserError, match=says):
        check_store(a_job(tmp_path, s3_server.uri))


class NoIdentity(BaseHTTPRequestHandler):
    """What a machine asks who it is: nobody."""

    def do_GET(self) -> None:
        self.send_error(403)

    do_PUT = do_GET  # noqa: N815 - as http.server calls it

    def log_message(self, *_: object) -> None:
        return None


def test_without_credentials_run_ends_before_it_starts_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "LocalRay", None)
    job = write_job(tmp_path / "job.yaml", JOB.replace("file://./out", "s3://labels/out"))
    with ThreadingHTTPServer(("127.0.0.1", 0), NoIdentity) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        done = CliRunner().invoke(app, ["run", str(job), "--workdir", str(tmp_path / "run")])
        server.shutdown()
    assert done.exit_code == 1
    assert "the store of small refuses, so nothing was started" in done.stderr
    assert "No credentials were found in this process's environment" in done.stderr
    assert "Set AWS_ACCESS_KEY_ID" in done.stderr


def test_a_store_that_is_away_is_told_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")
        away = check_store(a_job(tmp_path, "s3://labels/out"))
    assert away is not None
    assert "Check that the store is up and can be reached from here" in away


def test_what_a_secret_says_is_left_to_the_job(tmp_path: Path) -> None:
    job = a_job(tmp_path, "s3://labels/out")
    job.job["spec"]["storage"] = {"secretName": "keys"}
    assert check_store(job) is None

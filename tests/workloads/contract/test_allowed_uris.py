"""What a job may touch, whatever way out a URI, a link or a key looks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from surelabel_contract.errors import ImpossibleUriError, StorageNotAllowedError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage


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


@pytest.mark.parametrize("local_files", [True, False])
def test_the_short_form_of_a_job_file_is_told_where_it_is_not_understood(local_files: bool) -> None:
    storage = Storage(StorageAccess(prefixes=None, local_files=local_files))
    with pytest.raises(ImpossibleUriError, match="the job file of `surelabel run` alone") as found:
        storage.check("file://./in.manifest")
    assert "Write file:///absolute/path where local files are allowed" in str(found.value)


def test_local_files_are_off_unless_allowed(tmp_path: Path) -> None:
    with pytest.raises(StorageNotAllowedError, match="local files are off"):
        Storage(StorageAccess(prefixes=None)).folder(tmp_path.as_uri())


@pytest.mark.parametrize("uri", ["s3://la bels/x", "gs://la\nbels/x", "az://a@b/x", "s3://../x"])
def test_a_bucket_that_is_no_name_is_refused(uri: str) -> None:
    with pytest.raises(StorageNotAllowedError):
        Storage(StorageAccess(prefixes=None)).check(uri)


def test_a_check_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", "malformed")
    storage = Storage(StorageAccess(prefixes=("gs://labels/team",)))
    storage.check("gs://labels/team/in.manifest")
    with pytest.raises(StorageNotAllowedError):
        storage.check("gs://labels/other")

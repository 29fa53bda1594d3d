"""Objects of a folder, in local files and a real S3 server: what stages and operator rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3 import S3Server
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import (
    Folder,
    NotFoundInStoreError,
    Storage,
    StorageError,
    TooLargeError,
)


@pytest.fixture(params=["file", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """An empty folder in each kind of store."""
    if request.param == "file":
        return Storage(StorageAccess(prefixes=None, local_files=True)).folder(tmp_path.as_uri())
    server: S3Server = request.getfixturevalue("s3_server")
    return server.storage().folder(f"{server.uri}/{tmp_path.name}")


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


def test_names_with_spaces_and_signs_are_one_object(folder: Folder) -> None:
    keys = ("a b.png", "ä.png", "50%.png", "a%20b.png", "a+b.png", "a#b?.png")
    for key in keys:
        folder.write(key, key.encode())
    for key in keys:
        assert folder.read(key) == key.encode()
        assert folder.storage.read(folder.uri_of(key)) == key.encode()
    assert [entry.key for entry in folder.entries("")] == sorted(keys)


def test_objects_are_there_again_after_the_store_was_away(own_s3_server: S3Server) -> None:
    folder = own_s3_server.storage().folder(f"{own_s3_server.uri}/job")
    folder.write("kept", b"1")
    own_s3_server.stop()
    with pytest.raises(StorageError):
        folder.read("kept")
    own_s3_server.start()
    assert folder.read("kept") == b"1"
    assert not folder.create("kept", b"2")

"""The packer: one archive for one content, and all that an image's layer can hold."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest

from e2e.archive import write_archive, write_layer

EPOCH = 1767225600


def write_tree(folder: Path, names: list[str]) -> Path:
    """The same tree whatever the order of ``names``, so the folder's own order differs."""
    folder.mkdir()
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    (folder / "link").symlink_to("usr/a")
    os.link(folder / "usr/a", folder / "usr/zz")
    return folder


NAMES = ["usr/b", "usr/a", "etc/x", "usr/" + "long" * 40, "empty/y"]


def entries(layer: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer) as file:
        return {entry.name: entry for entry in file.getmembers()}


def test_same_content_gives_the_same_bytes_whenever_and_in_whatever_order_it_was_written(
    tmp_path: Path,
) -> None:
    first = write_tree(tmp_path / "first", NAMES)
    second = write_tree(tmp_path / "second", NAMES[::-1])
    os.utime(second / "usr/a", (1, 1))
    packed = []
    for tree in (first, second):
        layer = tmp_path / f"{tree.name}.layer"
        write_layer(layer, tree, "", EPOCH)
        archive = tmp_path / f"{tree.name}.tar"
        write_archive(archive, "a/b:c", [layer], {"os": "linux"}, EPOCH)
        packed.append(archive.read_bytes())
    assert packed[0] == packed[1]


def test_another_content_gives_another_digest(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", NAMES)
    before = write_layer(tmp_path / "before", tree, "", EPOCH)
    (tree / "etc/x").chmod(0o600)
    assert write_layer(tmp_path / "after", tree, "", EPOCH) != before


def test_entries_are_sorted_dated_and_owned_by_numbers_alone(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", NAMES)
    write_layer(tmp_path / "layer", tree, "", EPOCH)
    found = entries(tmp_path / "layer")
    assert list(found) == sorted(found)
    assert {entry.mtime for entry in found.values()} == {EPOCH}
    assert {(entry.uname, entry.gname) for entry in found.values()} == {("", "")}
    assert {(entry.uid, entry.gid) for entry in found.values()} == {(os.getuid(), os.getgid())}


def test_links_stay_links(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", NAMES)
    write_layer(tmp_path / "layer", tree, "", EPOCH)
    found = entries(tmp_path / "layer")
    assert found["link"].issym()
    assert found["link"].linkname == "usr/a"
    assert found["usr/zz"].islnk()
    assert found["usr/zz"].linkname == "usr/a"


def test_a_layer_lies_where_it_is_told_to(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", NAMES)
    write_layer(tmp_path / "layer", tree, "/opt/surelabel", EPOCH)
    found = entries(tmp_path / "layer")
    assert found["opt/surelabel"].isdir()
    assert "opt/surelabel/usr/a" in found
    assert found["opt/surelabel/usr/zz"].linkname == "opt/surelabel/usr/a"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make the marks of overlayfs")
def test_what_an_overlay_removed_becomes_a_whiteout(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "etc/new").mkdir(parents=True)
    os.mknod(tree / "etc/gone", 0o020000, os.makedev(0, 0))
    os.mknod(tree / "null", 0o020666, os.makedev(1, 3))
    os.setxattr(tree / "etc/new", "trusted.overlay.opaque", b"y")
    write_layer(tmp_path / "layer", tree, "", EPOCH)
    found = entries(tmp_path / "layer")
    assert set(found) == {"etc", "etc/new", "etc/new/.wh..wh..opq", "etc/.wh.gone"}
    assert found["etc/.wh.gone"].isreg()
    assert {entry.mtime for entry in found.values()} == {EPOCH}


def test_archive_names_what_it_holds_by_digest(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", NAMES)
    digest = write_layer(tmp_path / "layer", tree, "", EPOCH)
    config = {"os": "linux", "architecture": "amd64", "config": {"User": "1:1"}}
    write_archive(tmp_path / "a.tar", "a/b:c", [tmp_path / "layer"], config, EPOCH)
    with tarfile.open(tmp_path / "a.tar") as file:
        contents = {name: file.extractfile(name) for name in file.getnames()}
        read = {name: stream.read() for name, stream in contents.items() if stream}
    (manifest,) = json.loads(read["manifest.json"])
    assert manifest["RepoTags"] == ["a/b:c"]
    assert manifest["Layers"] == [f"{digest}.tar"]
    assert read[f"{digest}.tar"] == (tmp_path / "layer").read_bytes()
    assert manifest["Config"] == f"{hashlib.sha256(read[manifest['Config']]).hexdigest()}.json"
    written = json.loads(read[manifest["Config"]])
    assert written["rootfs"] == {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    assert written["created"] == "2026-01-01T00:00:00Z"
    assert {key: written[key] for key in config} == config

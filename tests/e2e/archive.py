"""Packs folders into a docker-archive: the same content gives the same bytes at any time.

containerd, podman and docker load such a file; no registry and no engine is needed to write it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# How overlayfs says that a folder hides what lies below it.
_OPAQUE = "trusted.overlay.opaque"


def write_layer(layer: Path, tree: Path, at: str, epoch: int) -> str:
    """Write ``tree`` as an uncompressed layer at the path ``at`` of the image; its digest.

    Entries are sorted, owned by the numbers that own the files, and all as old as ``epoch``. What
    overlayfs marks as removed becomes a whiteout. Devices and sockets are left out.
    """
    names: dict[tuple[int, int], str] = {}
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as file:
        for path in _walk(tree):
            name = "/".join(filter(None, [at.strip("/"), path.relative_to(tree).as_posix()]))
            name = name.removesuffix("/.")
            entry = _entry(path, name, names)
            if entry is None or name == ".":
                continue
            entry.mtime = epoch
            if entry.size:
                with path.open("rb") as content:
                    file.addfile(entry, content)
            else:
                file.addfile(entry)
            if entry.isdir() and _is_opaque(path):
                file.addfile(_empty(f"{name}/.wh..wh..opq", epoch))
    return digest_of(layer)


def write_archive(
    archive: Path, tag: str, layers: Sequence[Path], config: Mapping[str, Any], epoch: int
) -> None:
    """Write an image of these layers, the lowest first, under the name ``tag``.

    ``config``: what the image's configuration has besides creation time and layers.
    """
    digests = [digest_of(layer) for layer in layers]
    content = {
        **config,
        "created": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }
    encoded = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    name = f"{hashlib.sha256(encoded).hexdigest()}.json"
    names = [f"{digest}.tar" for digest in digests]
    manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": names}]).encode()
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as file:
        _add_bytes(file, name, encoded, epoch)
        for layer_name, layer in zip(names, layers, strict=True):
            entry = _empty(layer_name, epoch)
            entry.size = layer.stat().st_size
            with layer.open("rb") as stream:
                file.addfile(entry, stream)
        # Last, so that a file cut short is no image.
        _add_bytes(file, "manifest.json", manifest, epoch)


def digest_of(path: Path) -> str:
    """sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _walk(tree: Path) -> Iterator[Path]:
    """The folder and all below it, each folder before what it holds, sorted by name."""
    yield tree
    for path in sorted(tree.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _entry(path: Path, name: str, names: dict[tuple[int, int], str]) -> tarfile.TarInfo | None:
    found = path.lstat()
    entry = tarfile.TarInfo(name)
    entry.mode = stat.S_IMODE(found.st_mode)
    entry.uid, entry.gid = found.st_uid, found.st_gid
    if stat.S_ISDIR(found.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(found.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
        folder, _, last = name.rpartition("/")
        return _empty("/".join(filter(None, [folder, f".wh.{last}"])), 0)
    elif not stat.S_ISREG(found.st_mode):
        return None
    elif found.st_nlink > 1 and (found.st_dev, found.st_ino) in names:
        entry.type, entry.linkname = tarfile.LNKTYPE, names[found.st_dev, found.st_ino]
    else:
        names[found.st_dev, found.st_ino] = name
        entry.size = found.st_size
    return entry


def _is_opaque(path: Path) -> bool:
    try:
        return os.getxattr(path, _OPAQUE) == b"y"
    except OSError:
        return False


def _empty(name: str, epoch: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = 0o644, epoch
    return entry


def _add_bytes(file: tarfile.TarFile, name: str, content: bytes, epoch: int) -> None:
    entry = _empty(name, epoch)
    entry.size = len(content)
    file.addfile(entry, io.BytesIO(content))
